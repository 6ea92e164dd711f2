"""A learned order of passages: a weighted sum of features, fitted on a collection's own questions."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import msgspec
import numpy as np
from numpy.typing import NDArray

from stepladder.core import Fusion
from stepladder.knowledge.features import FEATURES, Table
from stepladder.knowledge.ranking import Ranking

PENALTY = 10.0
"""Of a squared weight, beside the sum over all questions: with few of them, fusion stays nearly as it is."""

_FUSION_PENALTY = 1e-3
_STEPS = 50
Weights = NDArray[np.float64]
PLAIN: Weights = np.array([1.0] + [0.0] * (len(FEATURES) - 1))
"""Fusion's own order."""


class Ranker(msgspec.Struct, frozen=True):
    """What is kept. It orders what was found with the same embedder and the same fusion, and nothing else."""

    embedder: str
    fusion: Fusion
    weights: dict[str, float]

    def vector(self) -> "Weights":
        """The weights in the order of the features."""
        return np.array([self.weights[name] for name in FEATURES])

    def fits(self, embedder: str, fusion: Fusion) -> bool:
        """Whether it was fitted on rankings of this kind, and on the features that we know."""
        return (self.embedder, self.fusion) == (embedder, fusion) and self.weights.keys() == set(FEATURES)

    def ordered(self, ranking: Ranking, table: Table) -> Ranking:
        """The passages in its order, best first; `table` has their features. Those beyond it stay behind, as they were."""
        shown = len(table)
        scores = table @ self.vector()
        order = np.argsort(-scores, kind="stable")
        behind = ranking.scores[shown:]
        if len(behind):
            behind = behind - behind[0] + scores.min() - 1e-6
        return Ranking(
            np.concatenate([ranking.numbers[:shown][order], ranking.numbers[shown:]]),
            np.concatenate([scores[order], behind]),
        )


@dataclass(frozen=True, slots=True)
class Judged:
    """A question's candidates, as fusion has them in order: their features, and the document that each one is of.

    `wanted` are the right documents, and how right each is.
    """

    table: Table
    documents: Sequence[str]
    wanted: Mapping[str, float]

    @property
    def grades(self) -> NDArray[np.float64]:
        """How right each candidate is, shape (passages,)."""
        return np.array([self.wanted.get(id, 0.0) for id in self.documents])

    def ranked(self, weights: Weights) -> list[str]:
        """The documents, best first."""
        order = np.argsort(-(self.table @ weights), kind="stable")
        return list(dict.fromkeys(self.documents[place] for place in order.tolist()))


def fit(judged: Sequence[Judged]) -> Weights:
    """Weights, shape (FEATURES,), that make the right candidates most likely to be first.

    The listwise likelihood of Cao et al. 2007 (ListNet, of the first place), which is convex; by Newton's method. All
    weights but that of the fusion's score are drawn to 0, where the order is the fusion's own. Questions without a right
    candidate say nothing.
    """
    known = [one for one in judged if one.grades.sum() > 0]
    if not known:
        return PLAIN
    table = np.concatenate([one.table for one in known])
    scale = table.std(axis=0)
    scale[scale < 1e-9] = np.inf  # always the same: it says nothing
    centre = table.mean(axis=0)
    lists = _Lists((table - centre) / scale, known)
    weights = 2 * PLAIN
    for _ in range(_STEPS):
        gradient, curvature = lists.slopes(weights)
        step = np.linalg.solve(curvature, gradient)
        size, before = 1.0, lists.loss(weights)
        while (
            lists.loss(weights - size * step) > before - 1e-4 * size * float(gradient @ step) and size > 1e-6
        ):
            size /= 2
        weights = weights - size * step
        if np.abs(size * step).max() < 1e-4:
            break
    fitted: Weights = weights / scale
    return fitted


class _Lists:
    """The candidates of all questions, one below the other, each column of the same width."""

    def __init__(self, table: Table, judged: Sequence[Judged]) -> None:
        grades = [one.grades for one in judged]
        sizes = [len(one) for one in grades]
        self._table = table
        self._starts = np.concatenate([[0], np.cumsum(sizes)[:-1]])
        self._of = np.repeat(np.arange(len(sizes)), sizes)
        self._wanted = np.concatenate([one / one.sum() for one in grades])
        self._penalty = np.full(table.shape[1], PENALTY)
        self._penalty[0] = _FUSION_PENALTY

    def loss(self, weights: Weights) -> float:
        """What is made small."""
        scores = self._table @ weights
        most = np.maximum.reduceat(scores, self._starts)
        sums = np.add.reduceat(np.exp(scores - most[self._of]), self._starts)
        likely = (most + np.log(sums)).sum() - self._wanted @ scores
        return float(likely + 0.5 * (self._penalty * weights * weights).sum())

    def slopes(self, weights: Weights) -> tuple[Weights, NDArray[np.float64]]:
        """The loss's first and second derivatives."""
        scores = self._table @ weights
        most = np.maximum.reduceat(scores, self._starts)
        shares = np.exp(scores - most[self._of])
        shares /= np.add.reduceat(shares, self._starts)[self._of]
        gradient = self._table.T @ (shares - self._wanted) + self._penalty * weights
        weighed = self._table * shares[:, None]
        means = np.add.reduceat(weighed, self._starts, axis=0)
        return gradient, self._table.T @ weighed - means.T @ means + np.diag(self._penalty)
