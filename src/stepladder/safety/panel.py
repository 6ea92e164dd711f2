"""Rulings, and those of one side sorted once by how they are asked: a question asks them several times."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Protocol, runtime_checkable

from stepladder.core import Deed, Guard, GuardTable, Side, Turn, Watching
from stepladder.safety.numbers import NumbersGuard
from stepladder.safety.stream import tail_of


@runtime_checkable
class Priced(Protocol):
    """A guard whose judgement may cost money."""

    def most(self, text: str, turns: Sequence[Turn] = ()) -> float:
        """As much at most."""
        ...


@dataclass(frozen=True, slots=True)
class Ruling:
    """A guard and what the configuration makes of it."""

    guard: Guard
    table: GuardTable

    @property
    def name(self) -> str:
        """What it is called."""
        return self.guard.name

    @property
    def enforced(self) -> bool:
        """Whether its word counts."""
        return self.table.mode is Watching.ENFORCE

    def covers(self, side: Side) -> bool:
        """Whether it looks at texts of a side."""
        return (self.table.side or self.guard.side).covers(side)

    def deed(self, category: str) -> Deed | None:
        """What becomes of a category; None leaves it to the guard."""
        return self.table.categories.get(category, self.table.action)


class Panel:
    """The rulings of one side.

    `windows` watch through a window, `wholes` need a whole text. Of an answer's, `observers` only look; the enforced ones can
    watch its stream (`streamed`, which hold back what `tail` says of a text's end) or wait for all of it (`ended`). What is
    `personal` depends on who asks. `rare` and `rare_again` say whether all that watches an answer, or one that is given
    again, are guards that `lazily` knows, and none that stops it.
    """

    __slots__ = (
        *("all", "ended", "observers", "personal", "rare", "rare_again", "streamed", "tail", "wholes"),
        "windows",
    )

    def __init__(self, rulings: Iterable[Ruling]) -> None:
        self.all = tuple(rulings)
        self.windows = tuple(each for each in self.all if each.guard.window is not None)
        self.wholes = tuple(each for each in self.all if each.guard.window is None)
        self.observers = tuple(each for each in self.all if not each.enforced)
        self.streamed = tuple(each for each in self.windows if each.enforced and each.guard.quick)
        self.ended = tuple(each for each in self.all if each.enforced and each not in self.streamed)
        self.personal = tuple(each for each in self.streamed if isinstance(each.guard, NumbersGuard))
        self.rare = bool(self.streamed) and not self.ended and all(map(_rare, self.streamed))
        self.rare_again = bool(self.personal) and all(map(_rare, self.personal))
        self.tail = tail_of([each.guard for each in self.streamed])

    def private(self) -> "Panel":
        """The same with guards that tell no public model."""
        return Panel(replace(each, guard=getattr(each.guard, "private", each.guard)) for each in self.all)


def _rare(ruling: Ruling) -> bool:
    guard, table = ruling.guard, ruling.table
    redacts = isinstance(guard, NumbersGuard) and guard.redacts
    return redacts and table.action is None and not table.categories
