"""How late the audit can be: the excess errors that may pass before a drifted release is rolled back."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from stepladder.promise.bounds import binomial_cdf
from stepladder.promise.eprocess import reserve, stakes, watched_rates
from stepladder.promise.inputs import InvalidPromiseInput, count, error_budget, open_unit, probability

_NEVER = 2**40  # answers


@dataclass(frozen=True, slots=True)
class Drift:
    """A loss rate of 1 - target + `excess` from answer `history` on, after good answers of any loss rate."""

    excess: float
    history: int = 0


@dataclass(frozen=True, slots=True)
class DetectionBound:
    """With probability at least `confidence` the alarm has come `answers` after the drift.

    `excess_errors` is how many wrong low answers beyond the promised share are expected among that many.
    """

    answers: int
    excess_errors: float
    confidence: float


def detection_bound(
    drift: Drift, *, target: float, risk: float, share: float, confidence: float = 0.9
) -> DetectionBound:
    """Bound on the delay of `AuditProcess(target, risk, share)`, auditing low answers at `share`.

    Audited losses among n drifted answers are Binomial(n, share * rate), and one account's capital is a
    function of their number, so the chance that this account alone stays below 1/risk after n answers is an
    exact binomial probability. The bound takes the best account and the best moment up to which its money may
    flow in, all of it counted as staked only then; the other accounts and earlier money can only help.
    Answers are taken as independent and looked at one by one; a roll back that looks at batches is late by at
    most one batch.
    """
    allowed = float(error_budget(target))
    risk, confidence = open_unit("risk", risk), open_unit("confidence", confidence)
    rate = allowed + drift.excess
    if not (drift.excess > 0.0 and rate <= 1.0):
        raise InvalidPromiseInput("excess", drift.excess, f"give a rate above 0 and at most {1.0 - allowed}")
    if probability("share", share) == 0.0:
        raise InvalidPromiseInput("share", share, "give the audit probability, above 0")
    history = count("history", drift.history)
    rates = watched_rates(target)
    losses = share * rate
    ups = np.log(rates / allowed)
    downs = np.log1p(-stakes(rates, allowed, share) * allowed)
    account = int(np.argmax(losses * ups + (1.0 - losses) * downs))
    steps = (float(ups[account]), float(downs[account]))
    if losses * steps[0] + (1.0 - losses) * steps[1] <= 0.0:
        raise InvalidPromiseInput(
            "excess", drift.excess, "too small for any watched rate: ask for a larger one"
        )
    answers = _NEVER
    for waited in [0, *(2**power for power in range(4, 24))]:
        money = reserve(history) - reserve(history + waited) + (0.5 if history == 0 and waited == 0 else 0.0)
        if money > 0.0 and waited < answers:
            needed = math.log(rates.size / (money * risk))
            answers = min(answers, waited + _answers_needed(needed, steps, losses, 1.0 - confidence))
    return DetectionBound(answers, answers * drift.excess, confidence)


def _answers_needed(needed: float, steps: tuple[float, float], losses: float, miss: float) -> int:
    """Answers, to 0.2 percent above, after which capital is below exp(needed) with chance `miss`."""
    up, down = steps

    def enough(answers: int) -> bool:
        least = math.ceil((needed - answers * down) / (up - down))  # audited losses that reach the capital
        return least <= answers and binomial_cdf(least - 1, answers, losses) <= miss

    high = 1
    while not enough(high):
        high *= 2
    low = high // 2
    while high - low > max(1, high // 500):
        middle = (low + high) // 2
        low, high = (low, middle) if enough(middle) else (middle, high)
    return high
