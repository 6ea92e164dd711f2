"""Recall, precision, floors and low answers alone: 10,000 simulations of known truth each, violations counted.

    python benchmarks/promise_parts.py [--runs 10000]

A world of 200,000 questions whose truth is known; one in six is positive. Each run draws a fresh calibration sample,
certifies a threshold at risk 0.1, and looks at the world whether the promise is broken there. Worlds: a rung whose doubt
falls with its score, the same with many ties, and one whose score says nothing. Writes results/promise_parts.json and .md.
"""

import argparse
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from stepladder.promise import (
    CertifiedThreshold,
    binomial_test_greater,
    certify_answered,
    certify_label,
    certify_part,
)

HERE = Path(__file__).parent
SIZE, RISK = 200_000, 0.1
SAMPLES = ((60, 0.7), (400, 0.9), (1500, 0.95))
Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
Certify = Callable[..., CertifiedThreshold]


@dataclass(frozen=True, slots=True)
class World:
    """Scores, truth and what the rung says."""

    scores: Floats
    positive: Flags
    said: Flags

    @classmethod
    def make(cls, kind: str, rng: np.random.Generator) -> "World":
        """One of the three worlds."""
        positive, scores = rng.random(SIZE) < 1 / 6, rng.random(SIZE)
        doubt = np.full(SIZE, 0.2) if kind == "useless" else 0.5 * (1.0 - scores) ** 1.5
        said = positive ^ (rng.random(SIZE) < doubt)
        return cls(np.round(scores, 1) if kind == "ties" else scores, positive, said)

    def counted(self, promise: str) -> tuple[Flags, Flags, Certify]:
        """What is lost when answered low, what belongs to the part, and the test."""
        if promise == "recall":
            return self.positive & ~self.said, self.positive, certify_part
        if promise == "precision":
            return self.said & ~self.positive, self.positive, certify_label
        return self.positive != self.said, np.ones(SIZE, np.bool_), certify_answered


def broken(world: World, promise: str, target: float) -> Callable[[float], bool]:
    """Whether a threshold breaks the promise in the world, by sorted sums."""
    lost, part, _ = world.counted(promise)
    order = np.argsort(-world.scores, kind="stable")
    scores, losses = -world.scores[order], np.append(0, np.cumsum(lost[order]))
    members = int(part.sum())

    def look(threshold: float) -> bool:
        low = int(np.searchsorted(scores, -threshold, side="right"))
        wrong = int(losses[low])
        whole = {"recall": members, "precision": members + wrong}.get(promise, low)
        return wrong > (1 - target) * whole + 1e-9

    return look


def simulate(kind: str, promise: str, sample: int, target: float, runs: int) -> dict[str, object]:
    """One cell."""
    rng = np.random.default_rng([len(kind), len(promise), sample])
    world = World.make(kind, rng)
    lost, part, certify = world.counted(promise)
    violates = broken(world, promise, target)
    violations = certified = 0
    low = 0.0
    for _ in range(runs):
        drawn = rng.integers(0, SIZE, sample)
        flags = (lost[drawn],) if promise == "low answers alone" else (lost[drawn], part[drawn])
        found = certify(world.scores[drawn], *flags, target=target, risk=RISK)
        certified += found.certified
        low += found.low_share
        violations += found.certified and violates(found.threshold)
    return {
        "world": kind,
        "promise": promise,
        "sample": sample,
        "target": target,
        "runs": runs,
        "violations": violations,
        "p": round(binomial_test_greater(int(violations), runs, RISK), 4),
        "certified": round(certified / runs, 4),
        "low_share": round(low / runs, 4),
    }


def main() -> None:
    """All cells."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("--runs", type=int, default=10_000)
    runs = parser.parse_args().runs
    cells = []
    for promise in ("recall", "precision", "low answers alone"):
        for kind in ("calibrated", "ties", "useless"):
            for sample, target in SAMPLES:
                cells.append(simulate(kind, promise, sample, target, runs))
                print(cells[-1], flush=True)
    lines = [
        "# Promises over a part, against known truth",
        "",
        f"`python benchmarks/promise_parts.py --runs {runs}`: risk {RISK}: at most a tenth of the runs may violate.",
        "`p`: one-sided exact binomial test of that. `low`: mean share of the sample at or above the threshold.",
        "A floor of a label's answers is the test of precision for that label, a floor of a tenant that of recall with",
        "the tenant's questions in the place of the positives.",
        "",
        "| promise | world | sample | target | certified | low | violations | p |",
        "|---|---|--:|--:|--:|--:|--:|--:|",
    ]
    for one in cells:
        lines.append(
            f"| {one['promise']} | {one['world']} | {one['sample']} | {one['target']} | {one['certified']:.1%} "
            f"| {one['low_share']:.1%} | {one['violations']} of {one['runs']} | {one['p']:.2f} |"
        )
    (HERE / "results" / "promise_parts.json").write_text(json.dumps(cells, indent=1) + "\n", encoding="utf-8")
    (HERE / "results" / "promise_parts.md").write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
