"""A whole tenant is erased: first its keys, so that nothing sealed can be read any more, then its words, step by step.

Killed at any moment, it goes on where it was when it is asked for again. The rows stay for the bill, without a word.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, delete, select, update

from stepladder.core import Clock, Progress
from stepladder.store.chain import append
from stepladder.store.conversations import ERASED, erase_words, let_go
from stepladder.store.data_keys import DataKeys
from stepladder.store.database import Database, bump
from stepladder.store.held import erase_held
from stepladder.store.review_tables import held, vaults
from stepladder.store.rows import Note
from stepladder.store.tables import conversations, keys, ledger
from stepladder.store.vaults import conversation_name
from stepladder.store.watch_tables import sources

_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class Erased:
    """What was erased of a tenant: its rows' words, what waited for a person, and keys of both sorts."""

    requests: int
    reviews: int
    data_keys: int
    keys: int

    def __str__(self) -> str:
        return (
            f"{self.requests} requests, {self.reviews} reviews, "
            f"{self.data_keys} data keys destroyed, {self.keys} keys revoked"
        )


class Erasure:
    """Erases what is kept of a tenant."""

    def __init__(self, database: Database, clock: Clock, data_keys: DataKeys) -> None:
        self._database = database
        self._clock = clock
        self._data_keys = data_keys

    def requests(self, tenant: str) -> list[str]:
        """The ids of all of a tenant's rows: what lost its words here may have its words in a dataset."""
        return self._ids(ledger.c.tenant == tenant)

    def _ids(self, *which: ColumnElement[bool]) -> list[str]:
        query = select(ledger.c.id).where(*which)
        with self._database.read() as connection:
            return list(connection.execute(query.order_by(ledger.c.seq)).scalars())

    def tenant(self, tenant: str, who: str, progress: Progress, also: str = "") -> Erased:
        """Erase it; the journal's line says how much, and what was `also` erased elsewhere. Raises StoreError."""
        destroyed, revoked = self._shut(tenant)
        ids = self._ids(ledger.c.tenant == tenant, (ledger.c.status != ERASED) | (ledger.c.subject != ""))
        for start in range(0, len(ids), _AT_ONCE):
            progress(start, len(ids), "erasing words")
            self._step(ids[start : start + _AT_ONCE])
        reviews = self._reviews(tenant)
        done = Erased(len(ids), reviews, destroyed, revoked)
        said = f"{tenant}: {done}" + (f"; {also}" if also else "")
        with self._database.write() as connection:
            let_go(connection)
            append(connection, Note(self._clock.time(), who, "tenant erase", said))
            bump(connection)
        self._database.overwrite()
        return done

    def _shut(self, tenant: str) -> tuple[int, int]:
        """Destroy what opens its texts, and revoke what opens the door."""
        with self._database.write() as connection:
            destroyed = self._data_keys.erase(connection, tenant)
            mine = update(keys).where(keys.c.tenant == tenant, keys.c.revoked_at.is_(None))
            revoked = connection.execute(mine.values(revoked_at=self._clock.time())).rowcount
            bump(connection)
        return destroyed, revoked

    def _step(self, ids: Sequence[str]) -> None:
        with self._database.write() as connection:
            erase_words(connection, list(ids))
            connection.execute(delete(conversations).where(conversations.c.request_id.in_(ids)))
            gone = update(ledger).where(ledger.c.id.in_(ids))
            connection.execute(gone.values(subject="", error=""))

    def _reviews(self, tenant: str) -> int:
        with self._database.write() as connection:
            ids = list(connection.execute(select(held.c.id).where(held.c.tenant == tenant)).scalars())
            for start in range(0, len(ids), _AT_ONCE):
                some = ids[start : start + _AT_ONCE]
                erase_held(connection, some)
            conversation = conversation_name(tenant)
            connection.execute(delete(vaults).where(vaults.c.name.startswith(conversation, autoescape=True)))
            connection.execute(delete(sources).where(sources.c.tenant == tenant))
        return len(ids)
