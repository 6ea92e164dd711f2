"""Promises over a part of the questions: one tenant's, the positives (recall), or the answers of one label (precision).

Both count losses that nest in the threshold, so a threshold may be chosen among all scores at no cost. Both are shares in
the long run; of a finite batch whose drawn rows the top answers they hold as well, since fewer marked ones are found
by drawing without replacement no more often than by drawing with it, as long as the count is below its mean (Uhlmann 1966;
tests/promise/test_parts.py looks at it in numbers).

**A part that is known without the rung's answer** (`certify_part`): k questions of the sample belong to it. The share of
lost ones is above x = 1 - target only if at most c of the k fell among the most confident losses of mass x:
P(violation) <= P(Binomial(k, x) <= c).

**The answers of one label, low and top together** (`certify_label`): the top's own are right, so what the promise counts
is the n questions to which the top would say the label, and the wrong low ones, of which there are more the lower the
threshold. Let t be the highest threshold at which the wrong ones are more than x of both. Given how many questions N of the
sample are of either kind at t, the wrong ones K among them are Binomial(N, at least x), and n = N - K. The threshold goes
down to t only if K <= c(n), c(n) being the largest count with P(Binomial(n + c, x) <= c) <= risk; that probability rises in
c, so K <= c(n) means P(Binomial(N, x) <= K) <= risk, which happens with probability at most `risk`. QED.

**The low answers alone** (`certify_answered`), where nobody answers the others: their share of wrong ones does not nest. The
places of ten thresholds are fixed beforehand as ranks in the sample. Given the score t at a rank and how many scores N lie
above it, these are N independent draws from the questions above t; an exact binomial test at risk / 10 each says whether more
than 1 - target of those are wrong. The lowest threshold that passes is taken (Bonferroni).
"""

from __future__ import annotations

from fractions import Fraction

import numpy as np
from numpy.typing import ArrayLike

from stepladder.promise.bounds import binomial_cdf
from stepladder.promise.certify import CertifiedThreshold, allowed_errors, threshold_above
from stepladder.promise.inputs import (
    Flags,
    Floats,
    InvalidPromiseInput,
    error_budget,
    open_unit,
    scored_sample,
)

_ALL = Fraction(1)
RANKS = 10


def certify_part(
    scores: ArrayLike,
    wrong: ArrayLike,
    part: ArrayLike,
    *,
    target: float,
    risk: float,
    share: Fraction = _ALL,
) -> CertifiedThreshold:
    """The threshold from which on a share `target` of the `part` is not lost.

    `scores`, `wrong` (lost if answered low) and `part` are (m,), of a random sample. `share` of the losses that the target
    allows may be spent here, the rest by other rungs. Raises InvalidPromiseInput.
    """
    checked, lost, inside = _sample(scores, wrong, part)
    within = float(1 - share * error_budget(target))
    allowed = allowed_errors(int(inside.sum()), target=within, risk=open_unit("risk", risk))
    return _found(checked, lost & inside, inside, allowed, (target, risk))


def certify_label(
    scores: ArrayLike,
    wrong: ArrayLike,
    named: ArrayLike,
    *,
    target: float,
    risk: float,
    share: Fraction = _ALL,
) -> CertifiedThreshold:
    """The threshold from which on a share `target` of the answers of one label, low and top together, is right.

    `wrong` (m,) says that the rung gives this label where the top does not, `named` (m,) that the top does. Otherwise as
    `certify_part`.
    """
    checked, lost, right = _sample(scores, wrong, named)
    if bool((lost & right).any()):
        raise InvalidPromiseInput("wrong", "true", "what the top says itself is not wrong")
    budget = error_budget(target)
    part = share * budget / (1 - budget + share * budget)
    allowed = _allowed_wrong(int(right.sum()), float(part), open_unit("risk", risk))
    return _found(checked, lost, lost | right, allowed, (target, risk))


def _allowed_wrong(right: int, wrong_share: float, risk: float) -> int:
    """c(n) of the module's text, -1 where even none would prove nothing."""
    allowed = -1
    while binomial_cdf(allowed + 1, right + allowed + 1, wrong_share) * (1.0 + 1e-9) <= risk:
        allowed += 1
    return allowed


def _sample(scores: ArrayLike, wrong: ArrayLike, part: ArrayLike) -> tuple[Floats, Flags, Flags]:
    checked, lost = scored_sample(scores, wrong)
    return checked, lost, scored_sample(scores, part)[1]


def _found(
    scores: Floats, lost: Flags, counted: Flags, allowed: int, promised: tuple[float, float]
) -> CertifiedThreshold:
    threshold = threshold_above(scores, lost, allowed)
    low = scores >= threshold
    return CertifiedThreshold(
        threshold=threshold,
        allowed_errors=allowed,
        sample=int(counted.sum()),
        low_share=float(low.mean()) if low.size else 0.0,
        errors=int((low & lost).sum()),
        target=promised[0],
        risk=promised[1],
    )


def coverage_bound(low: int, sample: int, risk: float, thresholds: int = 1) -> float:
    """Lower bound of the share of questions answered low, undercut with probability `risk` at most (0.5 or less).

    The `thresholds` (of different labels or tenants, say) come from the same sample. Of each family of nested sets all
    shares are bounded at once by the inequality of Dvoretzky, Kiefer and Wolfowitz with Massart's constant (1990):
    sqrt(log(1/risk) / (2 m)) below what was seen; several families share the risk, and their gaps add up.
    """
    if sample < 1:
        return 0.0
    gap = thresholds * float(np.sqrt(np.log(thresholds / open_unit("risk", risk)) / (2 * sample)))
    return max(0.0, low / sample - gap)


def certify_answered(
    scores: ArrayLike, wrong: ArrayLike, *, target: float, risk: float
) -> CertifiedThreshold:
    """The threshold from which on a share `target` of what is answered low is right; the rest is not answered at all.

    `scores` and `wrong` are (m,), of a random sample. Raises InvalidPromiseInput.
    """
    checked, lost = scored_sample(scores, wrong)
    bad, each = float(error_budget(target)), open_unit("risk", risk) / RANKS
    ranked = np.sort(checked)[::-1]
    threshold, allowed = np.inf, -1
    for part in range(1, RANKS + 1):
        rank = part * checked.size // RANKS
        above = checked > ranked[rank - 1] if rank else np.zeros(checked.size, np.bool_)
        errors, number = int((above & lost).sum()), int(above.sum())
        if number and binomial_cdf(errors, number, bad) * (1.0 + 1e-9) <= each:
            threshold, allowed = float(np.nextafter(ranked[rank - 1], np.inf)), errors
    low = checked >= threshold
    return CertifiedThreshold(
        threshold=threshold,
        allowed_errors=allowed,
        sample=checked.size,
        low_share=float(low.mean()) if low.size else 0.0,
        errors=int((low & lost).sum()),
        target=target,
        risk=risk,
    )
