"""Group commit: callers wait while one thread writes whatever has piled up in one transaction.

Knows statements and values, and nothing of what they mean.
"""

import asyncio
import sqlite3
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import chain
from queue import SimpleQueue
from typing import Any

from sqlalchemy import Connection, Insert, PoolProxiedConnection
from sqlalchemy.engine import Dialect
from sqlalchemy.exc import DataError, OperationalError, SQLAlchemyError

from stepladder.core import LedgerUnavailable, StepladderError
from stepladder.store.columns import characters, without_nul
from stepladder.store.database import Database

Values = tuple[Any, ...]
Merge = Callable[[Connection | None, Sequence[Values]], Sequence[Values]]
"""Makes other rows of a group's; it is given the connection unless the writer is `direct`."""

_REFUSED = (sqlite3.Error, ValueError, TypeError, OverflowError, MemoryError)
_BATCH = 1000
_TOGETHER = (64, 16, 4)
_MANY = 4
_GATHER_SECONDS = 0.004


class Statement:
    """An insert, compiled once. `values` come in the order of `names`.

    `refused` may turn the database's refusal of one row into a clearer error; it is asked after the roll back. `merge`
    makes other rows of a group's, in the transaction that writes them. `values` of a plain insert may go many at a time:
    SQLite's driver gives up the interpreter's lock and fights for it again with every statement, which slows whoever answers.
    """

    __slots__ = ("_named", "_sql", "_together", "merge", "names", "rank", "refused")

    def __init__(
        self,
        insert: Insert,
        dialect: Dialect,
        *,
        rank: int = 0,
        refused: Callable[[Connection, Values], StepladderError | None] | None = None,
        merge: Merge | None = None,
        plain: bool = False,
    ) -> None:
        compiled = insert.inline().compile(dialect=dialect)  # inline: nothing is to come back
        self._sql = str(compiled)
        self._named = not compiled.positional
        self.names: tuple[str, ...] = tuple(compiled.positiontup or compiled.params)
        self.rank = rank
        self.refused = refused
        self.merge = merge
        head, _, row = self._sql.rpartition(" VALUES ")
        counts = _TOGETHER if plain and compiled.positional else ()
        self._together = {count: f"{head} VALUES {', '.join([row] * count)}" for count in counts}

    def execute(self, connection: Connection, rows: Sequence[Values]) -> None:
        """Insert the rows: past SQLAlchemy's handling of each row, which costs more than SQLite's."""
        if self.merge is not None:
            rows = self.merge(connection, rows)
        if self._named:
            connection.exec_driver_sql(self._sql, [dict(zip(self.names, row, strict=True)) for row in rows])
            return
        many, rest = self._grouped(rows)
        for sql, values in many:
            connection.exec_driver_sql(sql, values)
        if rest:
            connection.exec_driver_sql(self._sql, rest)

    def execute_directly(self, driver: sqlite3.Connection, rows: Sequence[Values]) -> None:
        """The same past SQLAlchemy's handling of connections and statements, too."""
        many, rest = self._grouped(self.merge(None, rows) if self.merge is not None else rows)
        for sql, values in many:
            driver.execute(sql, values).close()
        if rest:
            driver.executemany(self._sql, rest).close()

    def _grouped(self, rows: Sequence[Values]) -> tuple[list[tuple[str, Values]], list[Values]]:
        """Statements for many rows with their values, and the rows that are left over."""
        many, rest = list[tuple[str, Values]](), list(rows)
        for count, sql in self._together.items():
            while len(rest) >= count:
                many.append((sql, tuple(chain.from_iterable(rest[:count]))))
                del rest[:count]
        return many, rest


@dataclass(slots=True, eq=False)
class _Job:
    statement: Statement
    values: Values
    future: asyncio.Future[None]
    also: Sequence[tuple[Statement, Values]] = ()
    error: StepladderError | None = None
    done: bool = False


