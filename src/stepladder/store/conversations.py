"""Conversations: which answers belong to one, kept by tenant. The words themselves are the ledger's.

The last whole answer's row holds all that was said before it, so going on takes one read. A conversation is found by its
tenant's name and its own; no query here leaves the tenant out, but for the one that ends what is over.
"""

import secrets
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, delete, func, insert, literal_column, select, update

from stepladder.store.columns import characters
from stepladder.store.database import Database, bump
from stepladder.store.held import erase_held
from stepladder.store.ledger import Ledger
from stepladder.store.rows import LedgerRow
from stepladder.store.tables import audits, conversations, feedback, ledger, settings
from stepladder.store.vaults import drop_vaults

ERASED = "erased"
"""The status of a row whose words were taken out: it counts for nothing but the bill."""
LAST_ERASURE = "last erasure"
"""A setting that is another after every erasure: what keeps answers in memory lets them go then."""

_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class Conversation:
    """One tenant's conversation: its answers, whole or not, and when it began and last went on (Unix seconds)."""

    id: str
    answers: int
    began: float
    last: float


class Conversations:
    """Read and erased here; written by the ledger, in the transaction of the answer."""

    def __init__(self, database: Database, ledger: Ledger) -> None:
        self._database = database
        self._ledger = ledger

    def last(self, tenant: str, id: str, *, since: float = 0.0) -> tuple[LedgerRow, bool] | None:
        """The last whole answer, not older than `since`; and whether anything in the conversation was confidential."""
        query = (
            select(conversations.c.request_id)
            .join(ledger, ledger.c.id == conversations.c.request_id)
            .where(*_whose(tenant, id), conversations.c.at >= since, ledger.c.status == "ok")
            .order_by(ledger.c.seq.desc())
            .limit(1)
        )
        secret = select(func.count()).where(*_whose(tenant, id), conversations.c.confidential)
        with self._database.read() as connection:
            found = connection.execute(query).scalar()
            confidential = bool(connection.execute(secret).scalar())
        row = self._ledger.get(found) if found is not None else None
        return (row, confidential) if row is not None else None

    def of(self, tenant: str, limit: int = 1000) -> list[Conversation]:
        """A tenant's conversations, the one that went on last first."""
        sums = (func.count(), func.min(conversations.c.at), func.max(conversations.c.at).label("last"))
        query = (
            select(conversations.c.conversation, *sums)
            .where(conversations.c.tenant == characters(tenant))
            .group_by(conversations.c.conversation)
            .order_by(literal_column("last").desc(), conversations.c.conversation)
            .limit(limit)
        )
        with self._database.read() as connection:
            return [Conversation(*row) for row in connection.execute(query)]

    def rows(self, tenant: str, id: str) -> list[LedgerRow]:
        """Every answer of a conversation, in the order in which they were given."""
        query = select(conversations.c.request_id).where(*_whose(tenant, id)).order_by(conversations.c.at)
        with self._database.read() as connection:
            ids = connection.execute(query).scalars().all()
        found = (self._ledger.get(one) for one in ids)
        return sorted((row for row in found if row is not None), key=lambda row: row.seq)

    def erase(self, tenant: str, id: str) -> int:
        """Take a conversation's words out for good: of the ledger, audits, feedback, the review queue, and its vault; how many
        answers it had.

        The rows stay, for the bill: `erased`, with their tokens and their cost, and without a word.
        """
        count = self._erase(tenant, id)
        if count:
            self._database.overwrite()
        return count

    def _erase(self, tenant: str, id: str) -> int:
        with self._database.write() as connection:
            query = select(conversations.c.request_id).where(*_whose(tenant, id))
            ids = list(connection.execute(query).scalars())
            erase_words(connection, ids)
            erase_held(connection, ids)
            drop_vaults(connection, [(tenant, id)])
            connection.execute(delete(conversations).where(*_whose(tenant, id)))
            if ids:
                let_go(connection)
                bump(connection)
        return len(ids)

    def end(self, before: float) -> int:
        """Erase every tenant's conversations that have not gone on since `before`; how many there were."""
        last = func.max(conversations.c.at)
        whose = (conversations.c.tenant, conversations.c.conversation)
        query = select(*whose).group_by(*whose).having(last < before)
        with self._database.read() as connection:
            over = connection.execute(query).all()
        for tenant, id in over:
            self._erase(tenant, id)
        if over:
            self._database.overwrite()
        return len(over)


def erase_words(connection: Connection, ids: list[str]) -> None:
    """Take the words of these requests out of every table."""
    for start in range(0, len(ids), _AT_ONCE):
        some = ids[start : start + _AT_ONCE]
        rows = select(ledger.c.seq).where(ledger.c.id.in_(some)).scalar_subquery()
        gone: dict[str, Any] = {
            "text": "",
            "answer": "",
            "fields": "",
            "turns": "",
            "grounds": "",
            "remarks": "",
            "low_answer": None,
        }
        connection.execute(update(audits).where(audits.c.seq.in_(rows)).values(top_answer="", status=ERASED))
        said = {"answer": None, "comment": None, "source": None}
        connection.execute(update(feedback).where(feedback.c.seq.in_(rows)).values(**said))
        connection.execute(update(ledger).where(ledger.c.id.in_(some)).values(status=ERASED, **gone))


def let_go(connection: Connection) -> None:
    """Have every server let go of the answers that it keeps in memory."""
    connection.execute(delete(settings).where(settings.c.name == LAST_ERASURE))
    connection.execute(insert(settings).values(name=LAST_ERASURE, value=secrets.token_hex(8)))


def _whose(tenant: str, id: str) -> tuple[ColumnElement[bool], ...]:
    return (
        conversations.c.tenant == characters(tenant),
        conversations.c.conversation == characters(id),
    )
