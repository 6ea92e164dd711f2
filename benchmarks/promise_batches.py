"""Batches whose doubtful rows are learnt from before the rest is certified: violations where the truth is known.

    python benchmarks/promise_batches.py [--runs 10000]

Each run makes a batch and held-back rows of one world, in random order; the rows of the lowest scores are sent up, a second
student that knows their answers scores what is left, and `promise/climbers.py` certifies it. Worlds are hard cases: tiny,
ties, targets near 1, scores that say nothing or drift, students that are worse than the first or that know every answer and use
it to hurt, small clusters of sure errors. Writes results/promise_batches.json and .md.
"""

import argparse
import datetime
import json
import math
import os
import platform
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from stepladder.promise import (
    LadderPromise,
    Scope,
    binomial_test_greater,
    certify_ladder,
    error_budget,
    fewest,
    most_doubtful,
    scoped_errors,
)

HERE = Path(__file__).parent
Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
Rows = tuple[Floats, Flags]
"""Scores and whether the answer is wrong, one a row."""


@dataclass(frozen=True, slots=True)
class Batch:
    """How large the parts are, and what is promised."""

    held: int = 300
    batch: int = 2000
    sent: int = 400
    target: float = 0.9
    risk: float = 0.1

    @property
    def rows(self) -> int:
        """All that are scored."""
        return self.held + self.batch


@dataclass(frozen=True, slots=True)
class World:
    """`first` makes scores and errors of so many rows; `second` those of the rows left, told which were sent."""

    name: str
    terms: Batch
    first: Callable[[np.random.Generator, Batch], Rows]
    second: Callable[[np.random.Generator, Batch, Rows, list[int]], Rows]


def falling(most: float, power: float = 2.0, levels: int = 0) -> Callable[[np.random.Generator, Batch], Rows]:
    """Errors that fall with the score, in `levels` ties if any."""

    def make(rng: np.random.Generator, terms: Batch) -> Rows:
        scores = rng.random(terms.rows)
        scores = np.floor(scores * levels) / levels if levels else scores
        return scores, rng.random(terms.rows) < most * (1.0 - scores) ** power

    return make


def same(rng: np.random.Generator, terms: Batch, rows: Rows, sent: list[int]) -> Rows:
    """Nothing was learnt."""
    left = np.delete(np.arange(terms.rows), sent)
    return rows[0][left], rows[1][left]


def better(rng: np.random.Generator, terms: Batch, rows: Rows, sent: list[int]) -> Rows:
    """A third of the errors are gone, and scores are new: lower for what is wrong."""
    wrong = same(rng, terms, rows, sent)[1]
    wrong = wrong & (rng.random(wrong.size) < 2 / 3)
    return np.where(wrong, 0.7, 1.0) * rng.random(wrong.size), wrong


def worse(rng: np.random.Generator, terms: Batch, rows: Rows, sent: list[int]) -> Rows:
    """What was learnt spoils others: one in twenty more is wrong, and as sure as the rest."""
    scores, wrong = same(rng, terms, rows, sent)
    return scores, wrong | (rng.random(wrong.size) < 0.05)


def drifting(rng: np.random.Generator, terms: Batch, rows: Rows, sent: list[int]) -> Rows:
    """The later a row, the surer the student is of it, and the more often wrong."""
    scores, wrong = same(rng, terms, rows, sent)
    place = np.arange(wrong.size) / wrong.size
    return scores + place, wrong | (rng.random(wrong.size) < 0.15 * place)


def at_the_edge(rng: np.random.Generator, terms: Batch, rows: Rows, sent: list[int]) -> Rows:
    """The worst a student can do that knows all answers, but not who is held back: just one error more than the rule expects,
    in small clusters, and all of them as sure as can be."""
    left = terms.rows - len(sent)
    held = terms.held * left // terms.rows
    scope = Scope(population=left, counted=terms.batch)
    allowed = scoped_errors(held, target=terms.target, risk=terms.risk, scope=scope)
    number = math.floor(error_budget(terms.target) * terms.batch) + max(allowed, 0) + 1
    wrong = np.arange(left) < number
    scores = np.where(wrong, 2.0 - np.floor(np.arange(left) / 3) / left, rng.random(left))
    order = rng.permutation(left)
    return scores[order], wrong[order]


def by_what_was_sent(rng: np.random.Generator, terms: Batch, rows: Rows, sent: list[int]) -> Rows:
    """The sent rows' answers decide what the student is sure of: their errors' neighbours, or the others."""
    scores, wrong = same(rng, terms, rows, sent)
    many = int(rows[1][sent].sum()) % 2 == 1
    return (scores if many else 1.0 - scores), wrong


