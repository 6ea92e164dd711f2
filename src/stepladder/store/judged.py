"""Answers that somebody has judged: a person by feedback or in the review queue, or the top rung in an audit."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import ScalarSelect, exists, select

from stepladder.core import Turn
from stepladder.store.columns import turns_of
from stepladder.store.database import Database
from stepladder.store.tables import audits, feedback, ledger


@dataclass(frozen=True, slots=True)
class JudgedRow:
    """An answer that was given, and what was said of it: the right one (`correction`, of `source`), a `score`, and the
    `top_answer` where an audit found that it differs. None: nothing was said."""

    seq: int
    id: str
    at: float
    text: str
    turns: tuple[Turn, ...]
    answer: str
    correction: str | None
    source: str | None
    score: float | None
    top_answer: str | None


def _latest(column: str, source: str) -> ScalarSelect[Any]:
    """The newest feedback's `column`, of those that have a `source`."""
    return (
        select(feedback.c[column])
        .where(feedback.c.seq == ledger.c.seq, feedback.c[source].is_not(None))
        .order_by(feedback.c.id.desc())
        .limit(1)
        .scalar_subquery()
    )


_SAID = {
    "correction": _latest("answer", "answer"),
    "source": _latest("source", "answer"),
    "score": _latest("score", "score"),
}


class Judged:
    """Reads them by `seq`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def page(self, task: str, *, after: int = 0, limit: int = 5_000) -> list[JudgedRow]:
        """The first `limit` of a task with a greater `seq` than `after`, if they may teach."""
        differs = (audits.c.seq == ledger.c.seq) & (audits.c.status == "ok") & ~audits.c.agreed
        said = exists().where(feedback.c.seq == ledger.c.seq)
        query = (
            select(*(ledger.c[name] for name in ("seq", "id", "at", "text", "turns", "answer")))
            .add_columns(audits.c.top_answer, *(column.label(name) for name, column in _SAID.items()))
            .join(audits, differs, isouter=True)
            .where(ledger.c.task == task, ledger.c.seq > after, ledger.c.status == "ok", ledger.c.training)
            .where(audits.c.seq.is_not(None) | said)
            .order_by(ledger.c.seq)
            .limit(limit)
        )
        with self._database.read() as connection:
            rows = connection.execute(query).mappings().all()
        return [JudgedRow(**{**row, "turns": turns_of(row["turns"])}) for row in rows]
