"""What waits for a person: put there by guards, decided by one reviewer or by two that agree."""

from collections.abc import Sequence
from dataclasses import asdict, replace
from typing import Any

import msgspec
from sqlalchemy import Connection, insert, select, update

from stepladder.core import BadRequest, Clock
from stepladder.store.accounts import alike
from stepladder.store.columns import characters, remarks_of
from stepladder.store.database import Database
from stepladder.store.payload import Payload
from stepladder.store.review_tables import decisions, held
from stepladder.store.rows import DecisionRow, HeldRow
from stepladder.store.tables import ledger

OPEN = ("waiting", "taken")
ASKING = "asking"
REVIEW = "review"
"""What is read to be decided is read for this."""
GUARDS = "guards"
"""Who has rejected it where no person did."""
_STATE = {"approve": "approved", "correct": "corrected", "reject": "rejected"}


class Reviews:
    """The review queue. A decision counts once as many persons as are `wanted` have made it."""

    def __init__(self, database: Database, clock: Clock, payload: Payload) -> None:
        self._database = database
        self._clock = clock
        self._payload = payload

    def put(self, row: HeldRow) -> None:
        """Let something wait. Raises StoreError."""
        values = {
            **asdict(row),
            "remarks": msgspec.json.encode(row.remarks).decode(),
            "pictures": msgspec.json.encode(row.pictures).decode() if row.pictures else "",
        }
        stored = {key: characters(value) for key, value in values.items()}
        with self._database.write() as connection:
            ready = self._payload.values(connection, "held", row.tenant, stored)
            connection.execute(insert(held).values(ready))

    def get(self, id: str) -> HeldRow | None:
        """What waits under a request's id, None where nothing does. What is overdue is decided by its fallback."""
        with self._database.read() as connection:
            found = _one(connection, id)
        return None if found is None else self._now(found)

    def queue(self, *, decided: bool = False, limit: int = 100) -> list[HeldRow]:
        """What waits, the most urgent first; or what was decided, by people or by its deadline, the newest first."""
        query = select(held)
        if decided:
            over = held.c.state.not_in(OPEN) | (held.c.due <= self._clock.time())
            query = query.where(over).order_by(held.c.at.desc())
        else:
            query = query.where(held.c.state.in_(OPEN), held.c.due > self._clock.time()).order_by(held.c.due)
        with self._database.read() as connection:
            return [self._now(_row(found)) for found in connection.execute(query.limit(limit)).mappings()]

    def waits(self, side: str, tenant: str, task: str, text: str) -> bool:
        """Whether this question of a tenant's to a task is among the newest thousand of its side that are open."""
        now, said = self._clock.time(), self._payload.cleaned(text)
        query = (
            select(held.c.text)
            .where(held.c.side == side, held.c.tenant == characters(tenant), held.c.task == task)
            .where(held.c.state.in_(OPEN), held.c.due > now)
            .order_by(held.c.at.desc())
            .limit(1000)
        )
        with self._database.read() as connection:  # sealed texts are equal only once they are opened
            return characters(said) in connection.execute(query).scalars()

    def learnable(self, limit: int = 100_000) -> list[HeldRow]:
        """What was decided, the newest first, without what its asker does not want learnt from."""
        query = (
            select(held)
            .join(ledger, ledger.c.id == held.c.id, isouter=True)
            .where(held.c.state.not_in(OPEN), ledger.c.training.is_not(False))
        )
        with self._database.read() as connection:
            rows = connection.execute(query.order_by(held.c.at.desc()).limit(limit)).mappings()
            return [_row(found) for found in rows]

    def take(self, id: str, reviewer: str) -> HeldRow:
        """Mark it as somebody's. Raises BadRequest where it is not open, or another's."""
        with self._database.write() as connection:
            found = self._open(connection, id)
            if found.state == "taken" and found.reviewer != reviewer:
                raise BadRequest(f"{found.reviewer} has it.", param="id", remedy="Take another.")
            connection.execute(
                update(held).where(held.c.id == id).values(state="taken", reviewer=characters(reviewer))
            )
        return self._known(id)

    def decide(self, row: DecisionRow) -> HeldRow:
        """Write a decision down; the state changes once enough reviewers agree.

        Raises BadRequest, also for a second decision of one person, whatever let them in, and for one that names no person
        where two are to agree: whose it is nobody could tell.
        """
        if row.decision not in _STATE:
            raise BadRequest(
                f"There is no decision {row.decision!r}.",
                param="decision",
                remedy=f"Decisions: {', '.join(_STATE)}.",
            )
        if row.decision == "correct" and not row.correction:
            raise BadRequest("There is no answer.", param="answer", remedy="Say what should be answered.")
        row = replace(row, correction=self._payload.cleaned(row.correction))
        with self._database.write() as connection:
            found = self._open(connection, row.held)
            said = _decisions(connection, row.held)
            _another(found, row, said)
            stored = {key: characters(value) for key, value in asdict(row).items()}
            ready = self._payload.values(connection, "decisions", found.tenant, stored)
            connection.execute(insert(decisions).values(ready))
            agree = [
                one
                for one in said
                if one.person and (one.decision, one.correction) == (row.decision, row.correction)
            ]
            decided = len(agree) + 1 >= found.wanted
            values = {"state": "waiting", "reviewer": "", "correction": ""}
            if decided:
                values = {
                    "state": _STATE[row.decision],
                    "reviewer": row.reviewer,
                    "correction": row.correction,
                }
            values = self._payload.values(connection, "held", found.tenant, values)
            connection.execute(update(held).where(held.c.id == row.held).values(values))
        return self._known(row.held)

    def claim(self, id: str, seconds: float) -> bool:
        """An approved question is asked now, by one at a time: False where somebody does, or it is not to be asked.

        Who does and dies has it for `seconds`.
        """
        with self._database.write() as connection:
            found = _one(connection, id)
            if found is None or self._now(found).state != "approved":
                return False
            mine = (held.c.id == id, held.c.state == found.state, held.c.due == found.due)
            values = {"state": ASKING, "due": self._clock.time() + seconds}
            return connection.execute(update(held).where(*mine).values(values)).rowcount > 0

    def asked(self, id: str, state: str, said: str = "") -> None:
        """A claimed question is "answered", with what was `said`; its answer waits "again", under that id; guards
        objected to it ("rejected"); or nothing came of it, and it may be asked again ("approved")."""
        with self._database.write() as connection:
            found = _one(connection, id)
            if found is None or found.state != ASKING:
                return
            values = {"state": state, "correction": characters(said)}
            if state == "rejected":
                values["reviewer"] = GUARDS
            ready = self._payload.values(connection, "held", found.tenant, values)
            connection.execute(update(held).where(held.c.id == id).values(ready))

    def decisions(self, id: str | None = None) -> list[DecisionRow]:
        """Every decision, or those about one request, oldest first."""
        with self._database.read() as connection:
            return _decisions(connection, id)

    def agreement(self) -> dict[str, float | int | None]:
        """How often the first two reviewers of the same thing agree, and Cohen's kappa (1960): beyond chance, 1 at most."""
        pairs: dict[str, list[str]] = {}
        for one in self.decisions():
            pairs.setdefault(one.held, []).append(one.decision)
        return agreement([(first, second) for first, second, *_ in (p for p in pairs.values() if len(p) > 1)])

    def _open(self, connection: Connection, id: str) -> HeldRow:
        found = _one(connection, id)
        if found is None:
            raise BadRequest(f"Nothing waits under {id[:80]!r}.", param="id", remedy="List what waits.")
        if self._now(found).state not in OPEN:
            raise BadRequest("It is decided.", param="id", remedy="Take another.")
        return found

    def _known(self, id: str) -> HeldRow:
        found = self.get(id)
        assert found is not None
        return found

    def _now(self, found: HeldRow) -> HeldRow:
        if found.due > self._clock.time() or found.state not in (*OPEN, ASKING):
            return found
        if found.state == ASKING:
            return replace(found, state="approved")
        return replace(found, state=_STATE[found.fallback], reviewer="")


