"""How many calibration labels to buy, decided from the training set alone, before any of them is drawn."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from stepladder.promise.bounds import binomial_cdf
from stepladder.promise.certify import Scope, allowed_errors, fewest
from stepladder.promise.inputs import Flags, Floats, count, error_budget, open_unit, scored_sample
from stepladder.promise.parts import RANKS

_FEW = 64  # sample sizes tried for a part: its yield is rougher
_CANDIDATES = 64  # sample sizes tried; the yield is flat around its best


@dataclass(frozen=True, slots=True)
class CalibrationPlan:
    """`labels` to buy (0: no sample pays) and the share of the remaining questions then answered low.

    `low_share` is expected over all remaining questions, the calibration's among them as answered by the top.
    """

    labels: int
    low_share: float


def plan_calibration(
    scores: ArrayLike,
    wrong: ArrayLike,
    *,
    target: float,
    risk: float,
    remaining: int,
    future: bool = False,
) -> CalibrationPlan:
    """The calibration size that avoids most calls of the top rung among `remaining` questions.

    `scores` and `wrong` (n,) are out-of-fold on the *training* set: the size then does not depend on the
    calibration sample, whose certificate stays valid. More labels bring the allowed error rate c/m nearer to
    1 - target and leave fewer questions to gain by it. `future` plans for a promise over the questions after
    the sample (a stream), else over all `remaining` (a batch that the sample is drawn from).
    """
    checked, errors = scored_sample(scores, wrong)
    remaining, risk = count("remaining", remaining), open_unit("risk", risk)
    error_budget(target)
    best = CalibrationPlan(0, 0.0)
    if checked.size == 0 or remaining < 2:
        return best
    cumulated = _low_share_by_errors(checked, errors)
    for tried in np.unique(np.geomspace(1, remaining - 1, _CANDIDATES).astype(int)).tolist():
        scope = Scope(horizon=remaining - tried) if future else Scope(population=remaining)
        labels = fewest(tried, target=target, risk=risk, scope=scope)
        allowed = allowed_errors(
            labels, target=target, risk=risk, population=scope.population, horizon=scope.horizon
        )
        if allowed < 0:
            continue
        low = _expected_low_share(cumulated, allowed, labels) * (remaining - labels) / remaining
        if low > best.low_share:
            best = CalibrationPlan(labels, low)
    return best


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """Out-of-fold guesses on a training set, (n,) each: their scores, whether a promise over a part of the questions would
    count them as wrong, whether they belong to that `part`, and whether they may be answered `low` at all."""

    scores: ArrayLike
    wrong: ArrayLike
    part: ArrayLike
    low: ArrayLike


def plan_part(rehearsal: Rehearsal, *, target: float, risk: float, remaining: int) -> CalibrationPlan:
    """The same for a promise over a part of the questions (recall, precision), whose members in the sample are the evidence."""
    scores, wrong = scored_sample(rehearsal.scores, rehearsal.wrong)
    part, low = (scored_sample(scores, flags)[1] for flags in (rehearsal.part, rehearsal.low))
    best = CalibrationPlan(0, 0.0)
    if not part.any() or remaining < 2:
        return best
    losses, shares = _low_share_by_errors(scores, wrong & part, low)
    common = float(part.mean())
    for labels in np.unique(np.geomspace(1, remaining - 1, _FEW).astype(int)).tolist():
        # How many members a sample holds is luck: one standard deviation fewer than expected are counted on.
        members = max(0, math.floor(common * labels - (common * (1 - common) * labels) ** 0.5))
        allowed = allowed_errors(members, target=target, risk=risk)
        if allowed < 0:
            continue
        within = _expected_low_share((losses / common, shares), allowed, members)
        share = within * (remaining - labels) / remaining
        if share > best.low_share:
            best = CalibrationPlan(labels, share)
    return best


def plan_answered(
    scores: ArrayLike, wrong: ArrayLike, *, target: float, risk: float, remaining: int
) -> CalibrationPlan:
    """The same where only what is answered low is answered at all (see `certify_answered`)."""
    checked, errors = scored_sample(scores, wrong)
    best = CalibrationPlan(0, 0.0)
    if checked.size < RANKS or remaining < 2:
        return best
    ranked = errors[np.argsort(-checked, kind="stable")]
    parts = np.arange(1, RANKS + 1)
    rates = [float(ranked[: part * ranked.size // RANKS].mean()) for part in parts]
    for labels in np.unique(np.geomspace(RANKS, max(remaining - 1, RANKS), _FEW).astype(int)).tolist():
        above = parts * labels // RANKS
        passed = [
            binomial_cdf(_unlucky(rate, number), number, float(error_budget(target))) <= risk / RANKS
            for rate, number in zip(rates, above.tolist(), strict=True)
        ]
        share = float(parts[passed].max(initial=0)) / RANKS * (remaining - labels) / remaining
        if share > best.low_share:
            best = CalibrationPlan(labels, share)
    return best


def _unlucky(rate: float, number: int) -> int:
    """So many errors, one standard deviation more than expected, are to be reckoned with: a test just passed is luck."""
    return min(number, math.ceil(rate * number + math.sqrt(rate * (1 - rate) * number)))


def _low_share_by_errors(scores: Floats, wrong: Flags, low: Flags | None = None) -> tuple[Floats, Floats]:
    """Loss rate and share believed at each distinct score, falling, starting from nothing believed."""
    order = np.argsort(-scores, kind="stable")
    ends = np.flatnonzero(np.append(np.diff(scores[order]) != 0.0, True))
    losses = np.cumsum(wrong[order])[ends] / scores.size
    believed = ends + 1.0 if low is None else np.cumsum(low[order])[ends]
    return np.append(0.0, losses), np.append(0.0, believed / scores.size)


def expected_low_share(scores: Floats, wrong: Flags, *, allowed: int, labels: int) -> float:
    """The share of questions that a calibration of so many labels, so many of which may be wrong, should let believe."""
    return _expected_low_share(_low_share_by_errors(scores, wrong), allowed, labels)


def _expected_low_share(cumulated: tuple[Floats, Floats], allowed: int, labels: int) -> float:
    """Share believed, averaged over the loss rate at which error `allowed` + 1 of the sample falls.

    That rate is Beta(allowed + 1, labels - allowed); two points at its mean -+ one standard deviation stand
    for it.
    """
    losses, shares = cumulated
    mean = (allowed + 1.0) / (labels + 1.0)
    spread = (mean * (1.0 - mean) / (labels + 2.0)) ** 0.5
    stops = np.array([max(mean - spread, 0.0), mean + spread])
    return float(shares[np.searchsorted(losses, stops, side="right") - 1].mean())
