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

    `whole`: all that the source has was shown, so that what was not shown is gone. `refused` could not be read.
    """

    known: Mapping[str, str]
    whole: bool = True
    refused: list[Refused] = field(default_factory=list)

    def fail(self, where: str, reason: str) -> None:
        """Something could not be seen: nothing is taken for gone."""
        self.whole = False
        self.refused.append(Refused(where, reason))


class Source(Protocol):
    """A place that documents come from."""

    def look(self, visit: Visit) -> AsyncIterator[Seen]:
        """Everything that it shows now. What goes wrong is said to `visit`, and does not end it."""
        ...
