"""Story one: a question comes down and an answer goes up.

`admit` decides once what answers: a task's ladder release, or a plain model. `answer` takes the question's place and
reserves its cost, recalls what was answered before or asks, lets the parts through as they come, and holds the last one
back until the ledger row is committed: what a client has had whole is written down, and what it cost is settled,
whatever happens next. What fails, and what the client does not wait for, is written down too.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager, suppress
from dataclasses import dataclass

from stepladder.core import Clock, Events, LedgerUnavailable, Part, Piece, Tenant
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

    def admit(self, request: ChatRequest, tenant: Tenant) -> Entry:
        """Who asks what: choose what answers. Raises BadRequest; UnknownModel, when `model` names nothing we have."""
        return enter(self.snapshot, request, tenant, self.clock)

    async def answer(self, entry: Entry) -> AsyncGenerator[Part | Piece]:
        """The answer's parts. Raises NotAllowed, TooMany, RungFailed, LadderExhausted; LedgerUnavailable withholds it."""
        async with self._settled(entry), aclosing(self.cache.recall(entry) or entry.parts()) as parts:
            entry.leave()
            async for part in parts:
                entry.come_back()
                held = entry.take(part)
                entry.leave()
                if not held:
                    yield part
        for part in entry.held:
            yield part

    @asynccontextmanager
    async def _settled(self, entry: Entry) -> AsyncIterator[None]:
        """Take its place and reserve its cost; settle and record on every way out."""
        permit = await self.admission.admit(entry.asked.tenant, entry.asked.request.model, *entry.most())
        try:
            yield
            await self._settle(entry, permit, "ok")
        except BaseException as error:
            gone = isinstance(error, asyncio.CancelledError | GeneratorExit)
            why = getattr(error, "code", type(error).__name__)
            with suppress(LedgerUnavailable):
                await self._settle(entry, permit, "partial" if gone else "failed", why)
            raise

    async def _settle(self, entry: Entry, permit: Permit, status: str, error: str = "") -> None:
        if entry.settled:
            return
        entry.settled = True
        entry.come_back()
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
