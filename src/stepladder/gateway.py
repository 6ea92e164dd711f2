"""Story one: a question comes down and an answer goes up.

`admit` decides once what answers: a task's ladder release, or a plain model. `answer` lets the parts through as they
come, and holds the last one back until the ledger row is committed: what a client has had whole is written down,
whatever happens next. What fails, and what the client does not wait for, is written down too.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager, suppress
from dataclasses import dataclass
from secrets import token_hex

from stepladder.core import Clock, Events, LedgerUnavailable, Part, Piece, Tenant
from stepladder.service import Asked, Auditor, ChatRequest, Entry, ModelEntry, ServedTask, Snapshot, TaskEntry
from stepladder.store import Ledger


@dataclass(slots=True)
class Gateway:
    """The way of a question through the house. `snapshot` is swapped whole when anything changes."""

    snapshot: Snapshot
    ledger: Ledger
    auditor: Auditor
    events: Events
    clock: Clock

    def admit(self, request: ChatRequest, tenant: Tenant) -> Entry:
        """Who asks what: choose what answers. Raises BadRequest; UnknownModel, when `model` names nothing we have."""
        snapshot, at = self.snapshot, self.clock.time()
        served = snapshot.find(request.model)
        id = f"sl{int(at * 1000):012x}{token_hex(10)}"
        asked = Asked(id, tenant.name, request, at, self.clock.monotonic(), snapshot.config.hash)
        if isinstance(served, ServedTask):
            limit = snapshot.config.server.max_text_chars
            question = request.question(served.task, id=id, tenant=tenant.name, asked_at=at, limit=limit)
            return TaskEntry(asked, self.clock, served, question)
        return ModelEntry(asked, self.clock, served)

    async def answer(self, entry: Entry) -> AsyncGenerator[Part | Piece]:
        """The answer's parts. Raises RungFailed, LadderExhausted, and LedgerUnavailable, which withholds the answer."""
        async with self._written_down(entry), aclosing(entry.parts()) as parts:
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
    async def _written_down(self, entry: Entry) -> AsyncIterator[None]:
        """Settle and record on every way out."""
        try:
            yield
            await self._settle(entry, "ok")
        except BaseException as error:
            gone = isinstance(error, asyncio.CancelledError | GeneratorExit)
            why = getattr(error, "code", type(error).__name__)
            with suppress(LedgerUnavailable):
                await self._settle(entry, "partial" if gone else "failed", why)
            raise

    async def _settle(self, entry: Entry, status: str, error: str = "") -> None:
        if entry.settled:
            return
        entry.settled = True
        entry.come_back()
        try:
            await self.ledger.commit(entry.row(status, error))
        except LedgerUnavailable:
            status = "withheld"
            raise
        finally:
            self.events.emit(entry.answered(status))
        if status == "ok" and isinstance(entry, TaskEntry):
            self.auditor.consider(entry)
