"""What the answers of a release were like, one by one: for comparing two releases that are in service at once."""

from dataclasses import dataclass

from sqlalchemy import Connection, func, select

from stepladder.store.tables import ledger


@dataclass(frozen=True, slots=True)
class AnswerFigures:
    """One answer: what it cost, how long it took, and whether a guard remarked on it or stopped it."""

    seq: int
    cost: float
    latency_ms: float
    remarked: bool


def figures_of(
    connection: Connection, task: str, ladder_release: str, span: tuple[int, int | None], limit: int
) -> list[AnswerFigures]:
    """The first `limit` answers of a release with span[0] < seq <= span[1], by `seq`."""
    after, until = span
    where = [ledger.c.task == task, ledger.c.ladder_release == ladder_release, ledger.c.seq > after]
    if until is not None:
        where.append(ledger.c.seq <= until)
    query = (
        select(ledger.c.seq, ledger.c.cost, ledger.c.latency_ms, ledger.c.remarks, ledger.c.status)
        .where(*where)
        .order_by(ledger.c.seq)
        .limit(limit)
    )
    return [
        AnswerFigures(row.seq, row.cost, row.latency_ms, bool(row.remarks) or row.status == "blocked")
        for row in connection.execute(query)
    ]


def first_seq(connection: Connection, task: str, ladder_release: str) -> int | None:
    """Where a release's answers begin."""
    query = select(func.min(ledger.c.seq)).where(
        ledger.c.task == task, ledger.c.ladder_release == ladder_release
    )
    found: int | None = connection.scalar(query)
    return found
