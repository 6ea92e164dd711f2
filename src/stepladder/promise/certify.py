"""From which confidence a rung may be believed: the exact rule on a fresh, randomly drawn calibration sample.

A question's loss is 1 when it would be answered low (score >= threshold) and differs from the top rung's
answer; what goes to the top loses nothing. The rule allows c calibration errors: walk down the scores until
error c + 1 and put the threshold just above it. With x = 1 - target and a sample of m, the promise can be
over one of three things.

**A finite batch** (`population=n`): the m are drawn from the n rows and themselves count as answered by the
top. B = floor(x n) errors are allowed among the other n - m. Order the batch's errors by score, falling, ties
in any order that does not look at the draw. *If at least c + 1 of the first B + c + 1 errors were drawn,
nothing is violated*: the threshold lies strictly above one of these, so what is believed holds errors out of
these alone, at most B of them not drawn. Hence P(violation) <= P(Hypergeometric(n, B + c + 1, m) <= c). With
fewer errors in all, at least B + 1 of fewer errors must escape the draw, which is less likely still. Errors
nest in the threshold, so choosing it among all scores costs nothing, and a tie is in or out as a whole.
Drawing "at most c of the first B + c + 1" is "at least B + 1 undrawn before the (c+1)-th drawn one", so the
same number is P(BetaBinomial(m; B + 1, n - m - B) <= c): one distribution, whose risk-quantile is c.

Where more answers count than the rows that are left to draw from (`counted=k`: others of the batch are the top's already),
or fewer (drawn ones that are not of the batch), B = floor(x k) and the rest stays. See `promise/climbers.py`.

**Exactly N further answers** (`following=N`, exchangeable with the sample): the same with a pool of m + N and B =
floor(x N): c is the risk-quantile of BetaBinomial(m; B + 1, N - B).

**The next N answers** (`horizon=N0`, exchangeable with the sample): the same with a pool of m + N, B =
floor(x N) and r = B + 1: P(violation) <= P(BetaBinomial(m; r, N + 1 - r) <= c) = P(V <= W) for independent V
~ Beta(r, N + 1 - r) and W ~ Beta(c + 1, m - c). One c has to serve every N >= N0, and floors make single
lengths jump (19 answers allow no more errors than 10 at x = 0.1). So V is replaced by a smaller one whose
mean does not depend on N:

1. x = a/q in lowest terms gives r >= x N + 1/q, and (x N + 1/q) / (N + 1) rises in N (towards x) since 1/q <=
x. With x0 its value at N0, V is stochastically at least V_n ~ Beta(n x0, n (1 - x0)), n = N + 1. Left to
show: P(V_n <= W) falls in n when x0 <= 1/2 and W's mean (c + 1) / (m + 1) is at most x0 (the code refuses a
larger c).
2. For W ~ Beta(s x0, s (1 - x0)): on the logit scale V_n's log density is n psi + const, psi(u) = x0 u -
log(1 + e^u), and W's is s psi + const, all peaking at logit(x0). Let h be the depth of psi below its peak and
pi(h) the chance of being left of the peak given depth h, the same for all n. The deeper of V_n and W decides
which is smaller, so P(V_n <= W | h, k) is pi(h) when V_n is deeper (h > k), else 1 - pi(k). Depths shrink in
n (likelihood ratio e^-h), so the probability falls in n if pi >= 1/2 and pi rises. With values x0 - p and x0
+ q at equal depth, pi/(1 - pi) = q/p; it starts at 1 and rises as long as 1/p - 1/q <= K := (1 - 2 x0)/A, A =
x0 (1 - x0). That difference starts at 2K/3, and where it equals K it changes by K (1 - A/(pq)) times a
positive factor, which is negative as p < x0, q < 1 - x0: it never crosses K.
3. For W ~ Beta(c + 1, m - c) with mean <= x0, put s x0 = c + 1. Its density b over that of 2., w, is a
constant times (1 - v)^(m - c - s (1 - x0)): it falls in v. For n < n', D = cdf V_n - cdf V_n' is first
positive, then negative, with one crossing v0 (equal means; the log density ratio is -(n' - n) psi, U-shaped).
Then P(V_n <= W) - P(V_n' <= W) = integral of D b >= (b/w)(v0) * integral of D w >= 0 by 2. QED.
tests/promise/test_certify.py checks it in numbers.

The horizon holds for each length N >= N0 that is fixed without looking at the answers.

**A rate** (neither): the loss rate over an infinite population is above x only if at most c errors fall into
its most confident errors of mass x: P(violation) <= P(Binomial(m, x) <= c).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike

from stepladder.promise.bounds import beta_binomial_log_pmf, binomial_log_pmf
from stepladder.promise.inputs import (
    Flags,
    Floats,
    InvalidPromiseInput,
    count,
    error_budget,
    open_unit,
    scored_sample,
)


@dataclass(frozen=True, slots=True)
class CertifiedThreshold:
    """The confidence from which a rung is believed, and the evidence for it.

    `threshold` is +inf when nothing can be certified, and never below the lowest score of the sample.
    `allowed_errors` is c of the exact rule, -1 when not even an error-free sample would do. `low_share` and
    `errors` are the share of the sample at or above the threshold and the errors among it. `population` or
    `horizon` says what the promise is over; with neither it is a rate.
    """

    threshold: float
    allowed_errors: int
    sample: int
    low_share: float
    errors: int
    target: float
    risk: float
    population: int | None = None
    horizon: int | None = None
    following: int | None = None
    counted: int | None = None

    @property
    def certified(self) -> bool:
        """Whether anything at all may be answered low."""
        return self.threshold < math.inf


@dataclass(frozen=True, slots=True)
class Scope:
    """What a promise is over: a finite batch, at least so many future answers, exactly so many, or (none) a rate.

    `population` rows are drawn from; so many answers are `counted` (None: as many).
    """

    population: int | None = None
    horizon: int | None = None
    following: int | None = None
    counted: int | None = None

    def __post_init__(self) -> None:
        """Refuse a scope that is two things at once."""
        if sum(part is not None for part in (self.population, self.horizon, self.following)) > 1:
            remedy = "give one of: the population of a finite batch, the horizon of a stream, the answers following"
            raise InvalidPromiseInput("horizon", self.horizon, remedy)
        if self.following is not None:
            count("following", self.following, 1)
        if self.population is not None:
            count("population", self.population)
        if self.horizon is not None:
            count("horizon", self.horizon, 1)
        if self.counted is not None:
            count("counted", self.counted)
            if self.population is None:
                raise InvalidPromiseInput(
                    "counted", self.counted, "give the population that is drawn from, too"
                )

    def finite(self, sample: int) -> tuple[int, int] | None:
        """Answers counted, and rows undrawn after a sample of so many; None where the number is not known."""
        if self.following is not None:
            return self.following, self.following
        if self.population is None:
            return None
        return (self.population if self.counted is None else self.counted), self.population - sample


def allowed_errors(
    sample: int,
    *,
    target: float,
    risk: float,
    population: int | None = None,
    horizon: int | None = None,
    following: int | None = None,
) -> int:
    """c of the exact rule: how many errors a calibration sample may hold at or above the threshold.

    -1 when the sample is too small for any. `target` in [0.5, 1], `risk` in (0, 1). The scope is the
    module's.
    """
    return scoped_errors(sample, target=target, risk=risk, scope=Scope(population, horizon, following))


def scoped_errors(sample: int, *, target: float, risk: float, scope: Scope) -> int:
    """The same for a scope."""
    return _allowed(count("sample", sample), error_budget(target), open_unit("risk", risk), scope)


def fewest(sample: int, *, target: float, risk: float, scope: Scope) -> int:
    """The smallest calibration sample that allows as many errors as one of `sample` does.

    The rows beyond can only hold more errors: they cost labels, and what may be answered low. The number is known before
    any row is looked at, so that a sample cut to it is as random as the whole.
    """
    budget, risk = error_budget(target), open_unit("risk", risk)
    allowed = _allowed(count("sample", sample), budget, risk, scope)
    too_few, enough = 0, sample
    while enough - too_few > 1:
        middle = (too_few + enough) // 2
        if _allowed(middle, budget, risk, scope) < allowed:
            too_few = middle
        else:
            enough = middle
    return enough


@lru_cache(maxsize=4096)
def _allowed(sample: int, budget: Fraction, risk: float, scope: Scope) -> int:
    if scope.population is not None and sample > scope.population:
        raise InvalidPromiseInput("population", scope.population, f"it must hold the sample of {sample}")
    known = scope.finite(sample)
    if known is not None:
        errors, undrawn = math.floor(budget * known[0]), known[1]
        if undrawn <= errors:  # even if all of them were wrong
            return sample
        return _quantile(beta_binomial_log_pmf(sample, errors + 1, undrawn - errors), risk)
    if budget == 0:  # no finite sample shows that nothing will ever be wrong
        return -1
    if scope.horizon is None:
        return _quantile(binomial_log_pmf(sample, float(budget)), risk)
    errors_at_least = budget * scope.horizon + Fraction(1, budget.denominator)
    trials = scope.horizon + 1
    most = math.floor(errors_at_least / trials * (sample + 1)) - 1  # the proof's condition on W's mean
    alpha = float(errors_at_least)
    return min(most, _quantile(beta_binomial_log_pmf(sample, alpha, float(trials - errors_at_least)), risk))


def _quantile(log_pmf: Floats, risk: float) -> int:
    """The largest count whose cumulated probability is at most `risk`, -1 if none. Rounding may only cost."""
    cumulated = np.cumsum(np.exp(log_pmf)) * (1.0 + 1e-9)
    return int(np.searchsorted(cumulated, risk, side="right")) - 1


def threshold_above(scores: Floats, wrong: Flags, allowed: int) -> float:
    """The threshold just above error `allowed` + 1, half-way to the next score that may be believed.

    Half-way, because a model's score for one question differs in its last bits between batch sizes and
    machines.
    """
    if allowed < 0 or scores.size == 0:
        return math.inf
    errors = np.sort(scores[wrong])[::-1]
    if errors.size <= allowed:
        return float(scores.min())
    stop = float(errors[allowed])
    above = scores[scores > stop]
    if above.size == 0:
        return math.inf
    believed = float(above.min())
    middle = 0.5 * stop + 0.5 * believed
    return middle if stop < middle < believed else believed


def certify_threshold(
    scores: ArrayLike,
    wrong: ArrayLike,
    *,
    target: float,
    risk: float,
    population: int | None = None,
    horizon: int | None = None,
) -> CertifiedThreshold:
    """Choose and certify the confidence from which a rung is believed (exact rule, see the module's text).

    `scores` (m,) are the rung's confidences on questions drawn at random and not used in fitting, `wrong`
    (m,) whether its answer differs from the top rung's. With probability at least 1 - `risk` at least the
    share `target` of all answers agree: over the `population` rows that the sample was drawn from, over any
    `horizon` or more future answers, or, with neither, in the long run. Raises InvalidPromiseInput.
    """
    checked, errors = scored_sample(scores, wrong)
    scope = Scope(population, horizon)
    promised = (target, open_unit("risk", risk))
    return _certify(checked, errors, share=Fraction(1), promised=promised, scope=scope)


def _certify(
    scores: Floats, wrong: Flags, *, share: Fraction, promised: tuple[float, float], scope: Scope
) -> CertifiedThreshold:
    """Certify one rung that may spend `share` of the errors that (target, risk) allow."""
    target, risk = promised
    budget = share * error_budget(target)
    allowed = _allowed(scores.size, budget, risk, scope)
    threshold = threshold_above(scores, wrong, allowed)
    low = scores >= threshold
    return CertifiedThreshold(
        threshold=threshold,
        allowed_errors=allowed,
        sample=scores.size,
        low_share=float(low.mean()) if scores.size else 0.0,
        errors=int((low & wrong).sum()),
        target=target if share == 1 else float(1 - budget),
        risk=risk,
        population=scope.population,
        horizon=scope.horizon,
        following=scope.following,
        counted=scope.counted,
    )


@dataclass(frozen=True, slots=True)
class LadderPromise:
    """What a ladder of several learned rungs promises together, and each rung's part of the allowed errors.

    `weights` are one a rung and sum to 1 (None: equal parts); the risk is split equally.
    """

    target: float
    risk: float
    weights: tuple[float, ...] | None = None
    scope: Scope = Scope()

    def shares(self, rungs: int) -> list[Fraction]:
        """Each rung's exact part of the allowed errors."""
        if self.weights is None:
            return [Fraction(1, rungs)] * rungs
        parts = [Fraction(repr(float(weight))) for weight in self.weights]
        if len(parts) != rungs or min(parts, default=Fraction(0)) < 0 or sum(parts) != 1:
            raise InvalidPromiseInput(
                "weights", self.weights, f"give {rungs} parts of at least 0 that sum to 1"
            )
        return parts


def certify_ladder(
    rungs: Sequence[tuple[ArrayLike, ArrayLike]], promise: LadderPromise
) -> tuple[CertifiedThreshold, ...]:
    """Certify the learned rungs of a ladder, cheapest first, on one calibration sample.

    Each rung is (scores, wrong) over the *same* m questions, also those that a lower rung takes. In service
    rung j answers only what the lower rungs did not take, so its errors there are at most its errors over all
    questions at or above its threshold, and these are what its part of the budget bounds, whatever the other
    thresholds become. The parts sum to at most the whole, and a union bound adds the risks. Reported
    `low_share` and `errors` are over what reaches the rung. One rung gives exactly `certify_threshold`.
    """
    if not rungs:
        raise InvalidPromiseInput("rungs", [], "give at least one learned rung")
    error_budget(promise.target)
    shares, risk = promise.shares(len(rungs)), open_unit("risk", promise.risk) / len(rungs)
    samples = [scored_sample(scores, wrong) for scores, wrong in rungs]
    questions = samples[0][0].size
    open_still = np.ones(questions, dtype=np.bool_)
    certified = []
    for (scores, wrong), share in zip(samples, shares, strict=True):
        if scores.size != questions:
            raise InvalidPromiseInput("rungs", scores.size, f"score the same {questions} questions")
        rung = _certify(scores, wrong, share=share, promised=(promise.target, risk), scope=promise.scope)
        taken = open_still & (scores >= rung.threshold)
        certified.append(_as_served(rung, taken, wrong))
        open_still &= ~taken
    return tuple(certified)


def _as_served(rung: CertifiedThreshold, taken: Flags, wrong: Flags) -> CertifiedThreshold:
    low_share = float(taken.mean()) if taken.size else 0.0
    return replace(rung, low_share=low_share, errors=int((taken & wrong).sum()))


def release_risk(risk: float, k: int) -> float:
    """The part 6 risk / (pi^2 k^2) that release k = 1, 2, ... of a task may spend; all sum to `risk`."""
    return 6.0 * open_unit("risk", risk) / (math.pi * count("k", k, 1)) ** 2
