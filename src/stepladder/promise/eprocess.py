"""The audit's watch: an anytime-valid test of "the loss rate over all answers is at most 1 - target".

Answer i has loss L = 1 if it was given low and is wrong. Low answers are audited with probability p, so Z =
L/p if audited, else 0, has the mean of L. Whatever predictable stake s in [0, 1/x) is put on it, x = 1 -
target, the capital prod(1 + s (Z - x)) is a supermartingale while the rate of loss, given the past, is at
most x (Waudby-Smith and Ramdas, arXiv 2010.09686), and by Ville's inequality ever reaches 1/risk with
probability at most `risk`. For a rate q the stake of fastest growth is p (q - x) / (x (1 - p x)); the product
is then the likelihood ratio of q against x. A portfolio holds one account for each q of a fixed grid. Half of
the money is staked at the start, the rest flows in over time on a fixed schedule: a model that drifts after a
long good time is found by young money, not by an account that the good time has emptied. Mixtures of such
processes, with money not yet staked, are again supermartingales that start at 1.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from stepladder.promise.inputs import (
    Floats,
    InvalidPromiseInput,
    count,
    error_budget,
    open_unit,
    probability,
)

_LARGEST = 1e100  # capital beyond this is given away, which no supermartingale minds, instead of overflowing
_LATE_SCALE = 1000.0  # answers


def watched_rates(target: float) -> Floats:
    """The loss rates bet on: 1 - target plus target/2, target/4, ... down to (1 - target)/8."""
    allowed = float(error_budget(target))
    if allowed == 0.0:
        raise InvalidPromiseInput(
            "target", target, "give less than 1: a rate of exactly 0 is refuted by one error"
        )
    excesses = (1.0 - allowed) * 0.5 ** np.arange(1.0, 64.0)
    rates: Floats = allowed + excesses[: max(1, int(np.count_nonzero(excesses >= allowed / 8.0)))]
    return rates


def stakes(rates: Floats, allowed: float, chance: float) -> Floats:
    """The stake of fastest growth for each rate when low answers are audited with probability `chance`."""
    best: Floats = chance * (rates - allowed) / (allowed * (1.0 - chance * allowed))
    return best


def reserve(answers: int) -> float:
    """The money not yet staked after so many answers: 1/2 at first, then about 1/(2 log answers)."""
    return 0.5 / (1.0 + math.log1p(answers / _LATE_SCALE))


@dataclass(frozen=True, slots=True)
class AgreementEstimate:
    """Estimated share of agreement over all answers, and an interval that holds at all times at once."""

    estimate: float
    low: float
    high: float


class AuditProcess:
    """The e-process of one ladder release.

    `share` is the smallest audit probability that will ever be used. The probability may change from answer
    to answer and may depend on the score, but not on the coin. Not thread-safe: one owner feeds it, from the
    ledger, in order.
    """

    def __init__(self, target: float, risk: float, share: float = 0.01) -> None:
        self.target, self.risk = target, open_unit("risk", risk)
        self.share = probability("share", share)
        if self.share == 0.0:
            raise InvalidPromiseInput("share", share, "give the smallest audit probability, above 0")
        self.answers, self.audits, self.weight, self.peak = 0, 0, 0.0, 1.0
        self._allowed = float(error_budget(target))
        self._rates = watched_rates(target)
        self._chance = self.share  # the last probability seen: bets may look at the past only
        self._capital: Floats = np.full(self._rates.size, 0.5 / self._rates.size)

    def observe(self, low: bool, audited: bool, probability: float, wrong: bool) -> None:
        """Take in one answer. `wrong` (differs from the top's) is known only of audited low answers."""
        if audited and not low:
            raise InvalidPromiseInput("audited", audited, "only low answers are audited")
        if wrong and not audited:
            raise InvalidPromiseInput("wrong", wrong, "count only what the audit's own coin found")
        self.observe_batch(1, [probability] if wrong else [], probability, audits=int(audited))

    def observe_batch(self, answers: int, wrong_at: Sequence[float], probability: float, audits: int) -> None:
        """Take in `answers` (low and top) at once; the alarm is looked at once, after them.

        `wrong_at` holds, for each audited answer that was wrong, the probability with which it was audited;
        `probability` is the latest one in use and sets the next bets. `audits` is only reported.
        """
        answers, audits = count("answers", answers, 1), count("audits", audits, len(wrong_at))
        for chance in (*wrong_at, probability):
            if not self.share <= chance <= 1.0:
                raise InvalidPromiseInput(
                    "probability", chance, f"keep it between share = {self.share} and 1"
                )
        if len(wrong_at) > answers:
            raise InvalidPromiseInput(
                "wrong_at", len(wrong_at), f"at most the {answers} answers can be wrong"
            )
        staked = reserve(self.answers) - reserve(self.answers + answers)
        stake = stakes(self._rates, self._allowed, self._chance)
        capital = self._capital + staked / self._rates.size
        capital = capital * (1.0 - stake * self._allowed) ** (answers - len(wrong_at))
        for chance in wrong_at:
            capital = np.minimum(capital * (1.0 + stake * (1.0 / chance - self._allowed)), _LARGEST)
        self._capital, self._chance = capital, float(probability)
        self.answers, self.audits = self.answers + answers, self.audits + audits
        self.weight += sum(1.0 / chance for chance in wrong_at)
        self.peak = max(self.peak, self.e_value)

    @property
    def e_value(self) -> float:
        """Evidence against the promise: expected to stay at most 1 while it holds."""
        return float(self._capital.sum()) + reserve(self.answers)

    @property
    def alarmed(self) -> bool:
        """Whether the evidence has ever reached 1/risk."""
        return self.peak >= 1.0 / self.risk

    def agreement(self, risk: float | None = None) -> AgreementEstimate:
        """Estimate and anytime-valid interval of the agreement, taking its rate as constant since the start.

        Losses times `share` lie in [0, 1]. A Beta(1/2, 1/2) mixture of likelihood ratios over the
        alternative's mean (Robbins' method of mixtures; for values between 0 and 1 by convexity) reaches
        1/risk at the true mean with probability at most `risk`; the interval holds the means where it is
        lower now.
        """
        limit = -math.log(self.risk if risk is None else open_unit("risk", risk))
        if self.answers == 0:
            return AgreementEstimate(1.0, 0.0, 1.0)
        hits = min(self.weight * self.share, float(self.answers))
        misses = self.answers - hits
        mixture = _log_beta(hits + 0.5, misses + 0.5) - _log_beta(0.5, 0.5)

        def refused(mean: float) -> bool:
            of_hits = hits * math.log(mean) if hits else 0.0
            of_misses = misses * math.log1p(-mean) if misses else 0.0
            return mixture - of_hits - of_misses >= limit

        centre = hits / self.answers
        low = _edge(refused, inside=centre, outside=0.0) / self.share
        high = _edge(refused, inside=centre, outside=1.0) / self.share
        loss = min(1.0, self.weight / self.answers)
        return AgreementEstimate(1.0 - loss, max(0.0, 1.0 - high), max(0.0, 1.0 - low))

    def to_dict(self) -> dict[str, Any]:
        """The whole state as plain numbers; JSON keeps them exactly."""
        return {
            "target": self.target,
            "risk": self.risk,
            "share": self.share,
            "answers": self.answers,
            "audits": self.audits,
            "weight": self.weight,
            "peak": self.peak,
            "chance": self._chance,
            "capital": [float(account) for account in self._capital],
        }

    @classmethod
    def from_dict(cls, state: Mapping[str, Any]) -> Self:
        """The process that `to_dict` described; it goes on as if it had never stopped."""
        process = cls(state["target"], state["risk"], state["share"])
        capital = np.array(state["capital"], dtype=np.float64)
        if capital.shape != process._capital.shape or not (np.isfinite(capital) & (capital >= 0.0)).all():
            remedy = f"give the {process._capital.size} accounts that to_dict wrote for this target"
            raise InvalidPromiseInput("capital", state["capital"], remedy)
        process._capital, process._chance = capital, float(state["chance"])
        process.answers, process.audits = count("answers", state["answers"]), count("audits", state["audits"])
        process.weight, process.peak = float(state["weight"]), float(state["peak"])
        return process


def _log_beta(alpha: float, beta: float) -> float:
    return math.lgamma(alpha) + math.lgamma(beta) - math.lgamma(alpha + beta)


def _edge(refused: Callable[[float], bool], inside: float, outside: float) -> float:
    """The edge of the means not refused between one `inside` and the end `outside`, rounded outwards."""
    if inside == outside:
        return outside
    for _ in range(80):
        middle = 0.5 * (inside + outside)
        if middle in {inside, outside, 1.0}:
            break
        if refused(middle):
            outside = middle
        else:
            inside = middle
    return outside
