"""How often to keep a checkpoint where machines fail, and what share of the time then counts.

Sources: Young 1974 ("A first order approximation to the optimum checkpoint interval"); Daly 2006 ("A higher order estimate of
the optimum checkpoint interval for restart dumps"), whose formulas these are. All times are in seconds.
"""

import math


def best_interval(cost: float, between_failures: float) -> float:
    """Seconds of work between two checkpoints that cost `cost` each, where a failure comes once in `between_failures`."""
    if cost <= 0:
        return 0.0
    if cost >= 2 * between_failures:
        return between_failures
    ratio = cost / (2 * between_failures)
    return math.sqrt(2 * cost * between_failures) * (1 + math.sqrt(ratio) / 3 + ratio / 9) - cost


def expected_goodput(interval: float, cost: float, restart: float, between_failures: float) -> float:
    """The share of the time that goes into work that counts; `restart` is what a failure costs beside the lost work.

    Failures come at any time alike, also while a checkpoint is written and while a failed run is started again.
    """
    whole = (
        between_failures
        * math.exp(restart / between_failures)
        * math.expm1((interval + cost) / between_failures)
    )
    return interval / whole if whole else 1.0
