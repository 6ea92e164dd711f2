"""Sealed vaults at rest: opaque bytes by name, each until a time."""

from collections.abc import Sequence

from sqlalchemy import Connection, delete, insert, select

from stepladder.core import Clock
from stepladder.store.columns import characters
from stepladder.store.database import Database
from stepladder.store.review_tables import vaults

_AT_ONCE = 500


def conversation_name(tenant: str, id: str = "") -> str:
    """What the vault of a tenant's conversation is kept under; without an `id` how all of them begin."""
    return f"conversation/{len(tenant)}/{tenant}/{id}"


def drop_vaults(connection: Connection, talks: Sequence[tuple[str, str]]) -> None:
    """Take out what placeholders stand for in these conversations, each a tenant and an id."""
    names = [characters(conversation_name(*talk)) for talk in talks]
    for start in range(0, len(names), _AT_ONCE):
        connection.execute(delete(vaults).where(vaults.c.name.in_(names[start : start + _AT_ONCE])))


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
