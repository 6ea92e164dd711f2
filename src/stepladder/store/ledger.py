"""The ledger: every answered question, its audit and its feedback, written in groups."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    Table,
    bindparam,
    exists,
    func,
    insert,
    literal_column,
    null,
    select,
    union_all,
)

from stepladder.core import UNSURE, BadRequest
from stepladder.store.columns import (
    audit_values,
    characters,
    conversation_values,
    feedback_values,
    fields_of,
    ledger_values,
    outcome_of,
    remarks_of,
    turns_of,
)
from stepladder.store.database import Database
from stepladder.store.payload import Payload
from stepladder.store.rows import (
    KEPT_OUT,
    AskedRow,
    AuditRow,
    Charge,
    FeedbackRow,
    LabelledRow,
    LedgerRow,
    Outcome,
    Pseudonym,
    TaskSummary,
)
from stepladder.store.spending import adding, charge_values, merged
from stepladder.store.summary import summarise
from stepladder.store.tables import audits, conversations, feedback, ledger
from stepladder.store.writer import Statement, Values, Writer

_LABELLED = (
    *(ledger.c[name] for name in ("seq", "id", "at", "text", "fields", "drawn", "ladder_release")),
    *(ledger.c[name] for name in ("low_answer", "low_confidence", "model", "tenant")),
)
_TEACHES = feedback.c.answer.is_not(None) & feedback.c.state.not_in(KEPT_OUT)
_CORRECTION = (
    select(feedback.c.answer)
    .where(feedback.c.seq == ledger.c.seq, _TEACHES)
    .order_by(feedback.c.id.desc())
    .limit(1)
    .scalar_subquery()
)


DICTIONARY = "dictionary"


class Ledger:
    """Rows are appended and never change. `commit*` return once a row survives what `durability` says."""

    def __init__(
        self,
        database: Database,
        queue: int,
        payload: Payload,
        pseudonym: Callable[[str, str], str] | None = None,
    ) -> None:
        """`queue` bounds the rows that wait; `payload` makes their words ready to be kept.

        `pseudonym` gives the name under which a tenant's person is kept; without it nobody is.
        """
        dialect = database.engine.dialect
        found = select(ledger.c.seq).where(ledger.c.id == bindparam("request_id")).scalar_subquery()
        # Of an unknown request: -1, which the foreign key refuses. NULL would have SQLite choose a number itself.
        question = func.coalesce(found, literal_column("-1"))
        self._database = database
        self._pseudonym = pseudonym or (lambda tenant, id: "")
        rows = insert(ledger).values(_binds(ledger, "seq"))
        audited = insert(audits).values(_binds(audits) | {"seq": question})
        said = insert(feedback).values(_binds(feedback, "id") | {"seq": question})
        self._rows = Statement(rows, dialect, plain=True)
        self._audits = Statement(audited, dialect, rank=1, refused=_unknown)
        self._feedback = Statement(said, dialect, rank=2, refused=_unknown)
        for table, statement in (
            ("ledger", self._rows),
            ("audits", self._audits),
            ("feedback", self._feedback),
        ):
            statement.merge = payload.merge(table, statement.names)
        self._charges = Statement(
            adding(lite=database.sqlite), dialect, rank=3, merge=lambda connection, rows: merged(rows)
        )
        self._spoken = Statement(insert(conversations).values(_binds(conversations)), dialect, rank=4)
        self._writer = Writer(database, queue, direct=not payload.keys.sealing)

    @property
    def waiting(self) -> int:
        """How many rows wait to be written."""
        return self._writer.waiting

    @property
    def closed(self) -> bool:
        """Whether every commit is refused."""
        return self._writer.closed

    async def commit(self, row: LedgerRow, charge: Charge | None = None) -> None:
        """Write a row, and what it costs its tenant; `row.seq` does not count, and of `row.subject` a pseudonym is kept.

        Raises LedgerUnavailable when neither is written.
        """
        if row.subject:
            known = isinstance(row.subject, Pseudonym)
            subject = str(row.subject) if known else self._pseudonym(row.tenant, row.subject)
            row = replace(row, subject=subject)
        also = [(self._charges, charge_values(charge))] if charge is not None else []
        if row.conversation:
            also.append((self._spoken, conversation_values(row)))
        await self._writer.put(self._rows, ledger_values(row), also)

    async def commit_audit(self, row: AuditRow) -> None:
        """Write an audit. Raises BadRequest for an unknown request id, LedgerUnavailable as above."""
        await self._writer.put(self._audits, audit_values(row))

    async def commit_feedback(self, row: FeedbackRow) -> None:
        """Write feedback; `row.id` does not count. Raises as `commit_audit` does."""
        await self._writer.put(self._feedback, feedback_values(row))

    def write_many(
        self,
        rows: Iterable[LedgerRow],
        audits: Iterable[AuditRow] = (),
        feedback: Iterable[FeedbackRow] = (),
    ) -> None:
        """Write many rows at once, all or none, without waiting for the others: for imports and backtests.

        Raises StoreError when one cannot be written.
        """
        with self._database.write() as connection:
            for statement, values in (
                (self._rows, [ledger_values(row) for row in rows]),
                (self._audits, [audit_values(row) for row in audits]),
                (self._feedback, [feedback_values(row) for row in feedback]),
            ):
                if values:
                    statement.execute(connection, [tuple(map(characters, row)) for row in values])

    def get(self, request_id: str) -> LedgerRow | None:
        """The row of a request, or None."""
        query = select(ledger).where(ledger.c.id == characters(request_id))
        with self._database.read() as connection:
            row = connection.execute(query).mappings().first()
        return None if row is None else _whole(row)

    def plain(self, limit: int) -> list[LedgerRow]:
        """The newest `limit` answered rows of plain models, oldest first."""
        query = select(ledger).where(ledger.c.task == "", ledger.c.status == "ok", ledger.c.training)
        with self._database.read() as connection:
            rows = connection.execute(query.order_by(ledger.c.seq.desc()).limit(limit)).mappings().all()
        return [_whole(row) for row in reversed(rows)]

    def low_of_late(self, task: str, ladder_release: str, *, latest: int) -> tuple[int, int]:
        """Of a task's `latest` answered rows, those that count for a ladder release: how many low answers, how many in all."""
        query = (
            select(ledger.c.top, ledger.c.rung, ledger.c.ladder_release)
            .where(ledger.c.task == task, ledger.c.status == "ok")
            .order_by(ledger.c.seq.desc())
            .limit(latest)
        )
        with self._database.read() as connection:
            rows = [row for row in connection.execute(query) if row.ladder_release == ladder_release]
        return sum(not row.top and row.rung != UNSURE for row in rows), len(rows)

    def asked(
        self, task: str, *, after: int, until: int | None = None, teaching: bool = False, limit: int
    ) -> list[AskedRow]:
        """The first `limit` questions of a task with after < seq <= until, without those that its dictionary answered.

        `teaching`: only those that may be learnt from.
        """
        query = (
            select(ledger.c.seq, ledger.c.text, ledger.c.fields)
            .where(*_span(task, after, until, None), ledger.c.status.in_(("ok", "partial")))
            .where(ledger.c.rung != DICTIONARY, *([ledger.c.training] if teaching else []))
        )
        with self._database.read() as connection:
            rows = connection.execute(query.order_by(ledger.c.seq).limit(limit))
            return [AskedRow(row.seq, row.text, fields_of(row.fields)) for row in rows]

    def page(self, *, after: int, since: float, until: float | None, limit: int) -> list[LedgerRow]:
        """At most `limit` rows with since <= at < until and a `seq` above `after`, by `seq`: for exports."""
        query = select(ledger).where(ledger.c.seq > after, ledger.c.at >= since)
        if until is not None:
            query = query.where(ledger.c.at < until)
        with self._database.read() as connection:
            rows = connection.execute(query.order_by(ledger.c.seq).limit(limit)).mappings().all()
        return [_whole(row) for row in rows]

    def unlabelled(self, task: str, limit: int) -> list[LedgerRow]:
        """Drawn rows that no top rung has answered yet, oldest first: those to be labelled offline."""
        seen = exists().where(audits.c.seq == ledger.c.seq)
        query = (
            select(ledger)
            .where(*_span(task, 0, None, True), ledger.c.status.not_in(("partial", "erased")))
            .where(ledger.c.training)
            .where(~(ledger.c.top & (ledger.c.status == "ok")), ~seen)
        )
        with self._database.read() as connection:
            rows = connection.execute(query.order_by(ledger.c.seq).limit(limit)).mappings().all()
        return [_whole(row) for row in rows]

    def labelled(
        self,
        task: str,
        *,
        after: int = 0,
        until: int | None = None,
        limit: int | None = None,
        drawn: bool | None = None,
    ) -> list[LabelledRow]:
        """Rows that the top answered, or an audit or feedback's correction has the answer to, by `seq`, if it may teach.

        Only those with after < seq <= until, and with this `drawn`, where given.
        """
        known = union_all(
            *(
                branch.where(ledger.c.training).add_columns(
                    *_LABELLED[1:], top.label("top_answer"), _CORRECTION.label("correction")
                )
                for branch, top in _known(task, after, until, drawn)
            )
        )
        with self._database.read() as connection:
            return [_labelled(row) for row in connection.execute(known.order_by("seq").limit(limit))]

    def count_labelled(self, task: str, *, after: int = 0, drawn: bool | None = None) -> int:
        """How many rows `labelled` would give."""
        known = union_all(*(branch for branch, _ in _known(task, after, None, drawn))).subquery()
        with self._database.read() as connection:
            return int(connection.execute(select(func.count()).select_from(known)).scalar_one())

    def count_corrected(self, task: str, *, after: int = 0) -> int:
        """How many drawn rows have a trusted label."""
        rows = select(ledger.c.seq).where(*_span(task, after, None, True))
        corrected = rows.join(feedback, feedback.c.seq == ledger.c.seq).where(_TEACHES)
        with self._database.read() as connection:
            found = corrected.distinct().subquery()
            return int(connection.execute(select(func.count()).select_from(found)).scalar_one())

    def outcomes(self, task: str, ladder_release: str, *, after: int = 0) -> list[Outcome]:
        """The drawn questions of a ladder release whose top answer is known, by `seq`."""
        audited = (audits.c.seq == ledger.c.seq) & (audits.c.status == "ok")
        query = (
            select(ledger.c.seq, ledger.c.at, ledger.c.top, ledger.c.confidence, ledger.c.low_confidence)
            .add_columns(
                ledger.c.rung,
                ledger.c.tenant,
                audits.c.agreed,
                ledger.c.answer,
                audits.c.top_answer,
                _CORRECTION.label("correction"),
            )
            .join(audits, audited, isouter=True)
            .where(*_span(task, after, None, True), ledger.c.ladder_release == ladder_release)
            .where(ledger.c.status == "ok", ledger.c.top | audits.c.seq.is_not(None))
            .order_by(ledger.c.seq)
        )
        with self._database.read() as connection:
            return [outcome_of(row) for row in connection.execute(query)]

    def summary(
        self,
        task: str,
        *,
        since: float = 0.0,
        until: float | None = None,
        ladder_release: str | None = None,
    ) -> TaskSummary:
        """A task's figures for questions with since <= at < until, of one ladder release where given."""
        where: list[ColumnElement[bool]] = [ledger.c.task == task, ledger.c.at >= since]
        if until is not None:
            where.append(ledger.c.at < until)
        if ladder_release is not None:
            where.append(ledger.c.ladder_release == ladder_release)
        with self._database.read() as connection:
            return summarise(connection, task, where)

    def last_seq(self) -> int:
        """The newest row's `seq`; 0 in an empty ledger."""
        with self._database.read() as connection:
            return int(connection.execute(select(func.max(ledger.c.seq))).scalar() or 0)

    def close(self) -> None:
        """Write what is waiting; from then on every commit raises LedgerUnavailable."""
        self._writer.close()


