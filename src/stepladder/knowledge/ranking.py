"""Scored passages, and how two rankings become one."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Ranking:
    """Passages' numbers and their scores, shape (passages,) each, in no order."""

    numbers: NDArray[np.int64]
    scores: NDArray[np.float64]

    @classmethod
    def none(cls) -> "Ranking":
        """Nothing was found."""
        return cls(np.empty(0, np.int64), np.empty(0))

    def best(self, count: int) -> "Ranking":
        """The `count` best, best first; of equal scores the older passage is first."""
        kept = np.arange(len(self.numbers))
        if count < len(kept):
            # All that equal the last one are kept until they are sorted: which of them stays must not be chance.
            least = np.partition(self.scores, -count)[-count]
            kept = np.flatnonzero(self.scores >= least)
        order = kept[np.lexsort((self.numbers[kept], -self.scores[kept]))][:count]
        return Ranking(self.numbers[order], self.scores[order])


def fused(rankings: Sequence[Ranking], weights: Sequence[float], *, constant: float = 60.0) -> Ranking:
    """Reciprocal rank fusion (Cormack, Clarke & Büttcher 2009) of rankings that are best first."""
    if not any(len(ranking.numbers) for ranking in rankings):
        return Ranking.none()
    numbers = np.concatenate([ranking.numbers for ranking in rankings])
    shares = np.concatenate(
        [
            weight / (constant + 1 + np.arange(len(ranking.numbers)))
            for ranking, weight in zip(rankings, weights, strict=True)
        ]
    )
    merged, inverse = np.unique(numbers, return_inverse=True)
    sums: NDArray[np.float64] = np.bincount(inverse, weights=shares).astype(np.float64)
    return Ranking(merged, sums)
