"""What the answers of a release were like, one by one: for comparing two releases that are in service at once."""

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

from sqlalchemy import ColumnElement, Connection, func, select

from stepladder.store.columns import turns_of
from stepladder.store.database import Database
from stepladder.store.tables import conversations, feedback, ledger


@dataclass(frozen=True, slots=True)
class AnswerFigures:
    """One answer: what it cost, how long it took, and whether a guard remarked on it or stopped it."""

    seq: int
    cost: float
    latency_ms: float
    remarked: bool


@dataclass(frozen=True, slots=True)
class ArmAnswer:
    """An answer of a split's `arm`. `who` asked, by a name that tells nothing; `score` is the first that feedback gave it,
    and `scored` grows with the order in which scores came (0: none)."""

    seq: int
    who: str
    arm: str
    rung: str
    status: str
    cost: float
    latency_ms: float
    cached: bool
    remarked: bool
    score: float | None
    scored: int


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

    def arms(self, split: str, *, since: float = 0.0, limit: int = 200_000) -> list[ArmAnswer]:
        """The last `limit` answers to a split since a moment (Unix seconds) whose arm was drawn, by `seq`."""
        columns = ("seq", "tenant", "subject", "ladder_release", "rung", "status", "cost", "latency_ms")
        query = (
            select(
                *(ledger.c[name] for name in (*columns, "source", "remarks")),
                conversations.c.conversation,
            )
            .join(conversations, conversations.c.request_id == ledger.c.id, isouter=True)
            .where(*_drawn(split, since))
            .order_by(ledger.c.seq.desc())
            .limit(limit)
        )
        with self._database.read() as connection:
            rows = connection.execute(query).all()
            nobody = [row.seq for row in rows if not row.conversation and not row.subject]
            scores = _scores(connection, split, since)
            words = self._beginnings(connection, split, since, min(nobody, default=0)) if nobody else {}
        return [_arm_answer(row, words, scores.get(row.seq, (0, None))) for row in reversed(rows)]

    @staticmethod
    def _beginnings(connection: Connection, split: str, since: float, after: int) -> dict[int, str]:
        """What a chat of nobody in particular began with, by `seq`: it is what kept such a chat with its arm."""
        query = select(ledger.c.seq, ledger.c.text, ledger.c.turns).where(
            *_drawn(split, since), ledger.c.seq >= after, ledger.c.subject == ""
        )
        found = {}
        for row in connection.execution_options(stream_results=True).execute(query):
            said = next((turn.content for turn in turns_of(row.turns) if turn.role == "user"), row.text)
            found[row.seq] = (
                blake2b(said.encode("utf-8", "replace"), digest_size=8).hexdigest() if said else ""
            )
        return found

    def began(self, task: str, ladder_release: str) -> int | None:
        """The `seq` of a release's first answer."""
        query = select(func.min(ledger.c.seq)).where(
            ledger.c.task == task, ledger.c.ladder_release == ladder_release
        )
        with self._database.read() as connection:
            found: int | None = connection.scalar(query)
        return found


def _drawn(split: str, since: float) -> tuple[ColumnElement[bool], ...]:
    return (
        ledger.c.task == "",
        ledger.c.model == split,
        ledger.c.ladder_release > "",  # as a range, for the index
        ledger.c.at >= since,
        ledger.c.status != "erased",
    )


def _scores(connection: Connection, split: str, since: float) -> dict[int, tuple[int, float]]:
    """The first score of each answer, and its number, by the answer's `seq`."""
    query = (
        select(feedback.c.seq, feedback.c.id, feedback.c.score)
        .join(ledger, ledger.c.seq == feedback.c.seq)
        .where(*_drawn(split, since), feedback.c.score.is_not(None))
        .order_by(feedback.c.id.desc())
    )
    return {row.seq: (row.id, row.score) for row in connection.execute(query)}


def _arm_answer(row: Any, words: Mapping[int, str], score: tuple[int, float | None]) -> ArmAnswer:
    named = row.conversation or row.subject or words.get(row.seq) or str(row.seq)
    return ArmAnswer(
        row.seq,
        blake2b(
            f"{len(row.tenant)} {row.tenant}\0{named}".encode("utf-8", "replace"), digest_size=8
        ).hexdigest(),
        row.ladder_release,
        row.rung,
        row.status,
        row.cost,
        row.latency_ms,
        row.source == "cache",
        bool(row.remarks) or row.status in ("blocked", "held"),
        score[1],
        score[0],
    )
