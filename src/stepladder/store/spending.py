"""What each tenant has spent, by day: written in the same transaction as the answers that it was spent on."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Insert, bindparam, func, select
from sqlalchemy.dialects import postgresql, sqlite

from stepladder.store.database import Database
from stepladder.store.rows import Charge
from stepladder.store.tables import spending

_KEY = ("day", "tenant", "key", "slot")
_SUMS = ("nanos", "answers", "tokens")


@dataclass(frozen=True, slots=True)
class Spent:
    """What was spent on a day by one key of a tenant, through one worker (`slot`)."""

    day: int
    tenant: str
    key: str
    slot: int
    nanos: int
    answers: int
    tokens: int


class Spending:
    """Days are numbers such as 20261121, in UTC. The rows of a slot are written by one process at a time."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def since(self, day: int, *, slot: int | None = None) -> list[Spent]:
        """Every row from a day on."""
        query = select(spending).where(spending.c.day >= day)
        if slot is not None:
            query = query.where(spending.c.slot == slot)
        with self._database.read() as connection:
            return [Spent(*row) for row in connection.execute(query.order_by(*(spending.c[n] for n in _KEY)))]

    def of(self, tenant: str, *, since: int = 0) -> tuple[int, int, int]:
        """What a tenant has spent from a day on: billionths, answers, tokens."""
        sums = (func.coalesce(func.sum(spending.c[name]), 0) for name in _SUMS)
        query = select(*sums).where(spending.c.tenant == tenant, spending.c.day >= since)
        with self._database.read() as connection:
            nanos, answers, tokens = connection.execute(query).one()
        return int(nanos), int(answers), int(tokens)


def adding(*, lite: bool) -> Insert:
    """The insert that adds a charge to its row."""
    statement: sqlite.Insert | postgresql.Insert
    statement = sqlite.insert(spending) if lite else postgresql.insert(spending)
    sums = {name: spending.c[name] + statement.excluded[name] for name in _SUMS}
    values: dict[str, Any] = {name: bindparam(name) for name in (*_KEY, *_SUMS)}
    return statement.values(values).on_conflict_do_update(index_elements=list(_KEY), set_=sums)


def merged(rows: Sequence[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    """Charges of one group, those to the same row added up."""
    sums: dict[tuple[Any, ...], list[int]] = {}
    for row in rows:
        found = sums.setdefault(row[:4], [0, 0, 0])
        for at in range(3):
            found[at] += row[4 + at]
    return [(*key, *found) for key, found in sorted(sums.items())]


def charge_values(charge: Charge) -> tuple[Any, ...]:
    """A charge, as `adding` wants it."""
    return (charge.day, charge.tenant, charge.key, charge.slot, charge.nanos, 1, charge.tokens)
