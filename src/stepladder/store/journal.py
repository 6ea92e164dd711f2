"""The journal: who changed what, and when. Lines are appended, never change, and are chained (see `chain`)."""

from collections.abc import Iterator, Sequence
from contextlib import closing

from sqlalchemy import insert, inspect, select

from stepladder.core import Clock, StoreError
from stepladder.store.chain import Anchor, Fault, Link, append, first_fault, head_of
from stepladder.store.database import Database, sqlite_file
from stepladder.store.presence import Presence
from stepladder.store.rows import Note
from stepladder.store.tables import journal

_PAGE = 1000
_LINE = tuple(journal.c[name] for name in ("id", "at", "who", "what", "detail", "before", "digest"))


class Journal:
    """Every administrative act, promotion, roll back, erasure and use of rights. Never holds a secret."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    def note(self, who: str, what: str, detail: str = "") -> None:
        """Append a line. Raises StoreError naming the line that is missing."""
        try:
            with self._database.write() as connection:
                append(connection, Note(self._clock.time(), who, what, detail))
        except StoreError as error:
            raise StoreError(
                f"The journal did not take the line {what!r}: {error.message}",
                remedy=f"What was done before stands, and is not noted. {error.remedy}",
            ) from error

    def note_once(self, who: str, what: str, detail: str) -> bool:
        """Append a line unless the last one about `what` says the same: of several workers, the first writes it."""
        last = select(journal.c.detail).where(journal.c.what == what).order_by(journal.c.id.desc()).limit(1)
        with self._database.write() as connection:
            if connection.scalar(last) == detail:
                return False
            append(connection, Note(self._clock.time(), who, what, detail))
        return True

    def latest(self, limit: int = 100) -> list[Note]:
        """The newest lines, newest first."""
        query = select(journal.c.at, journal.c.who, journal.c.what, journal.c.detail)
        with self._database.read() as connection:
            return [
                Note(*row) for row in connection.execute(query.order_by(journal.c.id.desc()).limit(limit))
            ]

    def newest(self, limit: int, what: str = "") -> list[Link]:
        """The newest lines, newest first; only those about `what`, where given."""
        query = select(*_LINE).where(journal.c.what == what) if what else select(*_LINE)
        with self._database.read() as connection:
            return [
                Link(*row) for row in connection.execute(query.order_by(journal.c.id.desc()).limit(limit))
            ]

    def links(self, *, after: int = 0) -> Iterator[Link]:
        """Every line with a number above `after` and its place in the chain, oldest first."""
        while True:
            query = select(*_LINE).where(journal.c.id > after).order_by(journal.c.id).limit(_PAGE)
            with self._database.read() as connection:
                page = [Link(*row) for row in connection.execute(query)]
            yield from page
            if len(page) < _PAGE:
                return
            after = page[-1].number

    def head(self) -> Anchor:
        """Where the journal ends: keep it elsewhere, and `verify` tells whether anything before it was ever forged."""
        with self._database.read() as connection:
            return head_of(connection) or Anchor()

    def verify(self, anchors: Sequence[Anchor] = ()) -> Fault | None:
        """The first line that is not as it was written: changed, put in, taken out, moved or cut off the end."""
        head = self.head()
        # What is appended while we read is past the head, and not judged.
        links = (link for link in self.links() if link.number <= head.number or self._stands(link))
        return first_fault(links, head=head, anchors=anchors)

    def _stands(self, link: Link) -> bool:
        """Whether a line past the head that was read is one that the journal itself has not come to know since."""
        return link.number > self.head().number


def note_as_it_is(url: str, note: Note) -> None:
    """Append a line to the journal of a database that is left at its version, for what must not migrate it: a backup.

    Raises StoreError naming the line that is missing, also while the database is being restored.
    """
    presence = Presence(sqlite_file(url))
    try:
        append_as_it_is(url, note)
    except StoreError as error:
        raise StoreError(
            f"The journal did not take the line {note.what!r}: {error.message}", remedy=error.remedy
        ) from error
    finally:
        presence.leave()


def append_as_it_is(url: str, note: Note) -> None:
    """The same for whoever holds the database alone. Raises StoreError.

    Where lines are not chained yet (before 0007) it is one like the others, which the migration chains; the first version
    of all had no journal.
    """
    with closing(Database(url)) as database, database.write() as connection:
        tables = inspect(connection)
        if not tables.has_table(journal.name):
            return
        if any(column["name"] == "digest" for column in tables.get_columns(journal.name)):
            append(connection, note)
            return
        values = {"at": note.at, "who": note.who, "what": note.what, "detail": note.detail}
        connection.execute(insert(journal).values(values))
