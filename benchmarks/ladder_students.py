"""One fit of a student for several targets: the product's recipe, plan and certificate, without the replay of a backtest.

`benchmarks/ladder_certified.py` has 300 seeds of two targets to show; a backtest would fit, embed and store everything for
each of them. What is certified and what is counted is the same.
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.ladder_stream import read
from benchmarks.vectors import warm
from stepladder.core import Example, Guess
from stepladder.data import LogRow, clean, unlabelled
from stepladder.promise import LadderPromise, Scope, certify_ladder, fewest, plan_calibration
from stepladder.training import fit_linear, fit_stack

Flags = NDArray[np.bool_]
Scores = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Way:
    """A file, how many of its rows are labelled, the student's rung, what is held back, and whether the rest is read."""

    file: str
    labels: int
    rung: str
    hold_back: float
    batch: bool


@dataclass(frozen=True, slots=True, eq=False)
class Student:
    """What a student says: on its own rows out of fold, and on all rows after them, in their shuffled order.

    `others` (rows after the first N), each with the top's answer and the gold label; `held` calibration rows come first.
    """

    hidden: tuple[Scores, Flags]
    scores: Scores
    wrong: Flags
    gold_right: Flags
    top_right: Flags
    held: int


@lru_cache(maxsize=1)
def student(way: Way, seed: int, data: Path) -> Student:
    """Fit on the first rows of a shuffle that train, and let it look at all others."""
    rows = list(read(data, way.file).rows)
    if way.rung == "stack":  # a text's vector does not depend on the seed
        warm([row.text for row in rows])
    random.Random(seed).shuffle(rows)
    kept = round(way.labels * (1 - way.hold_back))
    examples = clean([Example(str(row.line), row.text, row.answer) for row in rows[:kept]])
    rest = rows[kept:]
    others = _texts(rest) if way.batch else []
    texts, labels = [one.text for one in examples], [one.label for one in examples]
    if way.rung == "stack":
        stack = fit_stack(texts, labels, unlabelled=others, seed=seed)
        hidden, said = stack.guesses, stack.model.predict([row.text for row in rest])
    else:
        linear = fit_linear(texts, labels, unlabelled=others, seed=seed)
        hidden, said = linear.guesses, [linear.model.predict(row.text) for row in rest]
    return Student(
        _against(hidden, labels),
        *_against(said, [row.answer for row in rest]),
        _right(rest, [guess.text for guess in said]),
        _right(rest, [row.answer for row in rest]),
        way.labels - kept,
    )


def _texts(rows: Sequence[LogRow]) -> list[str]:
    """What the flywheel reads of a batch."""
    return [one.text for one in unlabelled(row.text for row in rows)["unlabelled"]]


def _against(said: Sequence[Guess], truth: Sequence[str]) -> tuple[Scores, Flags]:
    wrong = [guess.text != one for guess, one in zip(said, truth, strict=True)]
    return np.array([guess.confidence for guess in said]), np.array(wrong)


def _right(rows: Sequence[LogRow], said: Sequence[str]) -> Flags:
    return np.array([row.gold == one for row, one in zip(rows, said, strict=True)])


def certified(found: Student, target: float, risk: float) -> dict[str, float]:
    """Calls avoided and agreement among the rows after the first N at the certified threshold."""
    others = found.scores.size - found.held
    if found.held:
        scope = Scope(following=others)
        drawn = fewest(found.held, target=target, risk=risk, scope=scope)
        after = slice(found.held, None)
    else:
        scope = Scope(population=others)
        drawn = plan_calibration(*found.hidden, target=target, risk=risk, remaining=others).labels
        after = slice(None)
    sample = [(found.scores[:drawn], found.wrong[:drawn])]
    (result,) = certify_ladder(sample, LadderPromise(target, risk, scope=scope))
    low = (found.scores >= result.threshold)[after]
    if not found.held:
        low[:drawn] = False  # answered by the top, to calibrate
    gold = np.where(low, found.gold_right[after], found.top_right[after])
    return {
        "calls_avoided": float(low.mean()),
        "agreement": float(1 - (low & found.wrong[after]).mean()),
        "accuracy_gold": float(gold.mean()),
        "top_accuracy_gold": float(found.top_right[after].mean()),
        "calibration": drawn,
    }
