"""A batch whose doubtful questions are sent up first and learnt from, and whose calibration hides among its rows.

m rows held back from training and the n rows of the batch are M = m + n rows, of which a chance that looked at none of them
chose the m. A student says how sure it is of all M. Those of which it is least sure go to the top: most of them would
climb anyway. What the top says to them is learnt, and again, as often as one likes. Then the rows left, M' of them, are judged
by the last student: of these m' are held back ones, and with them a threshold is certified as ever, for n answers.

*Proof.* Fix the M rows with their true answers, in an order that does not tell which are held back (shuffled). The
students, their doubts, and which rows are sent follow from the training rows and from what is in the M, and nowhere from
which of them are held back: a held-back row among the doubtful is sent (its answer is known already) and learnt like any
other. So whoever else had been held back, the same M' rows would be left with the same scores; and given m', each choice of
m' of the M' is equally likely. That is a random sample of a finite batch, for which the exact rule holds
(`Scope(population=M', counted=n)`, see `certify.py`): the undrawn of the M' are rows of the batch, and more than B =
floor(x n) of them are believed and wrong with probability at most the risk, given M' and m', and so altogether. The rows
that were sent have the top's own answers. QED.

What would break it: to look at the answer of a held-back row that was not sent before the last student stands, or to send
rows of the batch alone. A label buys three things here: the answer itself, a better student of just those questions that
were hard for the last one, and, where it was held back and is not among these, evidence.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike

from stepladder.promise.certify import Scope, scoped_errors
from stepladder.promise.inputs import InvalidPromiseInput, count, scored_sample
from stepladder.promise.plan import expected_low_share, plan_calibration

SENT_FIRST = 0.5
"""Of the questions that are expected to climb, the share that is sent before the threshold is known: nearly all of these
would be below it."""


def plan_climbers(
    scores: ArrayLike, wrong: ArrayLike, *, target: float, risk: float, held: int, batch: int
) -> int:
    """How many of the `held` + `batch` rows to send up and learn from before the rest is certified.

    `scores` and `wrong` (k,) are out-of-fold on the training set. Without held-back rows the calibration is to be drawn of what
    is left of the batch (`Scope(population=what is left, counted=batch)`; the proof is the same). 0 where nothing could be
    certified anyway.
    """
    checked, errors = scored_sample(scores, wrong)
    held, batch = count("held", held), count("batch", batch)
    if held == 0:
        plan = plan_calibration(checked, errors, target=target, risk=risk, remaining=batch)
        return math.floor(SENT_FIRST * ((1.0 - plan.low_share) * batch - plan.labels)) if plan.labels else 0
    rows = held + batch
    allowed = scoped_errors(held, target=target, risk=risk, scope=Scope(population=rows, counted=batch))
    if allowed < 0 or checked.size == 0:
        return 0
    low = expected_low_share(checked, errors, allowed=min(allowed, held), labels=held)
    return math.floor(SENT_FIRST * (1.0 - low) * rows)


def most_doubtful(scores: ArrayLike, number: int) -> list[int]:
    """The places of the `number` lowest scores (ties: the first ones), in order of place.

    The rows' order must not tell which are held back.
    """
    found = np.asarray(scores, dtype=np.float64)
    if not np.isfinite(found).all():
        raise InvalidPromiseInput("scores", "a number that is not finite", "score every row of the batch")
    lowest: list[int] = np.sort(np.argsort(found, kind="stable")[: count("number", number)]).tolist()
    return lowest
