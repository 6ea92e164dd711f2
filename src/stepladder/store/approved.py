"""Answers that a person approved, and questions that could not be answered: what feedback and ledger know of them."""

from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import Any

import msgspec
from sqlalchemy import and_, func, or_, select

from stepladder.core import Grounds
from stepladder.store.columns import characters
from stepladder.store.database import Database
from stepladder.store.rows import KEPT_OUT
from stepladder.store.tables import feedback, ledger

APPROVING = 1.0
"""A score from here on approves an answer; a lower one takes that back."""
UNANSWERED = "unanswered"
UNSUPPORTED = "unsupported"
_GIVEN_BY_HAND = and_(
    ledger.c.status == "held",
    ledger.c.grounds != "",
    feedback.c.source == "review",
    feedback.c.answer.is_not(None),
)
"""Nothing was said from the documents before a person had decided; what was decided then is an answer like any other."""
_MOST = 50_000
OVERLAP = 500
"""So many ids before the newest, feedback may still come in: with several writers a lower id can be committed later."""


@dataclass(frozen=True, slots=True)
class Approval:
    """A word of feedback. `answer` is the approved text, None where the answer was found bad. `id` grows."""

    id: int
    tenant: str
    text: str
    answer: str | None
    grounds: Grounds | None


@dataclass(frozen=True, slots=True)
class Gap:
    """A question to a task that the documents did not answer: how often, last when, and what was said last."""

    task: str
    tenant: str
    text: str
    times: int
    at: float
    kind: str
    answer: str


class Approved:
    """Reads feedback as it comes in."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def mark(self) -> tuple[int, int]:
        """Another one after every word of feedback: the newest id (or 0), and how many stand shortly before it."""
        with self._database.read() as connection:
            last = connection.scalar(select(func.max(feedback.c.id))) or 0
            near = select(func.count()).select_from(feedback).where(feedback.c.id > last - OVERLAP)
            return last, connection.scalar(near) or 0

    def grounds(self, request_id: str) -> Grounds | None:
        """What the answer to a request stands on; None where nothing is known of that."""
        query = select(ledger.c.grounds).where(ledger.c.id == characters(request_id))
        with self._database.read() as connection:
            return grounds_of(connection.scalar(query) or "")

    def since(self, task: str, after: int = 0, besides: Collection[int] = ()) -> list[Approval]:
        """Feedback on a task's questions without earlier turns that nobody keeps out, by id; at first the newest 50,000.

        `after` an id, and without those of the ids `besides`.
        """
        query = (
            select(feedback.c.id, feedback.c.answer, feedback.c.score, ledger.c.tenant, ledger.c.text)
            .add_columns(ledger.c.answer.label("said"), ledger.c.grounds)
            .join(ledger, ledger.c.seq == feedback.c.seq)
            .where(feedback.c.id > after, feedback.c.id.not_in(besides), feedback.c.state.not_in(KEPT_OUT))
            .where(ledger.c.task == task, ledger.c.turns == "", or_(ledger.c.status == "ok", _GIVEN_BY_HAND))
            .order_by(feedback.c.id.desc())
            .limit(_MOST)
        )
        with self._database.read() as connection:
            rows = connection.execute(query).all()
        return [_approval(row) for row in reversed(rows)]

    def gaps(self, task: str | None = None, *, since: float = 0.0, most: int = 100) -> list[Gap]:
        """Questions of a task (None: of all) that were refused or not supported, the most frequent first.

        Of more than 50,000 the newest count.
        """
        where = [ledger.c.error.in_((UNANSWERED, UNSUPPORTED)), ledger.c.at >= since]
        if task is not None:
            where.append(ledger.c.task == task)
        query = (
            select(
                ledger.c.task, ledger.c.tenant, ledger.c.text, ledger.c.error, ledger.c.at, ledger.c.answer
            )
            .where(*where)
            .order_by(ledger.c.seq.desc())
            .limit(_MOST)
        )
        found: dict[tuple[str, str, str, str], Gap] = {}
        with self._database.read() as connection:
            # Counted here: sealed texts are different each time, and equal only once they are opened.
            for row in connection.execute(query):
                key = (row.task, row.tenant, row.text, row.error)
                known = found.get(key)
                found[key] = (
                    Gap(row.task, row.tenant, row.text, 1, row.at, row.error, row.answer)
                    if known is None
                    else replace(known, times=known.times + 1)
                )
        return sorted(found.values(), key=lambda gap: (-gap.times, -gap.at))[:most]


def grounds_of(text: str) -> Grounds | None:
    """What the ledger's column holds."""
    return msgspec.json.decode(text, type=Grounds) if text else None


def _approval(row: Any) -> Approval:
    approved = row.said if (row.score or 0.0) >= APPROVING else None
    answer = approved if row.answer is None else row.answer
    return Approval(row.id, row.tenant, row.text, answer, grounds_of(row.grounds))
