"""Exact counts' distributions, and bounds and tests that follow from them, at every sample size.

A distribution on 0..n is built from the ratios of neighbouring probabilities, in logarithms, outwards from
its mode and normalised by its own sum. No factorials are taken, so nothing overflows and no two huge numbers
are subtracted.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike

from stepladder.promise.inputs import Floats, InvalidPromiseInput, count, open_unit, probability

_HALVINGS = 60  # of [0, 1]: past the resolution of a float


def _log_pmf(log_ratios: Floats) -> Floats:
    """Log probabilities of 0..n from their neighbours' log ratios, log p(k+1) - log p(k)."""
    mode = int(np.count_nonzero(log_ratios > 0.0))
    below = -np.cumsum(log_ratios[:mode][::-1])[::-1]
    above = np.cumsum(log_ratios[mode:])
    logs = np.concatenate([below, [0.0], above])
    logs -= logs.max()
    normalised: Floats = logs - math.log(float(np.exp(logs).sum()))
    return normalised


def binomial_log_pmf(trials: int, rate: float) -> Floats:
    """Log probabilities of 0..trials successes, shape (trials + 1,), each trial succeeding with `rate`."""
    trials, rate = count("trials", trials), probability("rate", rate)
    successes = np.arange(trials, dtype=np.float64)
    combinations = np.log(trials - successes) - np.log(successes + 1.0)
    if rate in {0.0, 1.0}:
        return _log_pmf(combinations + (-math.inf if rate == 0.0 else math.inf))
    return _log_pmf(combinations + math.log(rate) - math.log1p(-rate))


def hypergeometric_log_pmf(population: int, marked: int, drawn: int) -> Floats:
    """Log probabilities of 0..drawn marked items, shape (drawn + 1,), drawing without replacement."""
    population = count("population", population)
    marked, drawn = count("marked", marked), count("drawn", drawn)
    if max(marked, drawn) > population:
        raise InvalidPromiseInput("population", population, "give at least as many as are marked or drawn")
    least, most = max(0, drawn - (population - marked)), min(drawn, marked)
    k = np.arange(least, most, dtype=np.float64)
    ups = np.log(marked - k) + np.log(drawn - k)
    downs = np.log(k + 1.0) + np.log(population - marked - drawn + k + 1.0)
    logs = np.full(drawn + 1, -np.inf)
    logs[least : most + 1] = _log_pmf(ups - downs)
    return logs


def beta_binomial_log_pmf(trials: int, alpha: float, beta: float) -> Floats:
    """Log probabilities of 0..trials successes, shape (trials + 1,), their rate being Beta(alpha, beta)."""
    trials = count("trials", trials)
    for field, value in (("alpha", alpha), ("beta", beta)):
        if not (math.isfinite(value) and value > 0.0):
            raise InvalidPromiseInput(field, value, "give a finite number above 0")
    k = np.arange(trials, dtype=np.float64)
    ups = np.log(trials - k) + np.log(k + alpha)
    downs = np.log(k + 1.0) + np.log(trials - k - 1.0 + beta)
    return _log_pmf(ups - downs)


def _at_most(successes: int, log_pmf: Floats) -> float:
    if successes < 0:
        return 0.0
    return min(1.0, float(np.exp(log_pmf[: successes + 1]).sum()))


def _at_least(successes: int, log_pmf: Floats) -> float:
    return min(1.0, float(np.exp(log_pmf[max(successes, 0) :]).sum()))


def binomial_cdf(successes: int, trials: int, rate: float) -> float:
    """P(at most `successes` of `trials`)."""
    return _at_most(successes, binomial_log_pmf(trials, rate))


def hypergeometric_cdf(found: int, population: int, marked: int, drawn: int) -> float:
    """P(at most `found` marked items among `drawn` of `population` without replacement)."""
    return _at_most(found, hypergeometric_log_pmf(population, marked, drawn))