def agreement(pairs: Sequence[tuple[str, str]]) -> dict[str, float | int | None]:
    """Of pairs of decisions: how many, the share that is equal, and kappa; None where it is not defined."""
    count = len(pairs)
    if not count:
        return {"pairs": 0, "agreed": None, "kappa": None}
    equal = sum(first == second for first, second in pairs) / count
    kinds = {kind for pair in pairs for kind in pair}
    chance = sum(
        sum(first == kind for first, _ in pairs) * sum(second == kind for _, second in pairs)
        for kind in kinds
    ) / (count * count)
    return {"pairs": count, "agreed": equal, "kappa": (equal - chance) / (1 - chance) if chance < 1 else None}


def _another(found: HeldRow, row: DecisionRow, said: Sequence[DecisionRow]) -> None:
    """Raises BadRequest where this person has decided, or where it cannot be told."""
    if found.wanted > 1 and not row.person.strip():
        raise BadRequest(
            f"Two persons decide this, and {row.reviewer} names none.",
            param="id",
            remedy="Log in, or say whose key it is: stepladder key person NAME WHO (on the command line --reviewer WHO).",
        )
    for one in said:
        if one.reviewer == row.reviewer or (one.person and alike(one.person) == alike(row.person)):
            by = "" if one.reviewer == row.reviewer else f", as {one.reviewer}"
            raise BadRequest(
                f"{row.person or row.reviewer} has decided already{by}.", param="id", remedy="Ask another."
            )


def _one(connection: Connection, id: str) -> HeldRow | None:
    found = connection.execute(select(held).where(held.c.id == characters(id))).mappings().first()
    return None if found is None else _row(found)


def _row(found: Any) -> HeldRow:
    seen = found["pictures"]
    pictures = msgspec.json.decode(seen, type=tuple[str, ...]) if seen else ()
    return HeldRow(**{**found, "remarks": remarks_of(found["remarks"]), "pictures": pictures})


def _decisions(connection: Connection, id: str | None) -> list[DecisionRow]:
    query = select(*(decisions.c[name] for name in DecisionRow.__slots__)).order_by(decisions.c.at)
    if id is not None:
        query = query.where(decisions.c.held == characters(id))
    return [DecisionRow(*row) for row in connection.execute(query)]
