"""People whom questions are about: found by pseudonym, shown, and erased with a line in the journal as proof.

The ledger never holds the id that a caller gave: it holds HMAC-SHA256 of tenant and id under a key of this database (RFC
2104), so that rows of one person can be found by whoever knows the id, and tell nothing to whoever does not.
"""

import hashlib
import hmac
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
from sqlalchemy import Connection, delete, insert, select, update

from stepladder.core import Clock
from stepladder.store.chain import append
from stepladder.store.conversations import erase_words, let_go
from stepladder.store.database import Database, bump
from stepladder.store.held import erase_held
from stepladder.store.review_tables import decisions, held
from stepladder.store.rows import Note
from stepladder.store.tables import audits, conversations, feedback, ledger, settings
from stepladder.store.vaults import drop_vaults

_KEY = "subject key"
_SHOWN = ("id", "at", "tenant", "task", "model", "status", "text", "fields", "turns", "answer", "low_answer")
_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class Kept:
    """What is kept of a person: `requests` as JSON objects, each with its audit and the feedback on it."""

    pseudonyms: tuple[str, ...]
    requests: tuple[dict[str, Any], ...]

    @property
    def ids(self) -> list[str]:
        """The requests' ids."""
        return [str(request["id"]) for request in self.requests]

    @property
    def digest(self) -> str:
        """SHA-256 of all of it: whoever was given the export can show that it is what was erased."""
        said = msgspec.json.encode(self.requests, order="sorted")
        return hashlib.sha256(said).hexdigest()


class Subjects:
    """Rows by person."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self._secret: bytes | None = None

    def pseudonym(self, tenant: str, id: str) -> str:
        """Under what name the ledger knows this person of this tenant."""
        if self._secret is None:
            self._secret = self._key()
        whole = f"{len(tenant)} {tenant}\0{id}".encode("utf-8", "surrogatepass")
        return hmac.new(self._secret, whole, hashlib.sha256).hexdigest()[:32]

    def find(self, id: str, tenant: str | None = None) -> Kept:
        """What is kept of a person, of one tenant's or of every tenant's with this id."""
        with self._database.read() as connection:
            names = self._names(connection, id, tenant)
            return Kept(names, tuple(_requests(connection, names)))

    def erase(self, id: str, tenant: str | None, who: str, also: str = "") -> Kept:
        """Take a person's words out of the ledger, audits, feedback and conversations; what was erased.

        Nothing may be recovered from the files either. The rows stay for the bill, without a word and without
        the pseudonym. The journal's line, in the same transaction, holds counts, the digest of what went, and what was
        `also` erased elsewhere.
        """
        with self._database.write() as connection:
            names = self._names(connection, id, tenant)
            kept = Kept(names, tuple(_requests(connection, names)))
            erase_words(connection, kept.ids)
            for some in _some(kept.ids):
                talks = select(conversations.c.tenant, conversations.c.conversation).distinct()
                talked = connection.execute(talks.where(conversations.c.request_id.in_(some))).all()
                drop_vaults(connection, [(row.tenant, row.conversation) for row in talked])
                connection.execute(delete(conversations).where(conversations.c.request_id.in_(some)))
                erase_held(connection, some)
            gone = update(ledger).where(ledger.c.subject.in_(names)).values(subject="", error="")
            connection.execute(gone)
            said = f"{', '.join(names) or 'nobody'}: {len(kept.requests)} requests, SHA-256 {kept.digest}"
            said += f"; {also}" if also else ""
            let_go(connection)
            append(connection, Note(self._clock.time(), who, "subject erase", said))
            bump(connection)
        self._database.overwrite()
        return kept

    def _names(self, connection: Connection, id: str, tenant: str | None) -> tuple[str, ...]:
        asked = select(ledger.c.tenant, ledger.c.subject).where(ledger.c.subject != "").distinct()
        pairs = connection.execute(asked).all()
        tenants = {row.tenant for row in pairs} if tenant is None else {tenant}
        names = {self.pseudonym(one, id) for one in tenants}
        return tuple(sorted(names & {row.subject for row in pairs}))

    def _key(self) -> bytes:
        query = select(settings.c.value).where(settings.c.name == _KEY)
        with self._database.read() as connection:
            known = connection.scalar(query)
        if known is None:
            with self._database.write() as connection:
                known = connection.scalar(query)
                if known is None:
                    known = secrets.token_hex(32)
                    connection.execute(insert(settings).values(name=_KEY, value=known))
        return bytes.fromhex(known)


def _requests(connection: Connection, names: Sequence[str]) -> list[dict[str, Any]]:
    columns = [ledger.c[name] for name in _SHOWN]
    query = select(ledger.c.seq, *columns).where(ledger.c.subject.in_(names), ledger.c.subject != "")
    found = []
    for row in connection.execute(query.order_by(ledger.c.seq)).all():
        audit = select(audits.c.top_answer).where(audits.c.seq == row.seq)
        said = (feedback.c.at, feedback.c.answer, feedback.c.score, feedback.c.comment)
        opinions = connection.execute(select(*said).where(feedback.c.seq == row.seq).order_by(feedback.c.id))
        found.append(
            {name: getattr(row, name) for name in _SHOWN}
            | {"audit": connection.scalar(audit), "feedback": [dict(one._mapping) for one in opinions]}
            | {"review": _review(connection, row.id)}
        )
    return found


def _review(connection: Connection, id: str) -> dict[str, Any] | None:
    columns = (held.c.state, held.c.text, held.c.request, held.c.pictures, held.c.answer, held.c.correction)
    row = connection.execute(select(*columns).where(held.c.id == id)).first()
    if row is None:
        return None
    said = (decisions.c.reviewer, decisions.c.decision, decisions.c.correction, decisions.c.comment)
    decided = connection.execute(select(*said).where(decisions.c.held == id).order_by(decisions.c.at))
    return {**row._mapping, "decisions": [dict(one._mapping) for one in decided]}


def _some(ids: list[str]) -> list[list[str]]:
    return [ids[start : start + _AT_ONCE] for start in range(0, len(ids), _AT_ONCE)]
