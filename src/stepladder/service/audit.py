"""The audit: drawn answers of the low rungs are also put to the top rung, in the background and paid for."""

import asyncio
import logging
from dataclasses import dataclass

from stepladder.core import (
    Answer,
    Audited,
    Clock,
    Events,
    LadderExhausted,
    LedgerUnavailable,
    RungFailed,
    Usage,
)
from stepladder.models import Ladder, equal
from stepladder.service.entry import Entry
from stepladder.service.task_entry import TaskEntry
from stepladder.store import AuditRow, Ledger

_log = logging.getLogger(__name__)
_RETRY_SECONDS = 1.0


@dataclass(slots=True)
class AuditCounts:
    """How audits went since the start: `dropped` ones found no place in the queue or were cut off by the end."""

    done: int = 0
    failed: int = 0
    dropped: int = 0


class Auditor:
    """A bounded number of shadow calls at a time, and a bounded number waiting; what does not fit is counted."""

    def __init__(
        self, ledger: Ledger, events: Events, clock: Clock, *, at_once: int = 8, waiting: int = 1000
    ) -> None:
        self.counts = AuditCounts()
        self._ledger = ledger
        self._events = events
        self._clock = clock
        self._at_once = asyncio.Semaphore(at_once)
        self._most = at_once + waiting
        self._running: set[asyncio.Task[None]] = set()
        self._closed = False

    @property
    def waiting(self) -> int:
        """Audits that are not done yet."""
        return len(self._running)

    def consider(self, entry: Entry) -> None:
        """Put a drawn answer of the low rungs to the top as well; the client does not wait for it."""
        if not isinstance(entry, TaskEntry) or not entry.drawn or entry.answer is None:
            return
        if entry.served.task.offline:  # `stepladder label` does it, at another time
            return
        if entry.top and not entry.answer.below_promise:
            return
        if self._closed or len(self._running) >= self._most:
            self.counts.dropped += 1
            return
        task = asyncio.create_task(self._audit(entry, entry.answer))
        self._running.add(task)
        task.add_done_callback(self._running.discard)

    async def close(self, seconds: float) -> None:
        """Take no more; give those under way `seconds`, then drop them."""
        self._closed = True
        if self._running:
            await asyncio.wait(self._running, timeout=seconds)
        left = set(self._running)
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)
        self.counts.dropped += len(left)

    async def _audit(self, entry: TaskEntry, low: Answer) -> None:
        async with self._at_once:
            started = self._clock.monotonic()
            top, spent, cost = await self._ask(entry.plan.top, entry)
        agreed = top is not None and equal(entry.served.task, low.text, top.text)
        said = top or Answer("", 0.0, "")
        row = AuditRow(
            id=entry.asked.id,
            at=self._clock.time(),
            task=entry.task,
            ladder_release=entry.plan.ladder_release,
            top_answer=said.text,
            agreed=agreed,
            prompt_tokens=said.usage.prompt_tokens + spent.prompt_tokens,
            completion_tokens=said.usage.completion_tokens + spent.completion_tokens,
            cost=said.cost + cost,
            latency_ms=(self._clock.monotonic() - started) * 1000,
            status="ok" if top else "failed",
        )
        try:
            await self._ledger.commit_audit(row)
        except LedgerUnavailable as error:
            self.counts.dropped += 1
            _log.error("An audit of task %s was lost: %s", entry.task, error)
            return
        if top is None:
            self.counts.failed += 1
        else:
            self.counts.done += 1
            self._events.emit(Audited(entry.task, entry.plan.ladder_release, agreed))

    async def _ask(self, top: Ladder, entry: TaskEntry) -> tuple[Answer | None, Usage, float]:
        """The top's own answer, asked for twice at most, None when it has none; and what came of nothing but its bill."""
        spent, cost = Usage(), 0.0
        for attempt in (1, 2):
            try:
                async for part in top.answer(entry.question):
                    if isinstance(part, Answer) and not part.stands_in:
                        return part, spent, cost
                    if isinstance(part, Answer):  # a fallback's word says nothing of the top
                        return None, spent + part.usage, cost + part.cost
            except (RungFailed, LadderExhausted) as error:
                spent, cost = spent + error.usage, cost + error.cost
                _log.warning("Audit of task %s, attempt %d: %s", entry.task, attempt, error)
                if attempt == 1:
                    await asyncio.sleep(_RETRY_SECONDS)
        return None, spent, cost
