"""stepladder train with a rung's recipe: what it will take, and the rung that the flywheel would make of the same rows."""

import json
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stepladder.interaction.cli.publishing import followers
from stepladder.interaction.cli.shown import bar, drawn

if TYPE_CHECKING:
    from rich.console import Console

    from stepladder.core import Dataset, Task
    from stepladder.data import FieldNames
    from stepladder.training import Following, Foretold

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


@dataclass(frozen=True, slots=True)
class _Begun:
    """What those who follow a run are told of it."""

    method: str
    settings: Mapping[str, Any]
    seed: int
    rows: int


def train_rung(
    console: "Console", job: RungJob, out: Path, price: float, told: tuple[str, Path | None] | None
) -> None:
    """Say what it will take, then fit it into `out`/model, `told` to a tracker's address and a configuration's ledger; None:
    that it is told is all that is wanted."""
    from stepladder.training import foretell

    if (out / "made.json").exists():
        console.print(f"{out / 'made.json'} is there already: give a new folder to fit again.")
        return
    expected = foretell(job.task, job.recipe, job.dataset.splits["train"], job.settings)
    _estimate(console, job, expected, price)
    if told is not None:
        _fit(console, job, out, told)


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


def _fit(console: "Console", job: RungJob, out: Path, told: tuple[str, Path | None]) -> None:
    from stepladder.evaluation import Table
    from stepladder.registry import dataset_hash, record_of
    from stepladder.training import Following, unfollowed

    examples = job.dataset.splits["train"]
    begun = _Begun(job.recipe, job.settings, job.seed, len(examples))
    dataset = replace(job.dataset, hash=dataset_hash(job.dataset.splits))
    (out / "model").mkdir(parents=True, exist_ok=True)
    began = time.monotonic()
    with ExitStack() as stack:
        followed = [
            stack.enter_context(
                Following.beside(one, out, begun, unfollowed(partial(_warn, console)), called=called)
            )
            for called, one in stack.enter_context(followers(*told)).items()
        ]
        metrics = _fitted(job, dataset, out / "model", followed) | {
            "seconds": round(time.monotonic() - began, 1)
        }
        for one in followed:
            one.done(metrics)
    record = record_of(job.task, job.settings, job.seed)
    _write(
        out / "made.json",
        {"recipe": job.recipe, "dataset": dataset.hash, "metrics": metrics, "record": record},
    )
    lines = [[name, f"{value:.4g}"] for name, value in metrics.items()]
    console.print(drawn(Table(f"Rung: {out / 'model'}", ["", ""], lines)))
    console.print(f"Record: {out / 'made.json'}", highlight=False)


def _fitted(
    job: RungJob, dataset: "Dataset", folder: Path, followed: "Sequence[Following]"
) -> dict[str, float]:
    from stepladder.core import plugins
    from stepladder.training import Heard

    recipe = plugins.find(plugins.RECIPES, job.recipe)()
    with bar(len(dataset.splits["train"])) as progress:
        heard = Heard(progress, followed)
        made = recipe.fit(job.task, dataset, folder, settings=job.settings, seed=job.seed, progress=heard)
    return dict(made.metrics)


def _warn(console: "Console", said: str) -> None:
    console.print(f"[yellow]{said}[/yellow]", highlight=False)


def _write(path: Path, told: Mapping[str, Any]) -> None:
    import msgspec

    draft = path.with_name(f".{path.name}")
    draft.write_text(json.dumps(msgspec.to_builtins(told), indent=1) + "\n", encoding="utf-8")
    draft.replace(path)
