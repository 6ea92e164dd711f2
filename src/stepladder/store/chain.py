"""The journal's lines as a hash chain: each names its own content and the line before, so that no change goes unseen.

Every line's digest is SHA-256 over its number, time, words and the digest before it (Haber and Stornetta 1991, "How to
time-stamp a digital document"). Whoever can write the whole database can forge the whole chain: against that, keep an
anchor (a line's number and digest) somewhere else.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import msgspec
from sqlalchemy import Connection, delete, insert, select, text

from stepladder.core import BadRequest, DataError
from stepladder.store.columns import characters, without_nul
from stepladder.store.rows import Note
from stepladder.store.tables import journal, settings

HEAD_OF_JOURNAL = "journal head"


@dataclass(frozen=True, slots=True)
class Anchor:
    """A line's number and digest; number 0 is the beginning, before any line."""

    number: int = 0
    digest: str = ""

    def __str__(self) -> str:
        return f"{self.number}:{self.digest}"

    @classmethod
    def parse(cls, words: str) -> "Anchor":
        """What `str` wrote. Raises BadRequest."""
        number, _, digest = words.strip().partition(":")
        if not number.isascii() or not number.isdigit() or len(digest) != 64:
            raise BadRequest(
                f"{words!r} is no anchor.", param="anchor", remedy="It looks like 17:9f86d0… (64 digits)."
            )
        return cls(int(number), digest)


@dataclass(frozen=True, slots=True)
class Link:
    """One line of the journal with its place in the chain."""

    number: int
    at: float
    who: str
    what: str
    detail: str
    before: str
    digest: str = ""

    def computed(self) -> str:
        """The digest that this line ought to have."""
        said = [self.number, self.at, self.who, self.what, self.detail, self.before]
        return hashlib.sha256(json.dumps(said, separators=(",", ":")).encode("ascii")).hexdigest()


@dataclass(frozen=True, slots=True)
class Fault:
    """The first line that is not as it was written, and how that shows."""

    number: int
    what: str

    def __str__(self) -> str:
        return f"Line {self.number} {self.what}."


def append(connection: Connection, note: Note) -> Link:
    """Add a line in the transaction of what it tells of, just before the stamp is bumped.

    Always in this order, so that two transactions on PostgreSQL cannot wait for each other.
    """
    if connection.dialect.name == "postgresql":
        # SQLite's writers are alone anyway. Two that read the same last line would fork the chain.
        connection.execute(text("LOCK TABLE journal IN EXCLUSIVE MODE"))
    last = connection.execute(
        select(journal.c.id, journal.c.digest).order_by(journal.c.id.desc()).limit(1)
    ).first()
    head = head_of(connection) or Anchor()
    # After a cut tail the numbers go on behind the head's, so that the gap stays visible.
    number = max(last.id if last is not None else 0, head.number) + 1
    who, what, detail = (without_nul(characters(word)) for word in (note.who, note.what, note.detail))
    # On the head, where there is one: a line that somebody else has added behind it does not become part of the chain.
    before = head.digest if head.number else last.digest if last is not None else ""
    link = Link(number, note.at, who, what, detail, before)
    link = replace(link, digest=link.computed())
    connection.execute(insert(journal).values(values_of(link)))
    set_head(connection, Anchor(link.number, link.digest))
    return link


def values_of(link: Link) -> dict[str, int | float | str]:
    """A link as the table's columns."""
    return {
        "id": link.number,
        **{name: getattr(link, name) for name in ("at", "who", "what", "detail", "before", "digest")},
    }


def head_of(connection: Connection) -> Anchor | None:
    """Where the journal ends, as its last writer noted; None where nobody ever wrote."""
    value = connection.scalar(select(settings.c.value).where(settings.c.name == HEAD_OF_JOURNAL))
    if value is None:
        return None
    number, _, digest = value.partition(":")
    return Anchor(int(number) if number.isdigit() else 0, digest)


def set_head(connection: Connection, head: Anchor) -> None:
    """Note where the journal ends."""
    connection.execute(delete(settings).where(settings.c.name == HEAD_OF_JOURNAL))
    connection.execute(insert(settings).values(name=HEAD_OF_JOURNAL, value=str(head)))


def rechain(links: Iterable[Link]) -> Iterable[Link]:
    """The same lines numbered and chained from the beginning: for lines that were written before there was a chain."""
    before = Anchor()
    for link in links:
        chained = replace(link, number=before.number + 1, before=before.digest)
        chained = replace(chained, digest=chained.computed())
        before = Anchor(chained.number, chained.digest)
        yield chained


def read_journal(path: Path) -> Iterator[Link]:
    """The lines of an exported journal. Raises DataError naming the line that is none."""
    try:
        with path.open("rb") as file:
            for number, line in enumerate(file, 1):
                try:
                    yield msgspec.json.decode(line, type=Link)
                except (msgspec.DecodeError, UnicodeDecodeError) as error:
                    raise DataError(
                        f"{path}, line {number}: {error}.",
                        remedy="Give what `stepladder audit export` wrote.",
                    ) from error
    except OSError as error:
        raise DataError(f"Cannot read {path}: {error.strerror}.", remedy="Check the path.") from error


def first_fault(
    links: Iterable[Link], *, head: Anchor | None, anchors: Sequence[Anchor] = ()
) -> Fault | None:
    """What is wrong first, None where every line is as it was written. `head` None: where it ends is not known."""
    known = {anchor.number: anchor.digest for anchor in anchors}
    before = Anchor()
    for link in links:
        if how := _wrong(link, before, known.get(link.number)):
            return how
        before = Anchor(link.number, link.digest)
    if head is not None and head.number < before.number:
        return Fault(head.number + 1, "was not written by the journal: its head ends before it")
    for end in (*([head] if head is not None else []), *anchors):
        if end.number > before.number:
            return Fault(before.number + 1, f"is missing: the journal once ended with line {end.number}")
    if head is not None and head.digest != before.digest:
        return Fault(before.number, "is not the one with which the journal ended")
    return None


def _wrong(link: Link, before: Anchor, anchored: str | None) -> Fault | None:
    if link.number > before.number + 1:
        return Fault(before.number + 1, "is missing")
    if link.number <= before.number:
        return Fault(link.number, "is out of its order")
    if link.digest != link.computed():
        return Fault(link.number, "was changed")
    if link.before != before.digest:
        return Fault(link.number, "does not follow the line before it: one was put in, taken out or replaced")
    if anchored is not None and link.digest != anchored:
        return Fault(link.number, "is not the one that the anchor names: the chain was written anew")
    return None
