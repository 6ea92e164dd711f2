"""The SQLite file: connections, transactions, and its version. One process or many, one writer at a time."""

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from stepladder.core import BadRequest, StoreError
from stepladder.knowledge.schema import APPLICATION_ID, STEPS, VERSION

_PATIENCE_SECONDS = 60.0


class KnowledgeFile:
    """Opens the file, made if need be. Use from any thread; each transaction has a connection to itself."""

    def __init__(self, path: Path) -> None:
        """Raises StoreError where the file cannot be used."""
        self.path = path
        self._idle: list[sqlite3.Connection] = []
        self._lock = threading.Lock()
        self._writing = threading.RLock()
        self._closed = False
        try:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._prepare()
        except (OSError, sqlite3.Error) as error:
            self.close()
            raise StoreError(
                f"Cannot open {path}: {error}.", remedy="Check the folder's rights and free space."
            ) from error
        except StoreError:
            self.close()
            raise

    @contextmanager
    def read(self) -> Iterator[sqlite3.Connection]:
        """One consistent view of the file. Raises StoreError."""
        with self._transaction("BEGIN") as connection:
            yield connection

    @contextmanager
    def write(self) -> Iterator[sqlite3.Connection]:
        """A transaction that is committed at the end, or undone by an error. One that changes something is counted.

        Raises StoreError.
        """
        with self._writing, self._transaction("BEGIN IMMEDIATE") as connection:
            before = connection.total_changes
            yield connection
            if connection.total_changes != before:
                connection.execute("UPDATE state SET changes = changes + 1")

    def alone(self) -> sqlite3.Connection:
        """A connection to have and to close oneself. Raises StoreError."""
        try:
            return self._take_new()
        except sqlite3.Error as error:
            raise StoreError(f"Cannot open {self.path}: {error}.", remedy=_LOOK) from error

    def close(self) -> None:
        """Let go of the file. May be called twice."""
        with self._lock:
            self._closed = True
            idle, self._idle = self._idle, []
        for connection in idle:
            connection.close()

    @contextmanager
    def _transaction(self, begin: str) -> Iterator[sqlite3.Connection]:
        try:
            connection = self._take()
        except sqlite3.Error as error:
            raise StoreError(f"Cannot open {self.path}: {error}.", remedy=_LOOK) from error
        try:
            connection.execute(begin)
            yield connection
            connection.execute("COMMIT")
        except sqlite3.Error as error:
            raise StoreError(f"{self.path}: {error}.", remedy=_LOOK) from error
        except UnicodeEncodeError as error:
            raise BadRequest("A name is no valid Unicode (half a surrogate pair).") from error
        finally:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            self._give_back(connection)

    def _take(self) -> sqlite3.Connection:
        with self._lock:
            if self._closed:
                raise StoreError(f"{self.path} is closed.", remedy="Open it again.")
            if self._idle:
                return self._idle.pop()
        return self._take_new()

    def _take_new(self) -> sqlite3.Connection:
        connection = sqlite3.connect(
            self.path, timeout=_PATIENCE_SECONDS, isolation_level=None, check_same_thread=False
        )
        for pragma in ("foreign_keys = ON", "synchronous = NORMAL", "cache_size = -16000"):
            connection.execute(f"PRAGMA {pragma}")
        connection.row_factory = sqlite3.Row
        return connection

    def _give_back(self, connection: sqlite3.Connection) -> None:
        with self._lock:
            if not self._closed:
                self._idle.append(connection)
                return
        connection.close()

    def _prepare(self) -> None:
        connection = self._take()
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("BEGIN IMMEDIATE")
            (kind,) = connection.execute("PRAGMA application_id").fetchone()
            (version,) = connection.execute("PRAGMA user_version").fetchone()
            (tables,) = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
            if tables and (kind != APPLICATION_ID or version > VERSION):
                raise StoreError(
                    f"{self.path} is not a knowledge file of this version.",
                    remedy="Give another path, or install the version of Stepladder that wrote it.",
                )
            for step in STEPS[version if tables else 0 :]:
                for statement in step.split(";"):
                    connection.execute(statement)
            connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
            connection.execute(f"PRAGMA user_version = {VERSION}")
            connection.execute("COMMIT")
        finally:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            self._give_back(connection)


_LOOK = "Check the disk's free space and that no other program holds the file."
