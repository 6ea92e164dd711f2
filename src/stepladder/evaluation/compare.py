"""Is one better than the other? The paired bootstrap: the same rows are drawn again for both, and the difference looked at.

Efron and Tibshirani, "An introduction to the bootstrap" (1993); for comparing systems Koehn (2004). The interval is of
percentiles. The p-value is twice the share of draws in which the difference is on the other side of nought, or nought: with a
few hundred rows it is near a permutation test's, and it is not exact.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from stepladder.evaluation.metrics import Scores

Floats = NDArray[np.float64]

_AT_ONCE = 1 << 22


@dataclass(frozen=True, slots=True)
class Comparison:
    """`difference` is the second's figure less the first's, with a 95 % interval and a two-sided p-value."""

    figure: str
    first: float
    second: float
    difference: float
    low: float
    high: float
    p: float

    @property
    def significant(self) -> bool:
        """Whether the interval holds no nought."""
        return self.low > 0 or self.high < 0


def compare_scores(first: Scores, second: Scores, *, draws: int = 2_000, seed: int = 0) -> Comparison:
    """Compare two scores of the same rows by their main figure. Raises ValueError for other rows or another figure."""
    if first.main != second.main or first.rows.shape != second.rows.shape:
        raise ValueError("only scores of the same rows and of one kind can be compared")
    random = np.random.default_rng(seed)
    count = len(first.rows)
    found = []
    while draws > 0:
        size = max(1, min(draws, _AT_ONCE // count))
        weights = random.multinomial(count, np.full(count, 1 / count), size=size).astype(np.float64)
        found.append(_figure(weights, second.rows) - _figure(weights, first.rows))
        draws -= size
    differences = np.concatenate(found)
    low, high = np.percentile(differences, [2.5, 97.5])
    one, other = first.figures[first.main], second.figures[second.main]
    tail = min(float((differences <= 0).mean()), float((differences >= 0).mean()))
    return Comparison(first.main, one, other, other - one, float(low), float(high), min(1.0, 2 * tail))


def _figure(weights: Floats, rows: Floats) -> Floats:
    """The main figure of each draw; shape (draws,)."""
    if rows.ndim == 1:
        return np.asarray(weights @ rows / weights.sum(axis=1))
    hit, said, wanted = (weights @ rows).T
    return np.asarray(2 * hit / np.maximum(said + wanted, 1e-12))


def compare_macro_f1(
    first: Sequence[str], second: Sequence[str], gold: Sequence[str], *, draws: int = 2_000, seed: int = 0
) -> Comparison:
    """The same for macro-F1 of labels. A draw's mean is over all classes of gold and answers, drawn or not."""
    random = np.random.default_rng(seed)
    names = {name: at for at, name in enumerate(sorted({*first, *second, *gold}))}
    coded = [np.array([names[label] for label in labels]) for labels in (first, second, gold)]
    whole = [_macro(said, coded[2], len(names), np.ones(len(gold))) for said in coded[:2]]
    differences = np.empty(draws)
    chance = np.full(len(gold), 1 / len(gold))
    for draw in range(draws):
        weights = random.multinomial(len(gold), chance).astype(np.float64)
        one, other = (_macro(said, coded[2], len(names), weights) for said in coded[:2])
        differences[draw] = other - one
    low, high = np.percentile(differences, [2.5, 97.5])
    tail = min(float((differences <= 0).mean()), float((differences >= 0).mean()))
    return Comparison(
        "macro_f1", whole[0], whole[1], whole[1] - whole[0], float(low), float(high), min(1.0, 2 * tail)
    )


def _macro(said: NDArray[np.int64], gold: NDArray[np.int64], classes: int, weights: Floats) -> float:
    right = said == gold
    hit = np.bincount(gold[right], weights[right], classes)
    total = np.bincount(said, weights, classes) + np.bincount(gold, weights, classes)
    there = total > 0
    return float((2 * hit[there] / total[there]).mean()) if there.any() else 0.0


def compare_ratios(
    first: Sequence[float],
    second: Sequence[float],
    sizes: Sequence[float],
    *,
    draws: int = 2_000,
    seed: int = 0,
) -> Comparison:
    """The same for sums over the rows by the sum of their `sizes`, such as nats a byte. Raises ValueError for other rows."""
    parts = np.array([first, second, sizes], np.float64)
    count = parts.shape[1]
    random = np.random.default_rng(seed)
    one, other, size = parts @ random.multinomial(count, np.full(count, 1 / count), size=draws).T
    differences = (other - one) / size
    low, high = np.percentile(differences, [2.5, 97.5])
    whole = parts[:2].sum(axis=1) / parts[2].sum()
    tail = min(float((differences <= 0).mean()), float((differences >= 0).mean()))
    return Comparison(
        "ratio",
        float(whole[0]),
        float(whole[1]),
        float(whole[1] - whole[0]),
        float(low),
        float(high),
        min(1.0, 2 * tail),
    )
