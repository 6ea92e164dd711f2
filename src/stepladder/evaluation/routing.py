"""How well a router tells which questions a small model answers as well as a large one (RouteLLM, arXiv 2406.18665).

Questions go to the strong model in the order of the gain that a router foresees. PGR, the performance gap recovered, is
(quality - weak's) / (strong's - weak's); APGR is its mean over all shares of strong calls; CPT(x) is the smallest share of
strong calls that recovers x of the gap. Chance gives APGR 0.5, CPT(50 %) 0.5 and CPT(80 %) 0.8.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from stepladder.core import DataError

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class RoutingCurve:
    """`shares` of strong calls (points,), rising from 0 to 1, and the performance gap recovered at each, `recovered`."""

    shares: Floats
    recovered: Floats

    @property
    def apgr(self) -> float:
        """The mean of the gap recovered over all shares of strong calls."""
        steps = np.diff(self.shares)
        return float((steps * (self.recovered[1:] + self.recovered[:-1]) / 2).sum())

    def calls_to(self, gap: float) -> float:
        """The smallest share of strong calls that recovers the share `gap` of the gap; 1 if none does before."""
        reached = np.flatnonzero(self.recovered >= gap - 1e-12)
        return float(self.shares[reached[0]]) if reached.size else 1.0


def routing_curve(foreseen: ArrayLike, weak: ArrayLike, strong: ArrayLike) -> RoutingCurve:
    """The curve of a router that foresees these gains (n,), given each model's quality on the same questions (n,).

    Equal gains are sent together, at the mean of their qualities. Raises DataError where the strong model is not better.
    """
    gains, low, high = (np.asarray(part, dtype=np.float64) for part in (foreseen, weak, strong))
    if not gains.shape == low.shape == high.shape or gains.ndim != 1 or gains.size == 0:
        raise DataError(
            "A routing curve needs a foreseen gain and two qualities for each question.",
            remedy="Give three lists of one length.",
        )
    gap = float((high - low).sum())
    if gap <= 0.0:
        raise DataError(
            "The strong model is not better than the weak one on these questions.",
            remedy="There is nothing to route: ask the weak one.",
        )
    order = np.argsort(-gains, kind="stable")
    ends = np.flatnonzero(np.append(np.diff(gains[order]) != 0.0, True))
    won = np.cumsum((high - low)[order])[ends] / gap
    return RoutingCurve(np.append(0.0, (ends + 1) / gains.size), np.append(0.0, won))
