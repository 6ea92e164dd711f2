"""Is the second of two streams worse than the first by more than a margin? An anytime-valid test by betting.

Answer i of one and answer i of the other make a pair; D is the second's figure less the first's, from -1 to 1. Whatever stake s
in [0, 1/(1 + margin)] is put on it, the capital prod(1 + s (D - margin)) is a supermartingale while the mean of D is at most
the margin (Waudby-Smith and Ramdas, arXiv 2010.09686), and ever reaches 1/risk with probability at most `risk`. The money is
spread over a fixed grid of stakes. It may be looked at after every answer.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from stepladder.promise.inputs import InvalidPromiseInput, open_unit

_STAKES = (0.05, 0.1, 0.2, 0.4, 0.8)  # of the largest that is allowed


@dataclass(frozen=True, slots=True)
class Contest:
    """After `pairs` pairs: both means, and the largest capital that was ever held against "not worse by more"."""

    pairs: int
    first: float
    second: float
    evidence: float

    def refuted(self, risk: float) -> bool:
        """Whether the second is worse; a wrong yes has probability at most `risk`, however often it is asked."""
        return self.evidence >= 1 / open_unit("risk", risk)


def contest(first: Sequence[float], second: Sequence[float], margin: float) -> Contest:
    """Compare figures from 0 to 1 (more is worse) in their order. Raises InvalidPromiseInput for others."""
    if not 0 <= margin < 1:
        raise InvalidPromiseInput("margin", margin, "give 0 or more, and less than 1")
    pairs = min(len(first), len(second))
    one, other = (np.asarray(values[:pairs], np.float64) for values in (first, second))
    if pairs and (min(one.min(), other.min()) < 0 or max(one.max(), other.max()) > 1):
        raise InvalidPromiseInput("figures", "outside of 0 to 1", "scale them")
    if not pairs:
        return Contest(0, 0.0, 0.0, 1.0)
    stakes = np.array(_STAKES)[:, None] / (1 + margin)
    logs = np.cumsum(np.log1p(stakes * (other - one - margin)), axis=1)
    capital = np.exp(np.minimum(logs, 200.0)).mean(axis=0)
    return Contest(pairs, float(one.mean()), float(other.mean()), float(max(1.0, capital.max())))
