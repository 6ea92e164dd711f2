"""What the answers of a release were like, one by one: for comparing two releases that are in service at once."""

from dataclasses import dataclass

from sqlalchemy import func, select

from stepladder.store.database import Database
from stepladder.store.tables import ledger


@dataclass(frozen=True, slots=True)
class AnswerFigures:
    """One answer: what it cost, how long it took, and whether a guard remarked on it or stopped it."""

    seq: int
    cost: float
    latency_ms: float
    remarked: bool


class Trials:
    """Answers of releases, in the order of the ledger."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def figures(
        self, task: str, ladder_release: str, *, after: int, until: int | None = None, limit: int = 20_000
    ) -> list[AnswerFigures]:
        """The first `limit` answers of a release ("": of the top alone) with after < seq <= until, by `seq`."""
        where = [ledger.c.task == task, ledger.c.ladder_release == ladder_release, ledger.c.seq > after]
        if until is not None:
            where.append(ledger.c.seq <= until)
        query = (
            select(ledger.c.seq, ledger.c.cost, ledger.c.latency_ms, ledger.c.remarks, ledger.c.status)
            .where(*where)
            .order_by(ledger.c.seq)
            .limit(limit)
        )
        with self._database.read() as connection:
            return [
                AnswerFigures(row.seq, row.cost, row.latency_ms, bool(row.remarks) or row.status == "blocked")
                for row in connection.execute(query)
            ]

    def began(self, task: str, ladder_release: str) -> int | None:
        """The `seq` of a release's first answer."""
        query = select(func.min(ledger.c.seq)).where(
            ledger.c.task == task, ledger.c.ladder_release == ladder_release
        )
        with self._database.read() as connection:
            found: int | None = connection.scalar(query)
        return found
