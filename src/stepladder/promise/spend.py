"""Which question is worth a call of the top rung now, where so many questions may have so many calls and no more.

The first calls are spent on whatever comes: they teach most, and they are a fair sample. After that a question is
worth a call where an answer without one would probably be wrong: its doubt has to lie among the largest of the doubts
of late, so many of them as there are calls left for the questions left. Calls come earlier rather than later (`lean`),
because what they teach serves all that follows. A coin sends some questions whatever their doubt (`explore`): these
answers, and the first, are a random sample, for estimates that lean on nothing.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import ArrayLike

from stepladder.promise.inputs import InvalidPromiseInput, count, probability

_WINDOW = 1500  # doubts of late
_FEW = 50  # fewer tell nothing about what is a large doubt


class Worth(StrEnum):
    """Why a question gets a call, or does not."""

    FIRST = "first"
    """Calls are plenty, or nothing is known yet."""
    COIN = "coin"
    """A coin fell, whatever the doubt."""
    DOUBT = "doubt"
    """Its answer would be among the most doubtful."""
    NO = "no"
    """Answered without a call."""

    @property
    def call(self) -> bool:
        """Whether the top is to be asked."""
        return self is not Worth.NO

    @property
    def drawn(self) -> bool:
        """Whether the question was chosen without looking at it."""
        return self in (Worth.FIRST, Worth.COIN)


@dataclass(frozen=True, slots=True)
class Spending:
    """How a budget is spent: the share `start` on whatever comes first; then `lean` more early than late (0: evenly),
    and the share `explore` of what is then sent by a coin."""

    start: float = 0.3
    lean: float = 1.0
    explore: float = 0.03

    def __post_init__(self) -> None:
        """Refuse what is no share."""
        probability("start", self.start)
        probability("explore", self.explore)
        if not self.lean >= 0.0:
            raise InvalidPromiseInput("lean", self.lean, "give 0 or more")


@dataclass(frozen=True, slots=True)
class Choice:
    """The class to answer with, and what that is expected to cost: 0 where it is certainly right."""

    best: int
    doubt: float


def choose(chances: ArrayLike, shares: ArrayLike | None = None) -> Choice:
    """The answer of least expected cost, from its `chances` (classes,).

    Every wrong answer costs 1; with `shares` (classes,), how common each class is, an answer that misses a class costs
    in proportion to how rare it is, as balanced accuracy (the mean of the classes' recalls) counts it.
    """
    found = np.asarray(chances, dtype=np.float64)
    if shares is not None:
        common = np.asarray(shares, dtype=np.float64)
        if common.shape != found.shape or not (common > 0.0).all():
            raise InvalidPromiseInput("shares", common.tolist(), "give a share above 0 for each class")
        found = found / (common * common.size)
    best = int(found.argmax())
    return Choice(best, float(found.sum() - found[best]))


class CallBudget:
    """At most `calls` calls over `questions` questions. Ask `worth` once a question, in order; it counts what it grants.

    The number of questions may be a forecast: past it, nothing is granted any more.
    """

    def __init__(
        self, calls: int, questions: int, spending: Spending | None = None, *, seed: int = 0
    ) -> None:
        self.calls, self.questions = count("calls", calls), count("questions", questions, 1)
        self.spending = spending or Spending()
        self.granted = self.asked = 0
        self._rng = np.random.default_rng(seed)
        self._doubts: deque[float] = deque(maxlen=_WINDOW)

    @property
    def rate(self) -> float:
        """The share of questions to send now: calls left over questions left, more while most of them are left."""
        calls, questions = self.calls - self.granted, self.questions - self.asked
        if calls <= 0 or questions <= 0:
            return 0.0
        return min(1.0, calls / questions * (1.0 + self.spending.lean * calls / self.calls))

    def worth(self, doubt: float | None) -> Worth:
        """Whether the next question gets a call. `doubt`: what answering without one would cost on average; None: there
        is nothing yet to answer with."""
        worth = self._worth(doubt)
        self.asked += 1
        self.granted += worth.call
        if doubt is not None:
            self._doubts.append(doubt)
        return worth

    def _worth(self, doubt: float | None) -> Worth:
        rate = self.rate
        if rate == 0.0:
            return Worth.NO
        plenty = self.granted < self.spending.start * self.calls
        plenty |= self.calls - self.granted >= self.questions - self.asked
        if doubt is None or plenty or len(self._doubts) < _FEW:
            return Worth.FIRST
        by_coin = self.spending.explore * rate
        if self._rng.random() < by_coin:
            return Worth.COIN
        late = np.fromiter(self._doubts, np.float64)
        above, level = float((late > doubt).mean()), float((late == doubt).mean())
        room = rate - by_coin - above
        if room <= 0.0:
            return Worth.NO
        # Among equal doubts (an opinion that never changes) a coin decides, or all would be sent at once.
        return Worth.DOUBT if room >= level or self._rng.random() < room / level else Worth.NO