WORLDS = (
    World("nothing learnt", Batch(), falling(0.8), same),
    World("a better student", Batch(), falling(0.8), better),
    World("a worse student", Batch(), falling(0.5), worse),
    World("useless scores, edge", Batch(), falling(0.12, 0.0), same),
    World("useless scores", Batch(), falling(0.3, 0.0), same),
    World("five tied scores", Batch(), falling(0.9, levels=5), same),
    World("one tied score, just too bad", Batch(sent=100), falling(0.107, 0.0, levels=1), same),
    World("tiny", Batch(held=30, batch=100, sent=20), falling(0.8), same),
    World("tiny, at the edge", Batch(held=30, batch=100, sent=20), falling(0.8), at_the_edge),
    World("three held back", Batch(held=3, batch=40, sent=10, target=0.5), falling(0.9), at_the_edge),
    World("target .99", Batch(held=600, batch=3000, target=0.99), falling(0.1), same),
    World("target .99, at the edge", Batch(held=600, batch=3000, target=0.99), falling(0.1), at_the_edge),
    World("target 1", Batch(target=1.0), falling(0.01), same),
    World("risk .01, at the edge", Batch(risk=0.01), falling(0.8), at_the_edge),
    World("scores that drift", Batch(), falling(0.4), drifting),
    World("sure clusters, at the edge", Batch(), falling(0.8), at_the_edge),
    World("sure clusters, target .95", Batch(held=600, batch=8700, sent=1600, target=0.95), falling(0.8), at_the_edge),
    World("steered by what was sent", Batch(), falling(0.5), by_what_was_sent),
    World("nearly all sent", Batch(sent=2200), falling(0.8), at_the_edge),
    World("always wrong", Batch(), falling(1.0, 0.0), same),
)  # fmt: skip


def broken(world: World, rng: np.random.Generator) -> tuple[bool, float]:
    """One run: whether the promise was broken, and the share of the batch that was believed."""
    terms = world.terms
    rows = world.first(rng, terms)
    sent = most_doubtful(rows[0], terms.sent)
    scores, wrong = world.second(rng, terms, rows, sent)
    held = np.delete(rng.permutation(terms.rows) < terms.held, sent)
    scope = Scope(population=scores.size, counted=terms.batch)
    sample = fewest(int(held.sum()), target=terms.target, risk=terms.risk, scope=scope)
    drawn = (scores[held][:sample], wrong[held][:sample])
    (found,) = certify_ladder([drawn], LadderPromise(terms.target, terms.risk, scope=scope))
    low = (scores >= found.threshold) & ~held
    allowed = math.floor(error_budget(terms.target) * terms.batch)
    return int((low & wrong).sum()) > allowed, float(low.sum()) / terms.batch


@dataclass(frozen=True, slots=True)
class Line:
    """A world's figures."""

    world: str
    held: int
    batch: int
    sent: int
    target: float
    risk: float
    runs: int
    violations: int
    p: float
    low: float


def lines(runs: int) -> Iterator[Line]:
    """Each world, with random numbers of its own."""
    for place, world in enumerate(WORLDS):
        rng, violations, low = np.random.default_rng([49, place]), 0, 0.0
        for _ in range(runs):
            violated, believed = broken(world, rng)
            violations, low = violations + violated, low + believed / runs
        one = world.terms
        p = round(binomial_test_greater(violations, runs, one.risk), 4)
        sizes = (one.held, one.batch, one.sent, one.target, one.risk)
        yield Line(world.name, *sizes, runs, violations, p, round(low, 4))


def main() -> None:
    """All worlds."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("--runs", type=int, default=10_000)
    runs, began, found = parser.parse_args().runs, time.monotonic(), []
    for line in lines(runs):
        found.append(line)
        print(line, flush=True)
    about = {
        "command": f"python benchmarks/promise_batches.py --runs {runs}",
        "machine": f"{os.cpu_count()} cores, Python {platform.python_version()}, numpy {np.__version__}",
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "seconds": round(time.monotonic() - began),
    }
    page = [
        "# Batches that are learnt from before they are certified, against known truth",
        "",
        f"`{about['command']}`, {about['machine']}, {about['date']}. `p`: one-sided exact binomial test of",
        '"the promise is broken with at most the risk". Low: mean share of the batch that is believed. At the edge: a',
        "student that knows every answer, but not which rows are held back, does the worst there is.",
        "",
        "| world | held back | batch | sent first | target | risk | low | violations | p |",
        "|---|--:|--:|--:|--:|--:|--:|--:|--:|",
    ]
    page += [
        f"| {one.world} | {one.held:,} | {one.batch:,} | {one.sent:,} | {one.target} | {one.risk} | {one.low:.1%} "
        f"| {one.violations:,} of {one.runs:,} | {one.p:.2f} |"
        for one in found
    ]
    results = HERE / "results"
    figures = {**about, "lines": [asdict(one) for one in found]}
    (results / "promise_batches.json").write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")
    (results / "promise_batches.md").write_text("\n".join(page) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