def binomial_test_greater(violations: int, runs: int, p: float) -> float:
    """One-sided p-value of "each run is violated with probability at most p" after `violations` in `runs`."""
    violations, runs = count("violations", violations), count("runs", runs)
    if violations > runs:
        raise InvalidPromiseInput("violations", violations, f"give at most the {runs} runs")
    return _at_least(violations, binomial_log_pmf(runs, p))


def _bisect(crossed: Callable[[float], bool], low: float = 0.0, high: float = 1.0) -> tuple[float, float]:
    """The numbers around the place where a condition turns from false (low) to true (high)."""
    for _ in range(_HALVINGS):
        middle = 0.5 * (low + high)
        if crossed(middle):
            high = middle
        else:
            low = middle
    return low, high


def clopper_pearson_upper(errors: int, trials: int, risk: float) -> float:
    """One-sided upper bound on a rate, exceeded with at most probability `risk` (Clopper, Pearson 1934)."""
    errors, trials, risk = _counted(errors, trials), count("trials", trials), open_unit("risk", risk)
    if errors == trials:
        return 1.0
    return _bisect(lambda rate: binomial_cdf(errors, trials, rate) <= risk)[1]


def clopper_pearson_lower(errors: int, trials: int, risk: float) -> float:
    """One-sided lower bound on a rate, undercut with at most probability `risk` (Clopper, Pearson 1934)."""
    errors, trials, risk = _counted(errors, trials), count("trials", trials), open_unit("risk", risk)
    if errors == 0:
        return 0.0
    return _bisect(lambda rate: _at_least(errors, binomial_log_pmf(trials, rate)) > risk)[0]


def _counted(errors: int, trials: int) -> int:
    if count("errors", errors) > trials:
        raise InvalidPromiseInput("errors", errors, f"give at most the {trials} trials")
    return int(errors)


def betting_upper_bound(losses: ArrayLike, risk: float, upper: float) -> float:
    """Upper bound on the mean of losses in [0, upper], exceeded with probability at most `risk`.

    For losses of shape (n,), independent or in random order, such as disagreements weighted by the inverse of
    an audit probability (`upper` is then the largest weight). Against each mean one bets that the losses are
    lower, with stakes set by the losses already seen; a mean at which the capital ever reaches 1/risk is
    refused (Waudby-Smith and Ramdas, arXiv 2010.09686, the one-sided predictable plug-in bet). Stakes grow
    with the mean under test, so capital is monotone in it and the bound is found by halving.
    """
    values = np.asarray(losses, dtype=np.float64)
    risk = open_unit("risk", risk)
    if not (math.isfinite(upper) and upper > 0.0):
        raise InvalidPromiseInput("upper", upper, "give the largest loss that can occur, above 0")
    if values.ndim != 1:
        raise InvalidPromiseInput("losses", f"array of shape {values.shape}", "give one loss a question")
    if values.size == 0:
        return float(upper)
    if not (np.isfinite(values).all() and values.min() >= 0.0 and values.max() <= upper):
        raise InvalidPromiseInput("losses", f"{values.min()} to {values.max()}", f"keep them in 0 to {upper}")
    units = values / upper
    stakes = _plug_in_stakes(units, risk)
    needed = -math.log(risk)

    def refused(mean: float) -> bool:
        # A loss of 1 leaves at least a quarter of the capital: one surprise does not end the game.
        bets = np.minimum(stakes, 0.75 / max(1.0 - mean, 1e-12))
        return float(np.cumsum(np.log1p(-bets * (units - mean))).max()) >= needed

    return float(upper) * _bisect(refused)[1]


def _plug_in_stakes(units: Floats, risk: float) -> Floats:
    """Stakes sqrt(2 log(1/risk) / (n variance)), each from the losses before it and a pseudo-loss of 1/2."""
    n = np.arange(1, units.size + 1, dtype=np.float64)
    means = (0.5 + np.cumsum(units)) / (n + 1.0)
    variances = (0.25 + np.cumsum((units - means) ** 2)) / (n + 1.0)
    before = np.concatenate([[0.25], variances[:-1]])
    stakes: Floats = np.sqrt(2.0 * math.log(1.0 / risk) / (units.size * before))
    return stakes
