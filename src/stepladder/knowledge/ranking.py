"""Scored passages, and how two rankings become one."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from stepladder.core import Fusion


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

    def look_up(self, numbers: NDArray[np.int64]) -> NDArray[np.float64]:
        """The scores of some passages, 0 of those that are not in it, shape (numbers,)."""
        if not len(self.numbers):
            return np.zeros(len(numbers))
        order = np.argsort(self.numbers, kind="stable")  # quick where they are in order already
        at = order[np.minimum(np.searchsorted(self.numbers, numbers, sorter=order), len(order) - 1)]
        return np.where(self.numbers[at] == numbers, self.scores[at], 0.0)


VECTOR_WEIGHT = 0.6
RANK_CONSTANT = 60
"""Of reciprocal rank fusion, as its authors chose it."""


def fused(lexical: Ranking, vector: Ranking, pool: int, how: Fusion = Fusion.SCORE) -> Ranking:
    """Both rankings' first `pool`, best first, as one.

    By score each is scaled to 0..1 and added up, the vectors' with the weight 0.6: 1 is a ranking's best score; 0 its last
    one in the pool, and for terms, where fewer were found, having none of them. Scores tell by how much one passage is
    better. By rank (reciprocal rank fusion, Cormack, Clarke & Büttcher 2009) a passage gets 1 / (60 + its place) of each;
    that finds less on each of two collections (docs/decisions/0010).
    """
    if how is Fusion.RANK:
        parts = [1.0 / (RANK_CONSTANT + places(ranking)) for ranking in (lexical, vector)]
    else:
        terms = _scaled(lexical, zero=len(lexical.numbers) < pool)
        parts = [terms, _scaled(vector, zero=False) * VECTOR_WEIGHT]
    numbers, inverse = np.unique(np.concatenate([lexical.numbers, vector.numbers]), return_inverse=True)
    sums = np.bincount(inverse, weights=np.concatenate(parts), minlength=len(numbers))
    return Ranking(numbers, sums.astype(np.float64))


def places(ranking: Ranking) -> NDArray[np.float64]:
    """1 for the first passage of a ranking that is best first, 2 for the second ..."""
    return np.arange(1.0, len(ranking.numbers) + 1)


def _scaled(ranking: Ranking, *, zero: bool) -> NDArray[np.float64]:
    if not len(ranking.scores):
        return ranking.scores
    low = 0.0 if zero else float(ranking.scores.min())
    high = float(ranking.scores.max())
    # A single score, or equal ones, are all as good as the best.
    return (ranking.scores - low) / (high - low) if high > low else np.ones_like(ranking.scores)
