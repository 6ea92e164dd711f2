"""One database, reached the same way from every table's class: short read and write transactions.

SQLite is opened in WAL mode and told when transactions begin, so that a read sees one moment, a write holds
the lock from its start, and changes of the schema can be undone. Knows nothing of what the tables mean.
"""

import os
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, closing, contextmanager, nullcontext
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, select, update
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, OperationalError, SQLAlchemyError
from sqlalchemy.pool import QueuePool, StaticPool

from stepladder.core import BadRequest, ConfigError, MissingExtra, StoreError
from stepladder.store.tables import stamps

BUSY_SECONDS = 5.0
"""How long SQLite itself waits for another writer before it says that the database is locked."""

_ATTEMPTS = 2
_DRIVERS = {
    "sqlite": "sqlite",
    "postgresql": "postgresql+psycopg",
    "postgresql+psycopg": "postgresql+psycopg",
}
_SYNCHRONOUS = {"process": "NORMAL", "power": "FULL"}


def parse_url(url: str) -> URL:
    """Check a database URL. Raises ConfigError naming `ledger.url`; a password in it is never shown."""
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):
        parsed = None
    if parsed is None or parsed.drivername not in _DRIVERS:
        raise ConfigError(
            "ledger.url is no database URL that Stepladder knows.",
            param="ledger.url",
            remedy='Write "sqlite:///folder/stepladder.db" or "postgresql+psycopg://user@host/name".',
        )
    return parsed.set(drivername=_DRIVERS[parsed.drivername])


def sqlite_file(url: str) -> Path | None:
    """The file behind a URL; None in memory and for PostgreSQL."""
    parsed = parse_url(url)
    if parsed.get_backend_name() != "sqlite" or parsed.database in (None, "", ":memory:"):
        return None
    return Path(str(parsed.database))


class Database:
    """Transactions on one engine.

    A database in memory has one connection, which everybody shares, one transaction at a time.
    """

    def __init__(self, url: str, durability: str = "process") -> None:
        parsed = parse_url(url)
        if durability not in _SYNCHRONOUS:
            raise ConfigError(
                f"ledger.durability is {durability!r}.",
                param="ledger.durability",
                remedy='Write "process" or "power".',
            )
        self.file = sqlite_file(url)
        self.sqlite = parsed.get_backend_name() == "sqlite"
        if self.file is not None:
            _make_file(self.file)
        memory = self.sqlite and self.file is None
        self._alone: AbstractContextManager[Any] = threading.RLock() if memory else nullcontext()
        self.engine = _engine(parsed, self.sqlite, memory)
        if self.sqlite:
            _listen(self.engine, _SYNCHRONOUS[durability])
        self._writing = self.engine.execution_options(stepladder_begin="BEGIN IMMEDIATE")

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A transaction that sees one moment. Raises StoreError when the database is in trouble."""
        with self._alone, _trouble(), self.engine.begin() as connection:
            yield connection

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """A transaction that writes. Raises StoreError when the database is in trouble."""
        with _trouble(), self.transaction() as connection:
            yield connection

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """Like `write`, for whoever needs the database's own errors."""
        with self._alone, self._writing.connect() as connection, _begin(connection):
            yield connection

    @contextmanager
    def connected(self) -> Iterator[Connection]:
        """A connection for several transactions, with temporary tables of its own: who begins one there writes nothing else.

        Raises StoreError when the database is in trouble.
        """
        with self._alone, _trouble(), self.engine.connect() as connection:
            yield connection

    @contextmanager
    def writing(self, connection: Connection) -> Iterator[None]:
        """A transaction that writes, on such a connection."""
        connection.execution_options(stepladder_begin="BEGIN IMMEDIATE")
        try:
            with _begin(connection):
                yield
        finally:
            connection.execution_options(stepladder_begin="BEGIN")

    def overwrite(self) -> None:
        """Bring the write-ahead log into the file and empty it, where nobody reads just now: what went is in neither."""
        if self.file is not None:
            with closing(sqlite3.connect(self.file, timeout=BUSY_SECONDS)) as connection:
                connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").close()

    def stamp(self) -> int:
        """A number that changes with every change that the server's snapshot must see."""
        with self.read() as connection:
            return int(connection.execute(select(stamps.c.value)).scalar_one())

    def check(self) -> str:
        """What SQLite finds wrong with the file, "" for nothing and for PostgreSQL."""
        if not self.sqlite:
            return ""
        with self.read() as connection:
            found = connection.exec_driver_sql("PRAGMA quick_check(3)").scalars().all()
        return "" if found == ["ok"] else "; ".join(map(str, found))

    def close(self) -> None:
        """Close every idle connection."""
        self.engine.dispose()


