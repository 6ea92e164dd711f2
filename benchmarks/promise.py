"""How often the promise is violated where the truth is known: certificates, ladders and the audit.

    python benchmarks/promise.py --runs 10000 --json benchmarks/results/promise.json

Every line counts violations in independent runs, beside the risk that was promised and the p-value of "the probability
of a violation is at most the risk" (one-sided exact binomial test). A rule that holds is not rejected; one that is sharp
comes near its risk where the truth is at the edge.
"""

from __future__ import annotations

import argparse
import datetime
import json
import math
import os
import platform
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from stepladder.promise import (
    AuditProcess,
    Drift,
    LadderPromise,
    Scope,
    binomial_test_greater,
    certify_ladder,
    certify_threshold,
    detection_bound,
    error_budget,
    fewest,
)

Floats = NDArray[np.float64]
Draw = tuple[Floats, NDArray[np.bool_]]


@dataclass(frozen=True, slots=True)
class Line:
    """One row of the table."""

    what: str
    case: str
    violations: int
    runs: int
    risk: float
    p_value: float
    note: str = ""


@dataclass(frozen=True, slots=True)
class Truth:
    """A rung of known truth: uniform confidences, in `levels` ties if any, wrong with chance `error` at a confidence."""

    name: str
    error: Callable[[Floats], Floats]
    sample: int = 300
    rest: int = 2000
    target: float = 0.9
    risk: float = 0.1
    levels: int = 0

    def draw(self, rng: np.random.Generator, size: int) -> Draw:
        """Confidences and whether the rung is wrong, both (size,)."""
        scores: Floats = rng.random(size)
        if self.levels:
            scores = np.floor(scores * self.levels) / self.levels
        wrong: NDArray[np.bool_] = rng.random(size) < self.error(scores)
        return scores, wrong

    def loss_rate(self, threshold: float) -> float:
        """Loss rate of the infinite population at a threshold."""
        if self.levels:
            values = np.arange(self.levels) / self.levels
            return float((self.error(values) * (values >= threshold)).sum() / self.levels)
        if threshold >= 1.0:
            return 0.0
        width = (1.0 - threshold) / 400
        centres: Floats = threshold + width * (np.arange(400, dtype=np.float64) + 0.5)
        return float(self.error(centres).sum() * width)  # midpoint rule


def constant(rate: float) -> Callable[[Floats], Floats]:
    """A rung whose confidence says nothing."""
    return lambda scores: np.full(scores.shape, rate)


def falling(most: float) -> Callable[[Floats], Floats]:
    """A rung whose errors fall with the square of its doubt."""
    return lambda scores: most * (1.0 - scores) ** 2


TRUTHS = (
    Truth("good scores", falling(0.8)),
    Truth("useless scores", constant(0.3)),
    Truth("five tied scores", falling(0.9), levels=5),
    Truth("one tied score, just too bad", constant(0.1005), levels=1),
    Truth("tiny sample", falling(0.8), sample=30, rest=100),
    Truth("target .99", falling(0.15), sample=600, rest=3000, target=0.99),
    Truth("target .5", constant(0.8), sample=100, rest=500, target=0.5),
    Truth("risk .01", falling(0.8), risk=0.01),
    Truth("always right", constant(0.0)),
    Truth("always wrong", constant(1.0)),
)


def line(what: str, case: str, violated: int, runs: int, risk: float, note: str = "") -> Line:
    """A row with its p-value."""
    return Line(what, case, violated, runs, risk, binomial_test_greater(violated, runs, risk), note)


