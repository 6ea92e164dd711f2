"""Promises about finding: of a yes/no task's positives, so many are found (recall); of what is said to be one, so many
are (precision). The kind of promise that SUPG (arXiv 2004.00827) makes asymptotically, here at every sample size.

Both choose the score from which on a question counts as positive, from a fresh random sample whose truth is known.

**Recall.** The positives of the sample are k random positives. Put the threshold at the score of the (c+1)-th lowest of
them. The share of all positives that lie strictly below it is more than x = 1 - target only if at most c of the k fell among
the lowest x of all positives: P(violation) <= P(Binomial(k, x) <= c), whatever the scores are, ties included (a tie is
found as a whole). c is the largest count that keeps this within the risk. Missed positives nest in the threshold, so
looking at all scores costs nothing.

**Precision.** What is selected at a threshold does not nest in its errors, so thresholds are tested one by one, in an order
that is fixed beforehand, each with an exact binomial test, until one fails (fixed-sequence testing, see Learn then Test,
arXiv 2110.01052). The walk begins at several places with an equal part of the risk each, since the highest threshold selects
too few to prove anything.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from stepladder.promise.bounds import binomial_cdf, binomial_test_greater
from stepladder.promise.inputs import InvalidPromiseInput, error_budget, open_unit, scored_sample

_STARTS = 5


@dataclass(frozen=True, slots=True)
class Selection:
    """A question with a score of at least `threshold` counts as positive.

    `positives` of the `sample` were positive, and `found` of the `selected` ones. Where nothing can be promised, the
    threshold is -inf for recall (everything is selected) and +inf for precision (nothing is).
    """

    threshold: float
    sample: int
    positives: int
    selected: int
    found: int
    target: float
    risk: float

    @property
    def certified(self) -> bool:
        """Whether the sample decided anything."""
        return math.isfinite(self.threshold)


def certify_recall(scores: ArrayLike, positive: ArrayLike, *, target: float, risk: float) -> Selection:
    """The highest threshold at which, with probability 1 - `risk`, a share `target` of all positives is found.

    `scores` and `positive` (m,) are a random sample. Raises InvalidPromiseInput.
    """
    checked, truth = scored_sample(scores, positive)
    missed, risk = float(error_budget(target)), open_unit("risk", risk)
    of_positives = np.sort(checked[truth])
    allowed = -1
    while allowed + 1 < of_positives.size and binomial_cdf(allowed + 1, of_positives.size, missed) <= risk:
        allowed += 1
    threshold = float(of_positives[allowed]) if allowed >= 0 else -math.inf
    picked = checked >= threshold
    found = int((picked & truth).sum())
    return Selection(threshold, checked.size, of_positives.size, int(picked.sum()), found, target, risk)


def certify_precision(
    scores: ArrayLike, positive: ArrayLike, grid: ArrayLike, *, target: float, risk: float
) -> Selection:
    """The lowest threshold of `grid` at which, with probability 1 - `risk`, a share `target` of the selected is positive.

    `scores` and `positive` (m,) are a random sample; `grid` holds thresholds chosen without looking at it (quantiles of
    training scores, say). The share is that of the population which the sample stands for. Raises InvalidPromiseInput.
    """
    checked, truth = scored_sample(scores, positive)
    error_budget(target)
    risk = open_unit("risk", risk)
    steps = np.unique(np.asarray(grid, dtype=np.float64))[::-1]
    if steps.size == 0 or not np.isfinite(steps).all():
        raise InvalidPromiseInput("grid", steps.tolist(), "give one or more finite thresholds")
    starts = np.unique(np.linspace(0, steps.size - 1, min(_STARTS, steps.size)).astype(int)).tolist()
    best = math.inf
    for start in starts:
        for threshold in steps[start:].tolist():
            picked = checked >= threshold
            found, selected = int((picked & truth).sum()), int(picked.sum())
            if binomial_test_greater(found, selected, target) > risk / len(starts):
                break
            best = min(best, threshold)
    picked = checked >= best
    found = int((picked & truth).sum())
    return Selection(best, checked.size, int(truth.sum()), int(picked.sum()), found, target, risk)