class Writer:
    """The thread. `put` works from any event loop; what it took is written even if the caller leaves."""

    def __init__(self, database: Database, limit: int, *, direct: bool = False) -> None:
        """`direct`: SQLite's file is written without SQLAlchemy, whose part of a small transaction is the larger one."""
        self._database = database
        self._direct = direct and database.file is not None
        # Taken from the pool once: for a row that comes alone that was a quarter of its writing.
        self._pooled: PoolProxiedConnection | None = None
        self._limit = limit
        self._queue: deque[_Job] = deque()
        self._idle = False
        self._wake: SimpleQueue[None] = SimpleQueue()
        self._lock = threading.Lock()
        self._closed = False
        self._thread = threading.Thread(target=self._run, name="stepladder-ledger", daemon=True)
        self._thread.start()

    @property
    def waiting(self) -> int:
        """How many rows are in the queue."""
        return len(self._queue)

    @property
    def closed(self) -> bool:
        """Whether it takes no more rows."""
        return self._closed

    async def put(
        self, statement: Statement, values: Values, also: Sequence[tuple[Statement, Values]] = ()
    ) -> None:
        """Return once the row is committed, with what is `also` to be, in the same transaction.

        Raises LedgerUnavailable, or what `statement.refused` says.
        """
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        with self._lock:
            if self._closed:
                raise LedgerUnavailable(
                    "The ledger is closed.", remedy="The server is stopping: ask again soon."
                )
            if len(self._queue) >= self._limit:
                raise LedgerUnavailable(
                    f"{self._limit} rows are waiting for the ledger already.",
                    remedy="The disk is too slow for this load: ask again later, or raise ledger.queue.",
                )
            self._queue.append(_Job(statement, values, future, also))
            if self._idle:  # waking a thread that is not asleep costs both of them
                self._idle = False
                self._wake.put(None)
        await future

    def close(self) -> None:
        """Write what is waiting, then stop."""
        with self._lock:
            if not self._closed:
                self._closed = True
                self._wake.put(None)
        self._thread.join()

    def _run(self) -> None:
        batch: list[_Job] = []
        try:
            going, lately, since = True, 0, 0.0
            while going:
                going = self._take(batch)
                self._write(batch)
                _tell(batch)
                now = time.monotonic()
                if now - since > _GATHER_SECONDS:
                    lately, since = 0, now
                lately += len(batch)
                if lately >= _MANY:  # a transaction costs as much as ten rows: under load, let some gather
                    time.sleep(_GATHER_SECONDS)
                batch.clear()
        finally:
            self._abandon(batch)
            self._let_go()

    def _take(self, batch: list[_Job]) -> bool:
        """Wait for rows and take what has piled up; False once it is closed and nothing is left."""
        while not self._queue:
            if self._closed:
                return False
            self._idle = True
            if not self._queue:
                self._wake.get()
            self._idle = False
        while self._queue and len(batch) < _BATCH:
            batch.append(self._queue.popleft())
        return True

    def _write(self, batch: list[_Job]) -> None:
        if not batch:
            return
        try:
            self._transact(batch)
        except (OperationalError, sqlite3.OperationalError) as error:
            for job in batch:
                job.error = unavailable(error)
        except StepladderError as error:  # a key that seals is not to be had
            for job in batch:
                job.error = unavailable(error)
        except (SQLAlchemyError, ValueError, TypeError, OverflowError, MemoryError):
            for job in batch:
                self._write_alone(job)

    def _write_alone(self, job: _Job) -> None:
        try:
            self._transact([job])
        except UnicodeEncodeError:
            job.values = tuple(characters(value) for value in job.values)
            self._write_alone(job)
        except (SQLAlchemyError, ValueError, TypeError, OverflowError, MemoryError) as error:
            if isinstance(error, DataError) and job.values != (
                storable := tuple(map(without_nul, job.values))
            ):
                job.values = storable  # PostgreSQL's text has no place for U+0000
                self._write_alone(job)
            else:
                job.error = self._refusal(job) or unavailable(error)

    def _refusal(self, job: _Job) -> StepladderError | None:
        if job.statement.refused is None:
            return None
        try:
            with self._database.transaction() as connection:
                return job.statement.refused(connection, job.values)
        except SQLAlchemyError:
            return None

    def _transact(self, batch: Sequence[_Job]) -> None:
        rows: dict[Statement, list[Values]] = {}
        for job in batch:
            rows.setdefault(job.statement, []).append(job.values)
            for other, more in job.also:
                rows.setdefault(other, []).append(more)
        ordered = [(each, rows[each]) for each in sorted(rows, key=lambda statement: statement.rank)]
        if not (self._direct and self._written(ordered)):
            with self._database.transaction() as connection:
                for statement, values in ordered:
                    statement.execute(connection, values)
        for job in batch:
            job.done = True

    def _written(self, rows: Sequence[tuple[Statement, list[Values]]]) -> bool:
        """Write all, or none: False where the database is busy or refuses a row, which the long way knows to handle.

        Raises sqlite3.OperationalError where it cannot be written at all.
        """
        if self._pooled is None:
            self._pooled = self._database.engine.raw_connection()
        driver: Any = self._pooled.driver_connection
        try:
            driver.execute("BEGIN IMMEDIATE").close()
        except sqlite3.OperationalError:
            self._let_go()
            return False
        try:
            for statement, values in rows:
                statement.execute_directly(driver, values)
            driver.commit()
        except BaseException as error:
            driver.rollback()
            self._let_go()
            if isinstance(error, _REFUSED) and not isinstance(error, sqlite3.OperationalError):
                return False
            raise
        return True

    def _let_go(self) -> None:
        if self._pooled is not None:
            pooled, self._pooled = self._pooled, None
            pooled.close()

    def _abandon(self, batch: list[_Job]) -> None:
        # Reached with work left only if the thread dies of something unforeseen: nobody may wait for ever.
        with self._lock:
            self._closed = True
        batch.extend(self._queue)
        self._queue.clear()
        for job in batch:
            if not job.done and job.error is None:
                job.error = LedgerUnavailable("The ledger's thread has died.", remedy="Restart the server.")
        _tell(batch)


def unavailable(error: BaseException) -> LedgerUnavailable:
    """The error that a caller sees; never with the row's content in it."""
    reason = getattr(error, "orig", None) or getattr(error, "message", None) or error
    return LedgerUnavailable(
        f"The ledger cannot be written: {reason}.", remedy="Check the data folder's free space and rights."
    )


def _tell(batch: Iterable[_Job]) -> None:
    loops: dict[asyncio.AbstractEventLoop, list[_Job]] = {}
    for job in batch:
        loops.setdefault(job.future.get_loop(), []).append(job)
    for loop, jobs in loops.items():
        try:
            loop.call_soon_threadsafe(_resolve, jobs)
        except RuntimeError:
            continue  # the loop is closed, so nobody waits


def _resolve(jobs: list[_Job]) -> None:
    for job in jobs:
        if job.future.done():  # the caller was cancelled
            continue
        if job.error is None:
            job.future.set_result(None)
        else:
            job.future.set_exception(job.error)
