"""Sealed vaults at rest: opaque bytes by name, each until a time."""

from sqlalchemy import delete, insert, select

from stepladder.core import Clock
from stepladder.store.columns import characters
from stepladder.store.database import Database
from stepladder.store.review_tables import vaults


class Vaults:
    """Keeps what `stepladder.privacy.SealedVaults` seals. It cannot read it."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    def get(self, name: str) -> bytes | None:
        """The bytes kept under a name, None where there are none."""
        with self._database.read() as connection:
            return connection.scalar(select(vaults.c.sealed).where(vaults.c.name == characters(name)))

    def put(self, name: str, sealed: bytes, expires: float) -> None:
        """Keep bytes in place of what was there; what has expired goes, whosever it is."""
        with self._database.write() as connection:
            connection.execute(
                delete(vaults).where(
                    (vaults.c.name == characters(name)) | (vaults.c.expires <= self._clock.time())
                )
            )
            connection.execute(insert(vaults).values(name=characters(name), sealed=sealed, expires=expires))

    def delete(self, name: str) -> None:
        """Drop what is kept under a name, if anything is."""
        with self._database.write() as connection:
            connection.execute(delete(vaults).where(vaults.c.name == characters(name)))
