"""What a source is: something that can be visited, and tells what it shows now."""

from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from stepladder.knowledge.nouns import Document, Refused


@dataclass(frozen=True, slots=True)
class Seen:
    """One thing that a source shows: a page, an item, a file, a row.

    `key` names it there. `state` is what it will be known by at the next visit: an ETag, a digest, a time. `read` gives
    its documents, and may block; None: it is as it was.
    """

    key: str
    state: str
    read: Callable[[], Iterable[Document | Refused]] | None = None


@dataclass(slots=True)
class Visit:
    """What is `known` from the last visit (key -> state), and what this one finds out beside what it shows.

    `whole`: all that the source has was shown, so that what was not shown is gone. `refused` could not be read. `lost` says
    why the source itself, or a part of it, could not be looked at though it is ours. `emptied`: somebody has said that a
    source which shows nothing has nothing.
    """

    known: Mapping[str, str]
    whole: bool = True
    refused: list[Refused] = field(default_factory=list)
    lost: str = ""
    emptied: bool = False

    def fail(self, where: str, reason: str) -> None:
        """Something could not be seen: nothing is taken for gone."""
        self.whole = False
        self.refused.append(Refused(where, reason))

    def lose(self, where: str, reason: str) -> None:
        """The same, of a source that should be there: it is for the journal too."""
        self.fail(where, reason)
        self.lost = self.lost or f"{where}: {reason}"


class Source(Protocol):
    """A place that documents come from."""

    def look(self, visit: Visit) -> AsyncIterator[Seen]:
        """Everything that it shows now. What goes wrong is said to `visit`, and does not end it."""
        ...
