"""What is found in documents, and for whom."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Passage:
    """A piece of a document that can be cited: it is ``document's text[start : start + len(text)]``.

    `number` names it in one retriever; `document` is the document's own id there.
    """

    number: int
    collection: str
    document: str
    text: str
    title: str = ""
    heading: str = ""
    source: str = ""
    place: int = 0
    start: int = 0


@dataclass(frozen=True, slots=True)
class Hit:
    """A passage that was found for a query. Scores compare within one search only, best first."""

    passage: Passage
    score: float


@dataclass(frozen=True, slots=True)
class Scope:
    """Who asks, and what may be found: never more than the tenant's own and what all tenants share.

    `groups` are the asker's; `tags` narrows to documents with one of them (empty: all); `at` is the moment, in Unix
    seconds, at which a document must be valid (None: now).
    """

    tenant: str = ""
    groups: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    at: float | None = None
