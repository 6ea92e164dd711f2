"""What goes into a collection, and what comes out of a search."""

from dataclasses import dataclass
from enum import StrEnum


class SearchMode(StrEnum):
    """Which index a search asks: the terms', the vectors', or both."""

    LEXICAL = "lexical"
    VECTOR = "vector"
    HYBRID = "hybrid"


@dataclass(frozen=True, slots=True)
class Document:
    """A text with its id in a collection, and who may read it when.

    `groups`: who may read it (empty: everybody of the tenant). `valid_from` and `valid_until` are Unix seconds,
    and so is `published`, which whoever wrote it says.
    """

    id: str
    text: str
    title: str = ""
    source: str = ""
    licence: str = ""
    tags: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    valid_from: float | None = None
    valid_until: float | None = None
    published: float | None = None


@dataclass(frozen=True, slots=True)
class Stored:
    """A document as it stands: `version` counts its changes."""

    id: str
    title: str
    version: int
    passages: int
    embedded: int
    source: str
    tags: tuple[str, ...]
    groups: tuple[str, ...]
    changed_at: float
    licence: str
    valid_from: float | None
    valid_until: float | None


@dataclass(frozen=True, slots=True)
class Collection:
    """Documents of one tenant under one name. A collection of the tenant "" is read by every tenant."""

    number: int
    tenant: str
    name: str
    documents: int
    passages: int
    embedder: str


class Change(StrEnum):
    """What adding a document did."""

    ADDED = "added"
    UPDATED = "updated"
    UNCHANGED = "unchanged"


@dataclass(frozen=True, slots=True)
class Refused:
    """What was not imported: where it stands, and why. `harmless`: there was nothing in it to find."""

    where: str
    reason: str
    harmless: bool = False
