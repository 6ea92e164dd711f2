"""What was written before texts were sealed is made ready after all: secrets taken out, sealed, in small transactions."""

from typing import Any

from sqlalchemy import Column, ColumnElement, Select, Table, Text, and_, or_, select, type_coerce, update

from stepladder.core import Progress
from stepladder.store.data_keys import SEALED
from stepladder.store.database import Database
from stepladder.store.payload import NESTED, WORDS, Payload
from stepladder.store.review_tables import decisions, held
from stepladder.store.tables import audits, feedback, ledger

_AT_ONCE = 200


class Resealing:
    """Looks through every table that holds words."""

    def __init__(self, database: Database, payload: Payload) -> None:
        self._database = database
        self._payload = payload

    def run(self, progress: Progress) -> int:
        """Seal every row that is not; how many there were. What is done is done: a later run goes on. Raises ConfigError."""
        self._payload.keys.current_or_refuse()
        done = 0
        for table, whose in _owned():
            while count := self._step(table, whose):
                done += count
                progress(done, done, f"sealing {table.name}")
        return done

    def _step(self, table: Table, whose: Select[Any]) -> int:
        names = (*WORDS[table.name], *NESTED.get(table.name, ()))
        plain = or_(*(_plain(table.c[name]) for name in names))
        with self._database.write() as connection:
            rows = connection.execute(whose.where(plain).limit(_AT_ONCE)).mappings().all()
            for row in rows:
                words = {name: row[name] for name in names}
                ready = self._payload.values(connection, table.name, row["whose"], words)
                mine = and_(*(column == row[f"key_{column.name}"] for column in table.primary_key))
                connection.execute(update(table).where(mine).values(ready))
        return len(rows)


def _owned() -> list[tuple[Table, Select[Any]]]:
    """Each table with a query of its rows, their keys and whose they are."""
    found: list[tuple[Table, Select[Any]]] = []
    for table, owner, on in (
        (ledger, ledger.c.tenant, None),
        (audits, ledger.c.tenant, ledger.c.seq == audits.c.seq),
        (feedback, ledger.c.tenant, ledger.c.seq == feedback.c.seq),
        (held, held.c.tenant, None),
        (decisions, held.c.tenant, held.c.id == decisions.c.held),
    ):
        keys = [column.label(f"key_{column.name}") for column in table.primary_key]
        query: Select[Any] = select(table, *keys, owner.label("whose"))
        found.append((table, query if on is None else query.join(owner.table, on)))
    return found


def _plain(column: Column[Any]) -> ColumnElement[bool]:
    raw = type_coerce(column, Text)
    return and_(raw.is_not(None), raw != "", ~raw.startswith(SEALED))
