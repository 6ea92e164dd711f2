"""What the flywheel keeps: who turns it (leases), how far it is (progress) and where it goes on (turns)."""

from collections.abc import Mapping
from typing import Any

import msgspec
from sqlalchemy import delete, insert, select, update

from stepladder.core import BadRequest, Clock, StoreError
from stepladder.store.database import Database
from stepladder.store.rows import Stage
from stepladder.store.tables import leases, progress, turns


class Leases:
    """Locks between processes that a dead holder loses by itself, by wall time."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    def take(self, name: str, holder: str, seconds: float) -> bool:
        """Take a lease that is free, over, or the holder's already; False when somebody else has it."""
        now = self._clock.time()
        _check(seconds)
        free = (leases.c.until <= now) | (leases.c.holder == holder)
        change = update(leases).where(leases.c.name == name, free)
        with self._database.write() as connection:
            if connection.execute(change.values(holder=holder, until=now + seconds)).rowcount > 0:
                return True
            if connection.execute(select(leases.c.name).where(leases.c.name == name)).first() is not None:
                return False
            connection.execute(insert(leases).values(name=name, holder=holder, until=now + seconds))
            return True

    def renew(self, name: str, holder: str, seconds: float) -> bool:
        """Keep a lease for `seconds` from now; False when it is lost: it was over, or is somebody else's."""
        now = self._clock.time()
        _check(seconds)
        change = update(leases).where(leases.c.name == name, leases.c.holder == holder, leases.c.until > now)
        with self._database.write() as connection:
            return connection.execute(change.values(until=now + seconds)).rowcount > 0

    def release(self, name: str, holder: str) -> None:
        """Give a lease back; does nothing when it is not the holder's."""
        with self._database.write() as connection:
            connection.execute(delete(leases).where(leases.c.name == name, leases.c.holder == holder))

    def sweep(self) -> int:
        """Forget leases that are over; how many."""
        with self._database.write() as connection:
            return connection.execute(delete(leases).where(leases.c.until <= self._clock.time())).rowcount


class Stages:
    """How far the flywheel is with each task, for the log, the status and the metrics."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    def report(self, task: str, stage: str, done: int, total: int, message: str = "") -> None:
        """Say how far it is; the task's last report is replaced."""
        values = {
            "task": task,
            "stage": stage,
            "done": done,
            "total": total,
            "message": message,
            "at": self._clock.time(),
        }
        with self._database.write() as connection:
            connection.execute(delete(progress).where(progress.c.task == task))
            connection.execute(insert(progress).values(values))

    def all(self) -> list[Stage]:
        """The last report of every task."""
        with self._database.read() as connection:
            return [Stage(*row) for row in connection.execute(select(progress).order_by(progress.c.task))]


class Turns:
    """The flywheel's state for each task, a JSON object that it can start again from."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def get(self, task: str) -> dict[str, Any] | None:
        """The state last put, or None."""
        with self._database.read() as connection:
            state = connection.execute(select(turns.c.state).where(turns.c.task == task)).scalar()
        return None if state is None else msgspec.json.decode(state, type=dict[str, Any])

    def put(self, task: str, state: Mapping[str, Any]) -> None:
        """Replace the state. Raises StoreError when it is no JSON."""
        try:
            text = msgspec.json.encode(state).decode()
        except (TypeError, ValueError, OverflowError) as error:
            raise StoreError(
                f"The flywheel's state of {task!r} is no JSON: {error}.", remedy="Keep plain values in it."
            ) from error
        with self._database.write() as connection:
            connection.execute(delete(turns).where(turns.c.task == task))
            connection.execute(insert(turns).values(task=task, state=text))


def _check(seconds: float) -> None:
    if not seconds > 0:
        raise BadRequest(f"A lease of {seconds} s is none.", param="seconds", remedy="Give more than 0.")
