"""Feedback by its source: what each has said, whether it may teach, and what a person decided about it."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Select, case, delete, func, insert, select, update

from stepladder.core import BadRequest, Clock
from stepladder.store.columns import characters
from stepladder.store.conversations import let_go
from stepladder.store.database import Database, bump
from stepladder.store.rows import KEPT_OUT, Source, Word
from stepladder.store.tables import audits, feedback, ledger
from stepladder.store.watch_tables import sources

DECIDED = ("approved", "refused")
"""States that a person gave."""

TRUST = ("trusted", "untrusted")


class Sources:
    """Reads words of feedback that came with a key, and marks them."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self.clock = clock

    def waiting(self, task: str) -> bool:
        """Whether there is a word that nobody has judged yet."""
        query = _words(task).where(feedback.c.state == "").limit(1)
        with self._database.read() as connection:
            return connection.execute(query).first() is not None

    def words(self, task: str, *, limit: int = 20_000) -> list[Word]:
        """The newest `limit` words about a task's answers, oldest first."""
        query = _words(task).order_by(feedback.c.id.desc()).limit(limit)
        with self._database.read() as connection:
            rows = connection.execute(query).all()
        return [
            Word(
                id=row.id,
                seq=row.seq,
                request_id=row.request_id,
                source=Source(row.tenant, row.key, row.source or ""),
                answer=row.answer,
                state=row.state,
                text=row.text,
                given=row.given,
                top_answer=row.top_answer,
            )
            for row in reversed(rows)
        ]

    def mark(self, ids: Sequence[int], state: str) -> None:
        """Set the state of these words. What is kept out, or in again, servers let go of: it may be given as an answer."""
        out = feedback.c.state.in_(KEPT_OUT)
        with self._database.write() as connection:
            turned = False
            for start in range(0, len(ids), 500):
                these = feedback.c.id.in_(list(ids[start : start + 500]))
                other = select(feedback.c.id).where(these, ~out if state in KEPT_OUT else out).limit(1)
                turned = turned or connection.execute(other).first() is not None
                connection.execute(update(feedback).where(these).values(state=state))
            if turned:
                let_go(connection)
                bump(connection)

    def counts(self, task: str) -> dict[str, int]:
        """How many words there are of each state."""
        found = _words(task).subquery()
        query = select(found.c.state, func.count()).group_by(found.c.state)
        with self._database.read() as connection:
            return {state: int(count) for state, count in connection.execute(query)}

    def trust(self, task: str) -> Mapping[Source, str]:
        """What people decided about sources: "trusted" or "untrusted"."""
        query = select(sources.c.tenant, sources.c.key, sources.c.source, sources.c.trust)
        with self._database.read() as connection:
            rows = connection.execute(query.where(sources.c.task == task))
            return {Source(row.tenant, row.key, row.source): row.trust for row in rows}

    def decide(self, task: str, source: Source, trust: str, who: str) -> None:
        """Trust a source, or do not; "" lets its words speak again. Its words are judged anew. Raises BadRequest."""
        if trust not in ("", *TRUST):
            raise BadRequest(
                f"There is no trust {trust!r}.", param="trust", remedy=f"One of: {', '.join(TRUST)}."
            )
        here = (sources.c.task == task) & (sources.c.tenant == source.tenant) & (sources.c.key == source.key)
        theirs = [word.id for word in self.words(task) if word.source == source and word.state == "held"]
        with self._database.write() as connection:
            connection.execute(delete(sources).where(here, sources.c.source == source.name))
            if trust:
                connection.execute(
                    insert(sources).values(
                        task=task,
                        tenant=source.tenant,
                        key=source.key,
                        source=characters(source.name),
                        trust=trust,
                        who=characters(who),
                        at=self.clock.time(),
                    )
                )
        if trust == "trusted":
            self.mark(theirs, "in")
        elif trust == "untrusted":
            mine = [word.id for word in self.words(task) if word.source == source and word.state == "in"]
            self.mark(mine, "held")


def _words(task: str) -> Select[Any]:
    top = case((ledger.c.top & (ledger.c.status == "ok"), ledger.c.answer), else_=audits.c.top_answer)
    audited = (audits.c.seq == ledger.c.seq) & (audits.c.status == "ok")
    return (
        select(feedback.c.id, feedback.c.seq, feedback.c.tenant, feedback.c.key, feedback.c.source)
        .add_columns(feedback.c.answer, feedback.c.state, ledger.c.text, ledger.c.answer.label("given"))
        .add_columns(top.label("top_answer"), ledger.c.id.label("request_id"))
        .select_from(feedback)
        .join(ledger, ledger.c.seq == feedback.c.seq)
        .join(audits, audited, isouter=True)
        .where(ledger.c.task == task, feedback.c.answer.is_not(None), feedback.c.key != "")
    )
