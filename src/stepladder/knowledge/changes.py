"""Whether what can be found has changed: asked before every answer that might be given again from memory."""

import sqlite3
import threading
import time
from typing import Any

from stepladder.core import StoreError
from stepladder.knowledge.file import KnowledgeFile


class Changes:
    """A name for the state of the file: another one after each commit of anybody, and when a document's time begins or ends.

    It means the same to every process. SQLite tells a connection in microseconds whether others have committed (`PRAGMA
    data_version`), so it has one of its own that never writes, and reads the name only then.
    """

    def __init__(self, file: KnowledgeFile) -> None:
        self._file = file
        self._lock = threading.Lock()
        self._connection: sqlite3.Connection | None = None
        self._commits = -1.0
        self._name = ""
        self._next = float("inf")

    def now(self) -> str:
        """The state's name, the same only while nothing has changed. Raises StoreError."""
        at = time.time()
        with self._lock:
            try:
                commits = self._read("PRAGMA data_version")
                if commits != self._commits or at >= self._next:
                    self._name = self._read(_NAME, at=at)
                    self._next = self._read(_NEXT, at=at) or float("inf")
                    self._commits = commits
            except sqlite3.Error as error:
                raise StoreError(f"{self._file.path}: {error}.") from error
            return self._name

    def close(self) -> None:
        """Let go of the connection."""
        with self._lock:
            connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    def _read(self, question: str, **given: float) -> Any:
        if self._connection is None:
            self._connection = self._file.alone()
        return self._connection.execute(question, given).fetchone()[0]


_NAME = """
SELECT mark || '.' || changes || '.' || ifnull((SELECT max(at) FROM (
    SELECT max(valid_from) AS at FROM documents WHERE valid_from <= :at
    UNION ALL SELECT max(valid_until) FROM documents WHERE valid_until <= :at)), 0) FROM state
"""
_NEXT = """
SELECT min(at) FROM (
    SELECT min(valid_from) AS at FROM documents WHERE valid_from > :at
    UNION ALL SELECT min(valid_until) FROM documents WHERE valid_until > :at)
"""
