"""Which ladder release answers a task, with its history, and the switch by which a person overrules it."""

from collections.abc import Mapping

from sqlalchemy import delete, insert, select, update

from stepladder.core import Clock, Mode, Rollout, StoreError
from stepladder.store.chain import append
from stepladder.store.database import Database, bump
from stepladder.store.rows import Change, Note
from stepladder.store.tables import rollout_history, rollouts, switches

_COLUMNS = ("task", "live", "candidate", "share", "previous", "version", "draw")


class RolloutConflict(StoreError):
    """Somebody else changed the rollout since it was read; read it again and decide again."""

    code = "rollout_conflict"
    retryable = True


class Rollouts:
    """The rollout of each task. A task that has none yet has version 0 and the top alone."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    def get(self, task: str) -> Rollout:
        """A task's rollout."""
        query = select(*(rollouts.c[name] for name in _COLUMNS)).where(rollouts.c.task == task)
        with self._database.read() as connection:
            row = connection.execute(query).first()
        return Rollout(*row) if row is not None else Rollout(task)

    def all(self) -> Mapping[str, Rollout]:
        """Task -> rollout, for every task that has one."""
        query = select(*(rollouts.c[name] for name in _COLUMNS)).order_by(rollouts.c.task)
        with self._database.read() as connection:
            return {row.task: Rollout(*row) for row in connection.execute(query)}

    def put(self, rollout: Rollout, why: str, who: str = "flywheel") -> Rollout:
        """Replace the version that `rollout.version` names, and write the history in the same transaction.

        Returns the rollout with its new version. Raises RolloutConflict when another change came first.
        """
        values = {name: getattr(rollout, name) for name in _COLUMNS} | {"version": rollout.version + 1}
        with self._database.write() as connection:
            found = connection.execute(
                select(rollouts.c.version).where(rollouts.c.task == rollout.task)
            ).scalar()
            if (found or 0) != rollout.version:
                raise RolloutConflict(
                    f"The rollout of {rollout.task!r} is at version {found or 0}, not {rollout.version}.",
                    remedy="Read it again: somebody else has changed it.",
                )
            if found is None:
                connection.execute(insert(rollouts).values(values))
            else:
                connection.execute(update(rollouts).where(rollouts.c.task == rollout.task).values(values))
            history = values | {"at": self._clock.time(), "who": who, "why": why}
            connection.execute(insert(rollout_history).values(history))
            append(connection, Note(history["at"], who, "rollout", f"{rollout.task}: {why}"))
            bump(connection)
        return Rollout(**values)

    def history(self, task: str) -> list[Change]:
        """Every change of a task's rollout, oldest first."""
        query = select(rollout_history).where(rollout_history.c.task == task)
        with self._database.read() as connection:
            rows = connection.execute(query.order_by(rollout_history.c.version)).all()
        return [
            Change(row.at, row.who, row.why, Rollout(*(getattr(row, name) for name in _COLUMNS)))
            for row in rows
        ]


class Switches:
    """The mode a person has set for a task; it overrides the configuration's."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    def get(self, task: str) -> Mode | None:
        """The mode set by hand, or None: the configuration's counts."""
        return self.all().get(task)

    def all(self) -> Mapping[str, Mode]:
        """Task -> mode, for every task that has one set by hand."""
        with self._database.read() as connection:
            rows = connection.execute(select(switches.c.task, switches.c.mode)).all()
        return {row.task: Mode(row.mode) for row in rows}

    def put(self, task: str, mode: Mode | None, who: str) -> None:
        """Set a task's mode, or None to let the configuration decide again."""
        with self._database.write() as connection:
            connection.execute(delete(switches).where(switches.c.task == task))
            if mode is not None:
                values = {"task": task, "mode": Mode(mode).value, "who": who, "at": self._clock.time()}
                connection.execute(insert(switches).values(values))
            append(connection, Note(self._clock.time(), who, "mode", f"{task}: {mode or 'as configured'}"))
            bump(connection)
