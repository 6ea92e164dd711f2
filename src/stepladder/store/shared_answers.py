"""Answers that workers of one machine keep for each other: a file of its own, as long as the server runs.

What one has been told to keep, another can give again. Nothing rests on it: where the file cannot be read or written, there
is nothing in it. Reading is a look into an index, on the caller's thread; writing is done by a thread, a batch at a time.
"""

import logging
import os
import queue
import sqlite3
import threading
from contextlib import suppress
from pathlib import Path

_log = logging.getLogger(__name__)
_MADE = """
CREATE TABLE IF NOT EXISTS kept (key BLOB PRIMARY KEY, until REAL NOT NULL, value BLOB NOT NULL) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS kept_until ON kept (until);
"""
_BATCH = 200
_NOTHING: tuple[()] = ()
"""What came before it is to be let go of; it wakes the writer."""
_WAITING = 2000
_WAIT_SECONDS = 5.0

Kept = tuple[bytes, float, float, bytes]
"""Key, the time when it came, the time when it ends, value."""


class SharedAnswers:
    """Values by key, each until a time. `limit` bounds their bytes together: what would end first goes first.

    Times are those of the machine's monotonic clock, so the file is of one run of the server and `fresh` begins a new one.
    """

    def __init__(self, file: Path, limit: int = 0) -> None:
        self.limit = limit
        self._file = file
        self._queue: queue.Queue[Kept | tuple[()] | None] = queue.Queue(_WAITING)
        self._wiped = threading.Event()
        self._reader: sqlite3.Connection | None = None
        self._writer = threading.Thread(target=self._write, name="shared-answers", daemon=True)
        try:
            self._reader = _opened(file)
        except (sqlite3.Error, OSError) as error:
            _log.warning("Workers keep no answers for each other: %s: %s.", file, error)
        self._writer.start()

    @staticmethod
    def fresh(file: Path) -> None:
        """Begin anew, before any worker has it open."""
        for name in (file, *(file.with_name(file.name + end) for end in ("-wal", "-shm"))):
            name.unlink(missing_ok=True)

    def get(self, key: bytes, now: float) -> tuple[bytes, float] | None:
        """The value and how many seconds it has left; None where there is none."""
        if self._reader is None:
            return None
        try:
            found = self._reader.execute("SELECT value, until FROM kept WHERE key = ?", (key,)).fetchone()
        except sqlite3.Error:
            return None
        return (found[0], found[1] - now) if found is not None and found[1] > now else None

    def put(self, key: bytes, value: bytes, now: float, seconds: float) -> None:
        """Keep a value. Comes back at once; where too much waits to be written, it is not kept."""
        if len(value) <= self.limit // 8:
            try:
                self._queue.put_nowait((key, now, now + seconds, value))
            except queue.Full:
                return

    def clear(self) -> None:
        """Let go of everything, also of what waits to be written. It is done a moment after this has come back."""
        with suppress(queue.Empty):
            while True:
                self._queue.get_nowait()
        self._wiped.set()
        with suppress(queue.Full):
            self._queue.put_nowait(_NOTHING)

    def close(self) -> None:
        """Write what waits, and let go of the file."""
        self._queue.put(None)
        self._writer.join(_WAIT_SECONDS)
        if self._reader is not None:
            self._reader.close()
            self._reader = None

    def _write(self) -> None:
        connection: sqlite3.Connection | None = None
        going, told, written = True, False, self.limit
        while going:
            batch = [self._queue.get()]
            while len(batch) < _BATCH and not self._queue.empty():
                batch.append(self._queue.get())
            going = None not in batch
            try:
                connection = connection or _opened(self._file)
                if self._wiped.is_set():
                    self._wiped.clear()
                    batch = batch[batch.index(_NOTHING) + 1 :] if _NOTHING in batch else []
                    connection.execute("DELETE FROM kept")
                written += _keep(connection, [one for one in batch if one])
                if written >= self.limit // 16:
                    written = _trim(connection, self.limit)
                told = False
            except (sqlite3.Error, OSError) as error:
                if not told:
                    _log.warning("Answers cannot be kept for the other workers: %s.", error)
                told = True
        if connection is not None:
            connection.close()


def _keep(connection: sqlite3.Connection, batch: list[Kept]) -> int:
    """How many bytes have come. What is over by now goes."""
    with connection:
        connection.execute("BEGIN IMMEDIATE")
        for key, now, until, value in batch:
            connection.execute("DELETE FROM kept WHERE until <= ?", (now,))
            connection.execute("INSERT OR REPLACE INTO kept VALUES (?, ?, ?)", (key, until, value))
    return sum(len(value) for *_, value in batch)


def _trim(connection: sqlite3.Connection, limit: int) -> int:
    """Take out what would end first, until the rest is within the limit. Gives 0: nothing has come since."""
    with connection:
        connection.execute("BEGIN IMMEDIATE")
        (size,) = connection.execute("SELECT coalesce(sum(length(value)), 0) FROM kept").fetchone()
        while size > limit:
            gone = connection.execute(_FIRST).fetchall()
            connection.executemany("DELETE FROM kept WHERE key = ?", [(key,) for key, _ in gone])
            size -= sum(length for _, length in gone)
    return 0


_FIRST = "SELECT key, length(value) FROM kept ORDER BY until LIMIT 100"


def _opened(file: Path) -> sqlite3.Connection:
    os.close(os.open(file, os.O_CREAT | os.O_RDWR, 0o600))
    connection = sqlite3.connect(file, timeout=_WAIT_SECONDS, isolation_level=None, check_same_thread=False)
    try:
        for pragma in ("journal_mode = WAL", "synchronous = OFF", "secure_delete = ON"):
            connection.execute(f"PRAGMA {pragma}")
        connection.executescript(_MADE)
    except sqlite3.Error:
        connection.close()
        raise
    return connection
