"""What has been in the ledger long enough goes: in small transactions, so that answers need not wait.

Never what counts still: drawn answers of a ladder release that is live or tried out are the evidence for its promise. What
was spent is in a table of its own, and stays whatever happens here.
"""

import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, CompoundSelect, delete, func, select

from stepladder.core import Progress, StoreError
from stepladder.store.database import Database
from stepladder.store.held import erase_held
from stepladder.store.tables import audits, conversations, feedback, ledger, rollouts

_AT_ONCE = 200
_PAUSE_SECONDS = 0.01


@dataclass(frozen=True, slots=True)
class Size:
    """How large the ledger is: rows, bytes of the database's files (None: not in files), and the oldest row's time."""

    rows: int
    bytes: int | None
    oldest: float | None


class Retention:
    """Looks at the ledger's size and takes old rows out."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def size(self) -> Size:
        """What there is now."""
        with self._database.read() as connection:
            rows, oldest = connection.execute(select(func.count(), func.min(ledger.c.at))).one()
        file = self._database.file
        files = [] if file is None else [file, file.with_name(f"{file.name}-wal")]
        size = sum(one.stat().st_size for one in files if one.exists()) if files else None
        return Size(int(rows), size, oldest)

    def old(self, before: float) -> int:
        """How many rows `prune` would take out."""
        with self._database.read() as connection:
            query = select(func.count()).select_from(ledger).where(*_old(before))
            return int(connection.execute(query).scalar_one())

    def prune(self, before: float, progress: Progress, *, going_on: Callable[[], bool] = lambda: True) -> int:
        """Take out what is older than `before` (Unix seconds), with its audits and its feedback; how many rows it was.

        `going_on` is asked between the steps. What is done is done: a later run goes on from there. Raises StoreError.
        """
        total, done, after = self.old(before), 0, 0
        while going_on():
            progress(done, total, "taking out old rows")
            count, after = self._step(before, after)
            done += count
            if not count:
                break
            time.sleep(_PAUSE_SECONDS)  # writers of answers come in between
        return done

    def compact(self) -> None:
        """Give the space of what was taken out back to the disk. Needs as much free space as is left in use, and time."""
        if self._database.file is None:
            return
        try:
            with closing(sqlite3.connect(self._database.file, timeout=30.0)) as connection:
                connection.execute("VACUUM")
                connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").close()
        except sqlite3.Error as error:
            raise StoreError(
                f"The database cannot be compacted: {error}.",
                remedy="Free some space, or stop the server for it.",
            ) from error

    def _step(self, before: float, after: int) -> tuple[int, int]:
        query = select(ledger.c.seq, ledger.c.id).where(*_old(before), ledger.c.seq > after)
        with self._database.read() as connection:
            found = connection.execute(query.order_by(ledger.c.seq).limit(_AT_ONCE)).all()
        if not found:
            return 0, after
        seqs, ids = [row.seq for row in found], [row.id for row in found]
        with self._database.write() as connection:
            erase_held(connection, ids)  # nobody could find it any more to erase it
            connection.execute(delete(audits).where(audits.c.seq.in_(seqs)))
            connection.execute(delete(feedback).where(feedback.c.seq.in_(seqs)))
            connection.execute(delete(conversations).where(conversations.c.request_id.in_(ids)))
            connection.execute(delete(ledger).where(ledger.c.seq.in_(seqs)))
        return len(found), seqs[-1]


def _old(before: float) -> tuple[ColumnElement[bool], ...]:
    return ledger.c.at < before, ~(ledger.c.drawn & ledger.c.ladder_release.in_(served()))


def served() -> CompoundSelect[Any]:
    """The ladder releases that are live or tried out: their drawn answers are the evidence for their promise."""
    live, tried = rollouts.c.live, rollouts.c.candidate
    return select(live).where(live.is_not(None)).union(select(tried).where(tried.is_not(None)))
