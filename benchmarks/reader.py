"""Fit the weights of `stepladder.knowledge.reader`: how likely does the sentence that was chosen hold the answer?

    python -m benchmarks.reader --data ../shared/data

Logistic regression on the first half of CMRC's questions, five passages found by words. Prints the weights, which stand in
the reader rounded, and how they do on the other half. What was not used here is measured by `benchmarks.answers`.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.answers import asked, found_by_words
from benchmarks.knowledge import cmrc2018
from stepladder.knowledge import candidates, signs
from stepladder.text import normalise

FITTED = 1600
_L2 = 0.1
_STEPS = 30


def rows(data: Path) -> Iterator[tuple[tuple[float, ...], bool]]:
    """The signs of each question's chosen sentence, and whether it holds the answer."""
    questions = [one for known in asked(data).values() for one in known]
    for (_, answers), question, hits, rarity in found_by_words(cmrc2018(data), questions):
        found = list(candidates(question, hits, rarity))
        if found:
            best = max(found, key=lambda one: one.rank)
            right = any(normalise(answer) in normalise(best.text) for answer in answers)
            yield signs(best, found), right


def fitted(x: NDArray[np.float64], y: NDArray[np.float64]) -> NDArray[np.float64]:
    """Newton's method; the last weight is the constant's, and is not shrunk."""
    weights = np.zeros(x.shape[1])
    shrink = np.full(x.shape[1], 2 * _L2)
    shrink[-1] = 0.0
    for _ in range(_STEPS):
        likely = 1 / (1 + np.exp(-x @ weights))
        slope = x.T @ (likely - y) + shrink * weights
        curve = (x * (likely * (1 - likely))[:, None]).T @ x + np.diag(shrink)
        weights -= np.linalg.solve(curve, slope)
    return weights


def main() -> None:
    """Fit and tell."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--data", type=Path, required=True)
    found = list(rows(arguments.parse_args().data))
    x = np.array([(*given, 1.0) for given, _ in found])
    y = np.array([right for _, right in found], float)
    weights = fitted(x[:FITTED], y[:FITTED])
    print("weights:", weights.round(2).tolist())
    likely = 1 / (1 + np.exp(-x[FITTED:] @ weights))
    for sure in (0.5, 0.6, 0.7, 0.75, 0.8, 0.85, 0.9):
        spoken = likely >= sure
        right = y[FITTED:][spoken].mean() if spoken.any() else 0.0
        print(f"sure {sure}: answered {spoken.mean():.3f}, right of these {right:.3f}")


if __name__ == "__main__":
    main()