def bump(connection: Connection) -> int:
    """Change the stamp, in the transaction of the change itself; returns the new one."""
    statement = update(stamps).values(value=stamps.c.value + 1).returning(stamps.c.value)
    return int(connection.execute(statement).scalar_one())


def _begin(connection: Connection) -> AbstractContextManager[Any]:
    for attempt in range(1, _ATTEMPTS + 1):
        try:
            return connection.begin()
        except OperationalError:
            if attempt == _ATTEMPTS:
                raise
            time.sleep(0.05 * attempt)
    raise AssertionError("unreachable")


@contextmanager
def _trouble() -> Iterator[None]:
    try:
        yield
    except UnicodeEncodeError as error:
        raise BadRequest(
            "A text holds half of a surrogate pair, which is no character.", remedy="Send valid Unicode."
        ) from error
    except SQLAlchemyError as error:
        reason = getattr(error, "orig", None) or type(error).__name__
        raise StoreError(
            f"The database is in trouble: {reason}.",
            remedy="Check the data folder's free space and rights, and that nothing else holds a lock on it.",
        ) from error


def _engine(url: URL, sqlite: bool, memory: bool) -> Engine:
    # hide_parameters: an error of the database must not carry a caller's text into a log.
    if not sqlite:
        return _server_engine(url)
    arguments: dict[str, Any] = {"check_same_thread": False, "timeout": BUSY_SECONDS}
    if memory:
        return create_engine(url, hide_parameters=True, connect_args=arguments, poolclass=StaticPool)
    return create_engine(
        url, hide_parameters=True, connect_args=arguments, poolclass=QueuePool, pool_size=8, max_overflow=-1
    )


def _server_engine(url: URL) -> Engine:
    try:
        return create_engine(url, hide_parameters=True, pool_pre_ping=True)
    except ModuleNotFoundError as error:
        raise MissingExtra("A PostgreSQL ledger", "postgres") from error


def _listen(engine: Engine, synchronous: str) -> None:
    @event.listens_for(engine, "connect")
    def connect(connection: Any, _record: Any) -> None:
        connection.isolation_level = (
            None  # no transactions behind our back: `begin` below is the only one to start them
        )
        _use_wal(connection)
        # Many builds of SQLite leave what was taken out, or moved to another page, where it stood.
        for pragma in (f"synchronous = {synchronous}", "foreign_keys = ON", "secure_delete = ON"):
            connection.execute(f"PRAGMA {pragma}").close()

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        connection.exec_driver_sql(connection.get_execution_options().get("stepladder_begin", "BEGIN"))


def _use_wal(connection: sqlite3.Connection) -> None:
    # SQLite does not wait when two processes open a new file at once: one of them changes the mode, and the
    # other is refused at once, whatever its time-out (https://sqlite.org/wal.html, section 9).
    end = time.monotonic() + BUSY_SECONDS
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL").close()
            return
        except sqlite3.OperationalError as error:
            if getattr(error, "sqlite_errorcode", None) != sqlite3.SQLITE_BUSY or time.monotonic() > end:
                raise
        time.sleep(0.01)


def _make_file(file: Path) -> None:
    # Made here so that nobody else can read it: SQLite gives its side files the same rights.
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        os.close(os.open(file, os.O_CREAT | os.O_RDWR, 0o600))
    except OSError as error:
        raise StoreError(
            f"Cannot open {file}: {error.strerror}.",
            remedy="Check that its folder exists and that you may write there.",
        ) from error
