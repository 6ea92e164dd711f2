"""How often an engine may be asked, by everybody who counts in the same file: workers, commands, after a restart too.

A search elsewhere takes a hundred times as long as a row in SQLite, so what was asked is kept as it is, and any minute and
any day is counted exactly. Whoever is killed has at worst used up what it asked.
"""

import sqlite3
import threading
import time
import weakref
from collections.abc import Callable, Sequence
from pathlib import Path

from stepladder.core import StoreError

_PATIENCE_SECONDS = 10.0
_TABLE = """
CREATE TABLE IF NOT EXISTS taken (what TEXT NOT NULL, at REAL NOT NULL);
CREATE INDEX IF NOT EXISTS taken_when ON taken (what, at);
"""


class QuotaFile:
    """Counts in a file (None: in memory, this process alone). Safe from many threads and processes."""

    def __init__(self, path: Path | None = None, clock: Callable[[], float] = time.time) -> None:
        """The file is made when it is first needed. `clock` gives Unix seconds."""
        self._path = path
        self._clock = clock
        self._lock = threading.Lock()
        self._connection: sqlite3.Connection | None = None

    def take(self, what: str, spans: Sequence[tuple[float, int]]) -> bool:
        """Whether one more of `what` is left in each span (seconds, most), which is then taken. Raises StoreError."""
        if not spans:
            return True
        with self._lock:
            try:
                connection = self._opened()
                connection.execute("BEGIN IMMEDIATE")
                try:
                    return self._taken(connection, what, spans)
                finally:
                    connection.execute("COMMIT")
            except (OSError, sqlite3.Error) as error:
                self._let_go()  # whatever it was in the middle of
                raise StoreError(
                    f"{self._path}: {error}.", remedy="Check the folder's rights and free space."
                ) from error

    def close(self) -> None:
        """Let go of the file. It opens again when it is needed."""
        with self._lock:
            self._let_go()

    def _let_go(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    def _taken(self, connection: sqlite3.Connection, what: str, spans: Sequence[tuple[float, int]]) -> bool:
        now, longest = self._clock(), max(seconds for seconds, _ in spans)
        # Where the clock was set back, what lies ahead was asked by now.
        connection.execute("UPDATE taken SET at = ? WHERE what = ? AND at > ?", (now, what, now))
        connection.execute("DELETE FROM taken WHERE what = ? AND at <= ?", (what, now - longest))
        for seconds, most in spans:
            (asked,) = connection.execute(
                "SELECT count(*) FROM taken WHERE what = ? AND at > ?", (what, now - seconds)
            ).fetchone()
            if asked >= most:
                return False
        connection.execute("INSERT INTO taken VALUES (?, ?)", (what, now))
        return True

    def _opened(self) -> sqlite3.Connection:
        if self._connection is None:
            if self._path is not None:
                self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            opened = sqlite3.connect(
                self._path or ":memory:",
                timeout=_PATIENCE_SECONDS,
                isolation_level=None,
                check_same_thread=False,
            )
            try:
                opened.execute("PRAGMA journal_mode = WAL")
                opened.execute("PRAGMA synchronous = NORMAL")
                opened.executescript(_TABLE)
            except BaseException:
                opened.close()
                raise
            self._connection = opened
            weakref.finalize(self, opened.close)
        return self._connection
