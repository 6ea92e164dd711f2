"""What a source is: something that can be visited, and tells what it shows now."""

from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Set
from dataclasses import dataclass, field
from typing import Protocol

from stepladder.knowledge.nouns import Document, Refused

PERHAPS = "perhaps something is wrong with it, so nothing is taken out"


@dataclass(frozen=True, slots=True)
class Seen:
    """One thing that a source shows: a page, an item, a file, a row.

    `key` names it there. `state` is what it will be known by at the next visit: an ETag, a digest, a time. `read` gives
    its documents, and may block; None: it is as it was. `note`: it is what the source has to remember, and no document's.
    """

    key: str
    state: str
    read: Callable[[], Iterable[Document | Refused]] | None = None
    note: bool = False


@dataclass(slots=True)
class Visit:
    """What is `known` from the last visit (key -> state), and what this one finds out beside what it shows.

    `otherwise`: what is to be read again all the same, since its documents would be labelled in another way now. `whole`:
    all that the source has was shown, so that what was not shown is gone. `refused` could not be read. `lost` says why the
    source itself, or a part of it, could not be looked at though it is ours. `emptied`: somebody has said that a source
    which shows nothing has nothing. `at_stake`: what is gone goes out.
    """

    known: Mapping[str, str]
    otherwise: Set[str] = frozenset()
    whole: bool = True
    refused: list[Refused] = field(default_factory=list)
    lost: str = ""
    emptied: bool = False
    at_stake: bool = True

    def state(self, key: str) -> str:
        """What a thing is known by; "" where it is new, or to be read again."""
        return "" if key in self.otherwise else self.known.get(key, "")

    def fail(self, where: str, reason: str) -> None:
        """Something could not be seen: nothing is taken for gone."""
        self.whole = False
        self.refused.append(Refused(where, reason))

    def lose(self, where: str, reason: str) -> None:
        """The same, of a source that should be there: it is for the journal too."""
        self.fail(where, reason)
        self.lost = self.lost or f"{where}: {reason}"

    def less(self, where: str, what: str, before: int, perhaps: str = PERHAPS) -> bool:
        """Whether a source that shows nothing has lost all of `before` things: more often it is ill than empty."""
        if not before or self.emptied or not self.at_stake or not self.whole:
            return False
        self.lose(where, f"no {what} is left of {before}; {perhaps}")
        return True


class Source(Protocol):
    """A place that documents come from."""

    def look(self, visit: Visit) -> AsyncIterator[Seen]:
        """Everything that it shows now. What goes wrong is said to `visit`, and does not end it."""
        ...
