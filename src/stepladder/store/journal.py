"""The journal: who changed what, and when. Lines are appended, and never change."""

from sqlalchemy import insert, select

from stepladder.core import Clock
from stepladder.store.database import Database
from stepladder.store.rows import Note
from stepladder.store.tables import journal


class Journal:
    """Changes of the configuration, of keys and of switches. Never holds a secret."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    def note(self, who: str, what: str, detail: str = "") -> None:
        """Append a line."""
        with self._database.write() as connection:
            connection.execute(
                insert(journal).values(at=self._clock.time(), who=who, what=what, detail=detail)
            )

    def note_once(self, who: str, what: str, detail: str) -> bool:
        """Append a line unless the last one about `what` says the same: of several workers, the first writes it."""
        last = select(journal.c.detail).where(journal.c.what == what).order_by(journal.c.id.desc()).limit(1)
        with self._database.write() as connection:
            if connection.scalar(last) == detail:
                return False
            connection.execute(
                insert(journal).values(at=self._clock.time(), who=who, what=what, detail=detail)
            )
        return True

    def latest(self, limit: int = 100) -> list[Note]:
        """The newest lines, newest first."""
        query = select(journal.c.at, journal.c.who, journal.c.what, journal.c.detail)
        with self._database.read() as connection:
            return [
                Note(*row) for row in connection.execute(query.order_by(journal.c.id.desc()).limit(limit))
            ]
