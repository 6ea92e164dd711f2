"""Taking out what waits, or waited, for a person: it holds the words of its request once more."""

from collections.abc import Sequence

from sqlalchemy import Connection, delete, select

from stepladder.store.review_tables import decisions, held, vaults
from stepladder.store.rows import FEEDBACK
from stepladder.store.tables import feedback, ledger

_AT_ONCE = 500


def erase_held(connection: Connection, ids: Sequence[str]) -> int:
    """Take what waited, or waits, for these requests out, and for feedback on them, with its decisions and its vaults; how
    many there were."""
    return sum(_erase(connection, ids[start : start + _AT_ONCE]) for start in range(0, len(ids), _AT_ONCE))


def _erase(connection: Connection, ids: Sequence[str]) -> int:
    said = select(feedback.c.id).join(ledger, ledger.c.seq == feedback.c.seq).where(ledger.c.id.in_(ids))
    ids = [*ids, *(f"{FEEDBACK}-{id}" for id in connection.execute(said).scalars())]
    connection.execute(delete(decisions).where(decisions.c.held.in_(ids)))
    connection.execute(delete(vaults).where(vaults.c.name.in_([f"held/{id}" for id in ids])))
    return connection.execute(delete(held).where(held.c.id.in_(ids))).rowcount
