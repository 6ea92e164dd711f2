"""Words that have been kept long enough go, by class; rows stay for the bill. In small transactions, oldest first.

What a live release's promise rests on keeps its answers, which are labels, and loses the question's words.
"""

import time
from collections.abc import Callable
from typing import Any

from sqlalchemy import delete, or_, select, update

from stepladder.store.conversations import ERASED, erase_words
from stepladder.store.database import Database
from stepladder.store.held import erase_held
from stepladder.store.retention import served
from stepladder.store.review_tables import held
from stepladder.store.tables import conversations, feedback, ledger

_AT_ONCE = 200
_PAUSE_SECONDS = 0.01
GoingOn = Callable[[], bool]


class Expiring:
    """Each method takes out what is older than `before` (Unix seconds), while `going_on`, and returns how much it was."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def payload(self, before: float, going_on: GoingOn = lambda: True) -> int:
        """The words of questions and answers. The person's pseudonym stays: by it datasets and reviews are erased yet."""
        return self._repeat(lambda: self._words(before, evidence=False), going_on) + self._repeat(
            lambda: self._words(before, evidence=True), going_on
        )

    def feedback(self, before: float, going_on: GoingOn = lambda: True) -> int:
        """Corrections, scores and comments."""
        return self._repeat(lambda: self._feedback(before), going_on)

    def reviews(self, before: float, going_on: GoingOn = lambda: True) -> int:
        """What waited for a person, with what was decided; not what waits still."""
        return self._repeat(lambda: self._reviews(before), going_on)

    def _repeat(self, step: Callable[[], int], going_on: GoingOn) -> int:
        done = 0
        while going_on() and (count := step()):
            done += count
            time.sleep(_PAUSE_SECONDS)  # writers of answers come in between
        return done

    def _words(self, before: float, *, evidence: bool) -> int:
        counts = ledger.c.drawn & ledger.c.ladder_release.in_(served())
        old = [ledger.c.at < before, ledger.c.status != ERASED, counts if evidence else ~counts]
        if evidence:
            old.append(or_(ledger.c.text != "", ledger.c.fields != "", ledger.c.turns != ""))
        with self._database.write() as connection:
            ids = list(connection.execute(select(ledger.c.id).where(*old).limit(_AT_ONCE)).scalars())
            if evidence:
                gone: dict[str, Any] = {"text": "", "fields": "", "turns": "", "grounds": "", "remarks": ""}
                statement = update(ledger).where(ledger.c.id.in_(ids))
                connection.execute(statement.values(training=False, **gone))
            else:
                erase_words(connection, ids)
                connection.execute(update(ledger).where(ledger.c.id.in_(ids)).values(error=""))
            connection.execute(delete(conversations).where(conversations.c.request_id.in_(ids)))
        return len(ids)

    def _feedback(self, before: float) -> int:
        with self._database.write() as connection:
            query = select(feedback.c.id).where(feedback.c.at < before).limit(_AT_ONCE)
            ids = list(connection.execute(query).scalars())
            connection.execute(delete(feedback).where(feedback.c.id.in_(ids)))
        return len(ids)

    def _reviews(self, before: float) -> int:
        with self._database.write() as connection:
            over = held.c.state.not_in(("waiting", "taken")) | (held.c.due < before)
            query = select(held.c.id).where(held.c.at < before, over).limit(_AT_ONCE)
            ids = list(connection.execute(query).scalars())
            erase_held(connection, ids)
        return len(ids)
