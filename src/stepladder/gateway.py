"""Story one: a question comes down and an answer goes up.

`admit` decides once what answers: a task's ladder release, or a plain model. `answer` reserves what the question may cost,
lets guards clear it, recalls what was answered before or asks, and clears the parts as they come. It holds the last one back
until the ledger row is committed, whatever happens next: what a client has had whole is written down and settled. Ledger
and cache hold placeholders; the asker's own data is restored on the way out. What fails or is blocked is written down too.
"""

from collections.abc import AsyncGenerator
from contextlib import aclosing, suppress
from dataclasses import dataclass, field

from stepladder.core import Clock, Events, LedgerUnavailable, Part, Piece, Tenant
from stepladder.safety import Guards
from stepladder.service import Auditor, ChatRequest, Entry, Snapshot, enter
from stepladder.store import Ledger
from stepladder.traffic import Admission, Cache, Permit


@dataclass(slots=True)
class Gateway:
    """The way of a question through the house. `snapshot` is swapped whole when anything changes."""

    snapshot: Snapshot
    ledger: Ledger
    auditor: Auditor
    admission: Admission
    cache: Cache
    events: Events
    clock: Clock
    guards: Guards = field(default_factory=Guards)

    def admit(self, request: ChatRequest, tenant: Tenant) -> Entry:
        """Who asks what: choose what answers. Raises BadRequest; UnknownModel, when `model` names nothing we have."""
        return enter(self.snapshot, request, tenant, self.clock)

    def answer(self, entry: Entry) -> AsyncGenerator[Part | Piece]:
        """The answer's parts. Raises NotAllowed, TooMany, Blocked, RungFailed, LadderExhausted, LedgerUnavailable."""
        return self.guards.restore(entry, self._answer(entry))

    async def _answer(self, entry: Entry) -> AsyncGenerator[Part | Piece]:
        """Take its place and reserve its cost; settle and record on every way out."""
        permit = await self.admission.admit(entry.asked.tenant, entry.model, *entry.most(), entry)
        try:
            if entry.purse is not None:
                entry.purse.reserve = permit.reserve
            refused = await self.guards.clear_in(entry)
            answer = refused or self.guards.clear_out(entry, self.cache.recall(entry) or entry.parts())
            async with aclosing(answer) as parts:
                entry.leave()
                async for part in parts:
                    if not entry.receive(part):
                        yield part
            await self._settle(entry, permit, entry.outcome)
        except BaseException as error:
            with suppress(LedgerUnavailable):
                await self._settle(entry, permit, *entry.fate(error))
            raise
        for part in entry.held:
            yield part

    async def _settle(self, entry: Entry, permit: Permit, status: str, error: str = "") -> None:
        if entry.over():
            return
        row = entry.row(status, error)
        charge = permit.charge(row.cost, row.prompt_tokens + row.completion_tokens)
        try:
            await self.ledger.commit(row, charge)
        except LedgerUnavailable:
            status = "withheld"
            raise
        finally:
            permit.settle(None if status == "withheld" else charge)
            self.events.emit(entry.answered(status))
        if status == "ok":
            self.cache.remember(entry)
            self.auditor.consider(entry)
