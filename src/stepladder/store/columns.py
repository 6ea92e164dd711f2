"""Rows to values, in the order of their table's columns, and back."""

import json
from operator import attrgetter
from typing import Any

import msgspec

from stepladder.core import UNSURE, Field, Remark, Turn
from stepladder.store.rows import AuditRow, FeedbackRow, LedgerRow, Outcome
from stepladder.store.tables import audits, feedback, ledger

_LAST = (
    "fields",
    "turns",
    "key",
    "estimated",
    "grounds",
    "remarks",
    "subject",
    "training",
    "tools",
    "parent",
)
_plain = attrgetter("key", "estimated", "grounds")
_added = attrgetter("subject", "training", "tools", "parent")
_ledger = attrgetter(*(column.name for column in ledger.columns if column.name not in ("seq", *_LAST)))
_audit = attrgetter(*(column.name for column in audits.columns if column.name != "seq"))
_feedback = attrgetter(*(column.name for column in feedback.columns if column.name not in ("id", "seq")))


def ledger_values(row: LedgerRow) -> tuple[Any, ...]:
    """Every column but `seq`. Most questions have none of fields, turns and remarks, and "" is quickest."""
    fields = _json(row.fields) if row.fields else ""
    turns = _json(row.turns) if row.turns else ""
    remarks = _json(row.remarks) if row.remarks else ""
    return (*_ledger(row), fields, turns, *_plain(row), remarks, *_added(row))


def conversation_values(row: LedgerRow) -> tuple[Any, ...]:
    """Whose conversation a row belongs to."""
    return (row.id, characters(row.tenant), characters(row.conversation), row.at, row.confidential)


def audit_values(row: AuditRow) -> tuple[Any, ...]:
    """The request id, from which the question's `seq` is found, and every other column."""
    return (row.id, *_audit(row))


def feedback_values(row: FeedbackRow) -> tuple[Any, ...]:
    """The request id, from which the question's `seq` is found, and every other column but `id`."""
    return (row.request_id, *_feedback(row))


def outcome_of(row: Any) -> Outcome:
    """A drawn question, its audit and its correction. Who was unsure is not wrong."""
    unsure = row.rung == UNSURE
    return Outcome(
        seq=row.seq,
        at=row.at,
        low=not row.top and not unsure,
        agreed=bool(row.top or row.agreed or unsure),
        confidence=(row.low_confidence or 0.0) if row.top else row.confidence,
        answer=row.answer,
        top_answer=row.answer if row.top else row.top_answer,
        correction=row.correction,
        tenant=row.tenant,
    )


def fields_of(text: str) -> dict[str, Field]:
    """A question's fields."""
    return json.loads(text) if text else {}


def turns_of(text: str) -> tuple[Turn, ...]:
    """A question's earlier turns."""
    return tuple(Turn(**turn) for turn in json.loads(text)) if text else ()


def remarks_of(text: str) -> tuple[Remark, ...]:
    """What guards said."""
    return msgspec.json.decode(text, type=tuple[Remark, ...]) if text else ()


def characters(value: Any) -> Any:
    """U+FFFD for half surrogate pairs, which cannot be stored; halves that belong together are joined."""
    if not isinstance(value, str) or value.isascii():
        return value
    try:
        value.encode()
    except UnicodeEncodeError:
        return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return value


def without_nul(value: Any) -> Any:
    """U+FFFD for U+0000, which PostgreSQL cannot store."""
    return value.replace("\0", "\ufffd") if isinstance(value, str) else value


def _json(value: Any) -> str:
    try:
        return msgspec.json.encode(value).decode()
    except (
        UnicodeEncodeError,
        OverflowError,
        ValueError,
    ):  # half surrogates, or more than 64 bits: rare, so slow
        return json.dumps(msgspec.to_builtins(value))
