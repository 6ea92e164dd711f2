"""stepladder train with a rung's recipe: what it will take, and the rung that the flywheel would make of the same rows."""

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stepladder.interaction.cli.shown import bar, drawn

if TYPE_CHECKING:
    from rich.console import Console

    from stepladder.core import Dataset, Task
    from stepladder.data import FieldNames
    from stepladder.training import Foretold

_GB, _MB = 1e9, 1e6


@dataclass(frozen=True, slots=True)
class RungJob:
    """What to fit: the recipe, its settings and seed, and the rows."""

    recipe: str
    task: "Task"
    dataset: "Dataset"
    settings: Mapping[str, Any]
    seed: int


def rung_job(
    recipe: str, data: Path, settings: Mapping[str, Any], seed: int, names: "FieldNames | None" = None
) -> RungJob:
    """Rows with `input` and `answer`; the answers are the labels, but of a tagger, whose answers are JSON."""
    from stepladder.core import Dataset, Example, Task
    from stepladder.data import read_log

    rows = read_log(data, names).rows
    examples = tuple(Example(str(row.line), row.text, row.answer, fields=row.fields) for row in rows)
    labels = tuple(sorted({one.label for one in examples}))
    task = Task("by-hand", "none", labels=labels if recipe != "tagger" else ())
    return RungJob(recipe, task, Dataset("", task.name, {"train": examples}), settings, seed)


def train_rung(console: "Console", job: RungJob, out: Path, price: float, *, dry_run: bool) -> None:
    """Say what it will take, and unless that is all that is wanted, fit it into `out`/model."""
    from stepladder.training import foretell

    if (out / "made.json").exists():
        console.print(f"{out / 'made.json'} is there already: give a new folder to fit again.")
        return
    expected = foretell(job.task, job.recipe, job.dataset.splits["train"], job.settings)
    _estimate(console, job, expected, price)
    if not dry_run:
        _fit(console, job, out)


def _estimate(console: "Console", job: RungJob, expected: "Foretold", price: float) -> None:
    from stepladder.evaluation import Table

    seconds = f"{expected.seconds:.1f} s" if expected.seconds < 120 else f"{expected.seconds / 60:.0f} min"
    tried = "all of them tried" if expected.tried == expected.rows else f"{expected.tried:,} of them tried"
    lines = [
        ["rows", f"{expected.rows:,}", tried],
        ["labels", f"{len(job.task.labels):,}", ""],
        ["memory", f"{expected.memory / _GB:.2f} GB", "of the process"],
        ["disk", f"{expected.disk / _MB:.1f} MB", "of the rung"],
        ["time", seconds, "at the speed that this machine has just shown"],
        *([["money", f"{expected.money(price):.4f}", f"at {price:g} an hour"]] if price else []),
    ]
    console.print(drawn(Table(f"Estimate: {job.recipe}", ["", "", ""], lines)))


def _fit(console: "Console", job: RungJob, out: Path) -> None:
    from stepladder.core import plugins
    from stepladder.evaluation import Table
    from stepladder.registry import dataset_hash, record_of

    recipe = plugins.find(plugins.RECIPES, job.recipe)()
    examples = job.dataset.splits["train"]
    dataset = replace(job.dataset, hash=dataset_hash(job.dataset.splits))
    folder = out / "model"
    folder.mkdir(parents=True, exist_ok=True)
    began = time.monotonic()
    with bar(len(examples)) as progress:
        made = recipe.fit(job.task, dataset, folder, settings=job.settings, seed=job.seed, progress=progress)
    seconds = time.monotonic() - began
    record = record_of(job.task, job.settings, job.seed)
    told = {"recipe": job.recipe, "dataset": dataset.hash, "metrics": dict(made.metrics), "record": record}
    _write(out / "made.json", told)
    lines = [[name, f"{value:.4g}"] for name, value in made.metrics.items()]
    console.print(drawn(Table(f"Rung: {folder}", ["", ""], [*lines, ["seconds", f"{seconds:.1f}"]])))
    console.print(f"Record: {out / 'made.json'}", highlight=False)


def _write(path: Path, told: Mapping[str, Any]) -> None:
    import msgspec

    draft = path.with_name(f".{path.name}")
    draft.write_text(json.dumps(msgspec.to_builtins(told), indent=1) + "\n", encoding="utf-8")
    draft.replace(path)