def certificates(truth: Truth, runs: int, rng: np.random.Generator) -> Iterator[Line]:
    """The four scopes, and a stream served for a longer time than its horizon."""
    longer = math.ceil(truth.rest * 1.5)
    budget, m = error_budget(truth.target), truth.sample
    batch, stream, beyond, rate, held, shares = 0, 0, 0, 0, 0, [0.0, 0.0, 0.0, 0.0]
    cut = fewest(m, target=truth.target, risk=truth.risk, scope=Scope(following=truth.rest))
    exactly = LadderPromise(truth.target, truth.risk, scope=Scope(following=truth.rest))
    for _ in range(runs):
        scores, wrong = truth.draw(rng, m + longer)
        certify = partial(certify_threshold, scores[:m], wrong[:m], target=truth.target, risk=truth.risk)
        over_batch, over_stream = certify(population=m + truth.rest), certify(horizon=truth.rest)
        over_rate = certify()
        losses = wrong[m:] & (scores[m:] >= over_stream.threshold)
        in_batch = wrong[m : m + truth.rest] & (scores[m : m + truth.rest] >= over_batch.threshold)
        batch += int(in_batch.sum()) > math.floor(budget * (m + truth.rest))
        stream += int(losses[: truth.rest].sum()) > math.floor(budget * truth.rest)
        beyond += int(losses.sum()) > math.floor(budget * longer)
        rate += truth.loss_rate(over_rate.threshold) > float(budget) + 1e-9
        (over_next,) = certify_ladder([(scores[:cut], wrong[:cut])], exactly)
        next_losses = wrong[m:] & (scores[m:] >= over_next.threshold)
        held += int(next_losses[: truth.rest].sum()) > math.floor(budget * truth.rest)
        for place, found in enumerate((over_batch, over_stream, over_rate, over_next)):
            shares[place] += found.low_share / runs
    size, risk = f"m={m}", truth.risk
    yield line(
        "finite batch", truth.name, batch, runs, risk, f"{size}, n={m + truth.rest}, low {shares[0]:.3f}"
    )
    yield line(
        "next N answers", truth.name, stream, runs, risk, f"{size}, N={truth.rest}, low {shares[1]:.3f}"
    )
    yield line("1.5 N answers", truth.name, beyond, runs, risk, f"{size}, N={truth.rest}")
    yield line("rate", truth.name, rate, runs, risk, f"{size}, low {shares[2]:.3f}")
    said = f"{size}, of which {cut} used, N={truth.rest}, low {shares[3]:.3f}"
    yield line("held back, exactly N answers", truth.name, held, runs, risk, said)


def ladder(runs: int, rng: np.random.Generator) -> Line:
    """Two learned rungs, the second better, on one sample."""
    m, rest, violated, low = 400, 2000, 0, 0.0
    promise = LadderPromise(0.9, 0.1, scope=Scope(horizon=rest))
    weak, strong = Truth("weak", falling(1.0)), Truth("strong", falling(0.5))
    for _ in range(runs):
        rungs = [truth.draw(rng, m + rest) for truth in (weak, strong)]
        found = certify_ladder([(scores[:m], wrong[:m]) for scores, wrong in rungs], promise)
        first, second = (scores[m:] >= rung.threshold for (scores, _), rung in zip(rungs, found, strict=True))
        losses = np.where(first, rungs[0][1][m:], second & rungs[1][1][m:])
        violated += int(losses.sum()) > math.floor(error_budget(0.9) * rest)
        low += float((first | second).mean()) / runs
    return line("ladder", "two rungs, equal parts", violated, runs, 0.1, f"m={m}, N={rest}, low {low:.3f}")


def first_alarm(process: AuditProcess, hits: NDArray[np.bool_], chance: float, batch: int = 50) -> float:
    """Answers until the alarm (inf: none), looking after every `batch`; `hits` (n,) are audited losses."""
    for start, found in enumerate(hits.reshape(-1, batch).sum(axis=1).tolist()):
        process.observe_batch(batch, [chance] * found, chance, audits=found)
        if process.alarmed:
            return (start + 1.0) * batch
    return math.inf


def false_alarms(name: str, rates: Floats, chance: float, runs: int, rng: np.random.Generator) -> Line:
    """Alarms while the rate of loss (n,) never exceeds what the promise allows."""
    violated = 0
    for _ in range(runs):
        hits = rng.random(rates.size) < rates * chance
        violated += first_alarm(AuditProcess(0.9, 0.1, chance), hits, chance) < math.inf
    note = f"{rates.size} answers, {chance:.0%} audited"
    return line("audit: false alarm", name, violated, runs, 0.1, note)


