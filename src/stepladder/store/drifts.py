"""What the watch keeps of a release's inputs: the reference of its training period, and the tests since."""

from collections.abc import Collection, Mapping
from typing import Any

import msgspec
from sqlalchemy import delete, insert, select, update

from stepladder.store.database import Database
from stepladder.store.watch_tables import drifts


class Drifts:
    """One reference a ladder release, opaque here, and a state, which is plain values."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def begin(self, task: str, release: str, reference: bytes, state: Mapping[str, Any]) -> None:
        """Keep a release's reference, in place of one that was there."""
        with self._database.write() as connection:
            connection.execute(delete(drifts).where(drifts.c.task == task, drifts.c.release == release))
            connection.execute(
                insert(drifts).values(
                    task=task,
                    release=release,
                    reference=reference,
                    state=msgspec.json.encode(state).decode(),
                )
            )

    def reference(self, task: str, release: str) -> bytes | None:
        """The reference that `begin` kept, or None."""
        query = select(drifts.c.reference).where(drifts.c.task == task, drifts.c.release == release)
        with self._database.read() as connection:
            return connection.scalar(query)

    def state(self, task: str, release: str) -> dict[str, Any] | None:
        """The state last put, or None where nothing was begun."""
        query = select(drifts.c.state).where(drifts.c.task == task, drifts.c.release == release)
        with self._database.read() as connection:
            found = connection.scalar(query)
        return None if found is None else msgspec.json.decode(found, type=dict[str, Any])

    def put(self, task: str, release: str, state: Mapping[str, Any]) -> None:
        """Replace the state of what was begun."""
        change = update(drifts).where(drifts.c.task == task, drifts.c.release == release)
        with self._database.write() as connection:
            connection.execute(change.values(state=msgspec.json.encode(state).decode()))

    def keep(self, task: str, releases: Collection[str]) -> None:
        """Let go of every other release of the task."""
        with self._database.write() as connection:
            connection.execute(delete(drifts).where(drifts.c.task == task, drifts.c.release.not_in(releases)))