def _whole(row: Any) -> LedgerRow:
    read = {"fields": fields_of, "turns": turns_of, "remarks": remarks_of}
    return LedgerRow(**{**row, **{name: of(row[name]) for name, of in read.items()}})


def _span(task: str, after: int, until: int | None, drawn: bool | None) -> list[ColumnElement[bool]]:
    where = [ledger.c.task == task, ledger.c.seq > after]
    if until is not None:
        where.append(ledger.c.seq <= until)
    if drawn is not None:
        where.append(ledger.c.drawn.is_(drawn))
    return where


def _known(
    task: str, after: int, until: int | None, drawn: bool | None
) -> Iterator[tuple[Select[Any], ColumnElement[Any]]]:
    """Three ways to know a row's answer, each without those before it: a query of `seq`, the top's answer.

    Audits and corrections are few, so they lead and the ledger follows by `seq`.
    """
    rows = select(ledger.c.seq).where(*_span(task, after, until, drawn))
    by_top = ledger.c.top & (ledger.c.status == "ok")
    audited = exists().where(audits.c.seq == ledger.c.seq, audits.c.status == "ok")
    corrected = select(feedback.c.seq).where(_TEACHES, feedback.c.seq > after)
    few = corrected.distinct().subquery()
    yield rows.where(by_top), ledger.c.answer
    yield (
        rows.join(audits, audits.c.seq == ledger.c.seq)
        .where(audits.c.task == task, audits.c.status == "ok", audits.c.seq > after)
        .where(~by_top),
        audits.c.top_answer,
    )
    yield rows.join(few, few.c.seq == ledger.c.seq).where(~by_top, ~audited), null()


def _labelled(row: Any) -> LabelledRow:
    return LabelledRow(
        seq=row.seq,
        id=row.id,
        at=row.at,
        text=row.text,
        fields=fields_of(row.fields),
        top_answer=row.top_answer,
        drawn=row.drawn,
        ladder_release=row.ladder_release,
        low_answer=row.low_answer,
        low_confidence=row.low_confidence,
        correction=row.correction,
        top_model=row.model,
        tenant=row.tenant,
    )


def _binds(table: Table, *without: str) -> dict[str, Any]:
    return {column.name: bindparam(column.name) for column in table.columns if column.name not in without}


def _unknown(connection: Connection, values: Values) -> BadRequest | None:
    """The request id, which comes first in the values of an audit and of feedback, is not in the ledger."""
    if connection.execute(select(ledger.c.seq).where(ledger.c.id == values[0])).first() is not None:
        return None
    return BadRequest(
        "There is no such request in the ledger.",
        param="request_id",
        remedy="Send the id that came in the header x-stepladder-request-id.",
    )
