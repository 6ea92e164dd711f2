"""Small JSON notes about what the catalogue holds: unlike its lines, they may change."""

from typing import Any

import msgspec
from sqlalchemy import delete, insert, select

from stepladder.store.database import Database
from stepladder.store.tables import settings


class Notes:
    """A JSON object for a kind and an id. They lie among the settings, under "kind id"."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def get(self, kind: str, id: str) -> dict[str, Any] | None:
        """The note, or None."""
        with self._database.read() as connection:
            value = connection.scalar(select(settings.c.value).where(settings.c.name == f"{kind} {id}"))
        return None if value is None else msgspec.json.decode(value, type=dict[str, Any])

    def put(self, kind: str, id: str, note: dict[str, Any] | None) -> None:
        """Set, replace, or (None) remove a note."""
        with self._database.write() as connection:
            connection.execute(delete(settings).where(settings.c.name == f"{kind} {id}"))
            if note is not None:
                value = msgspec.json.encode(note, order="sorted").decode()
                connection.execute(insert(settings).values(name=f"{kind} {id}", value=value))