def late_alarms(drift: Drift, chance: float, runs: int, rng: np.random.Generator) -> Line:
    """Alarms later than `detection_bound` says, each run one drift of a release that lost 4 percent before."""
    bound = detection_bound(drift, target=0.9, risk=0.1, share=chance, confidence=0.9)
    after = 50 * math.ceil(bound.answers / 50)
    rates = np.concatenate([np.full(drift.history, 0.04), np.full(after, 0.1 + drift.excess)])
    delays = []
    for _ in range(runs):
        hits = rng.random(rates.size) < rates * chance
        delays.append(first_alarm(AuditProcess(0.9, 0.1, chance), hits, chance) - drift.history)
    late = sum(delay > after for delay in delays)
    passed = f"{float(np.median(delays)) * drift.excess:.0f} excess errors pass in the median"
    note = f"{chance:.0%} audited, at most {bound.excess_errors:.0f} excess errors; {passed}"
    return line("audit: later than bound", f"+{drift.excess} after {drift.history}", late, runs, 0.1, note)


def lines(runs: int, seed: int) -> Iterator[Line]:
    """The whole table; every part has random numbers of its own."""
    streams = (np.random.default_rng([seed, part]) for part in range(100))
    for truth in TRUTHS:
        yield from certificates(truth, runs, next(streams))
    yield ladder(runs, next(streams))
    answers = 5000
    waves = 0.06 + 0.04 * np.sign(np.sin(np.arange(answers) / 250.0))
    yield false_alarms("at the allowed rate", np.full(answers, 0.1), 0.05, runs, next(streams))
    yield false_alarms("at the allowed rate", np.full(answers, 0.1), 0.3, runs, next(streams))
    yield false_alarms("half of it", np.full(answers, 0.05), 0.3, runs, next(streams))
    yield false_alarms("moving below it", waves, 0.3, runs, next(streams))
    yield late_alarms(Drift(0.1), 0.2, runs, next(streams))
    yield late_alarms(Drift(0.2, history=5000), 0.2, runs, next(streams))


def markdown(rows: list[Line], about: dict[str, str | int | float]) -> str:
    """The table as a page."""
    head = [
        "# Violations of the promise where the truth is known",
        "",
        f"`{about['command']}`, {about['machine']}, {about['date']}, {about['seconds']} s.",
        "",
        'p is that of "the probability of a violation is at most the risk" (one-sided exact binomial test); low is',
        "the mean share of the calibration sample at or above the certified threshold.",
        "",
        "| what | case | violations | runs | share | risk | p | |",
        "|---|---|--:|--:|--:|--:|--:|---|",
    ]
    body = [
        f"| {row.what} | {row.case} | {row.violations} | {row.runs} | {row.violations / row.runs:.4f} "
        f"| {row.risk} | {row.p_value:.3f} | {row.note} |"
        for row in rows
    ]
    return "\n".join([*head, *body, ""])


def main() -> None:
    """Run, print, and write what was asked for."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("--runs", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", type=Path, help="write the figures here, and the table beside them as .md")
    asked = parser.parse_args()
    started, rows = time.monotonic(), []
    for row in lines(asked.runs, asked.seed):
        rows.append(row)
        share = f"{row.violations:>6} / {row.runs} = {row.violations / row.runs:.4f}"
        print(
            f"{row.what:<30}{row.case:<30}{share}  risk {row.risk}  p {row.p_value:.3f}  {row.note}",
            flush=True,
        )
    about: dict[str, str | int | float] = {
        "command": f"python benchmarks/promise.py --runs {asked.runs} --seed {asked.seed}",
        "machine": f"{os.cpu_count()} cores, Python {platform.python_version()}, numpy {np.__version__}",
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "seconds": round(time.monotonic() - started),
    }
    if asked.json:
        figures = {**about, "lines": [asdict(row) for row in rows]}
        asked.json.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")
        asked.json.with_suffix(".md").write_text(markdown(rows, about), encoding="utf-8")


if __name__ == "__main__":
    main()
