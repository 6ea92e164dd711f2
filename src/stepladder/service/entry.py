"""One question on its way: what was asked, what has come back so far, and the ledger row that this makes."""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass

from stepladder.core import Answer, Answered, Clock, Model, Part, Piece, Question, Usage
from stepladder.service.parts import before, closing
from stepladder.service.plan import OWNERS_WORD, Plan, ServedTask
from stepladder.service.request import ChatRequest
from stepladder.store import LedgerRow


@dataclass(frozen=True, slots=True)
class Asked:
    """What is known at the door. `at` is Unix seconds, `started` monotonic seconds."""

    id: str
    tenant: str
    request: ChatRequest
    at: float
    started: float
    config_hash: str


class Entry(ABC):
    """A question while it is being answered. The gateway takes the parts in, and makes the row when it is over.

    Of the time since the question came in, what neither the rungs nor the client's reading took is our own overhead.
    """

    __slots__ = (
        "_clock",
        "_elsewhere",
        "_mark",
        "_overhead_ms",
        "answer",
        "asked",
        "held",
        "settled",
        "text",
    )

    task = ""
    top = False

    def __init__(self, asked: Asked, clock: Clock) -> None:
        self.asked = asked
        self.answer: Answer | None = None
        self.held: list[Part | Piece] = []
        self.settled = False
        self.text = ""
        self._clock = clock
        self._mark = 0.0
        self._elsewhere = 0.0
        self._overhead_ms: float | None = None

    @abstractmethod
    def parts(self) -> AsyncGenerator[Part | Piece]:
        """The answer as it comes. Raises RungFailed or LadderExhausted."""

    @abstractmethod
    def take(self, part: Part | Piece) -> bool:
        """Note a part; True from the one on that completes the answer, which waits for the ledger."""

    @abstractmethod
    def row(self, status: str, error: str = "") -> LedgerRow:
        """The ledger row: `status` is ok, partial or failed."""

    def leave(self) -> None:
        """The question is with a rung, or a part of the answer with the client."""
        self._mark = self._clock.monotonic()

    def come_back(self) -> None:
        """And is here again, if it was away."""
        if self._mark:
            self._elsewhere += self._clock.monotonic() - self._mark
            self._mark = 0.0

    def latency_ms(self) -> float:
        """Milliseconds since the question came in."""
        return (self._clock.monotonic() - self.asked.started) * 1000

    def overhead_ms(self) -> float:
        """Milliseconds of it that were ours: so far, or in the end once the question is settled."""
        if self._overhead_ms is not None:
            return self._overhead_ms
        return max(self.latency_ms() - self._elsewhere * 1000, 0.0)

    def answered(self, status: str) -> Answered:
        """It is over: the event that tells of it."""
        overhead = self._overhead_ms = self.overhead_ms()
        model = self.asked.request.model
        return Answered(self.task, model, self.answer, status, self.latency_ms(), overhead, self.top)


class TaskEntry(Entry):
    """A task's question: the ladder climbs."""

    __slots__ = ("low", "plan", "question", "served", "top")

    def __init__(self, asked: Asked, clock: Clock, served: ServedTask, question: Question) -> None:
        super().__init__(asked, clock)
        self.served = served
        self.question = question
        self.plan: Plan = served.plan(question)
        self.low: Answer | None = None
        self.top = False

    @property
    def task(self) -> str:  # type: ignore[override]
        """The task's name."""
        return self.question.task

    @property
    def drawn(self) -> bool:
        """Whether this row belongs to the sample that was drawn without looking; the owner's word never does."""
        said = self.low if self.top else self.answer
        return self.plan.drawn and not (said is not None and said.rung == OWNERS_WORD)

    def parts(self) -> AsyncGenerator[Part | Piece]:
        """Low rungs first: their answer where it is believed, else the top's; all of it before the deadline."""
        if self.question.deadline_ms is None:
            return self._parts()
        return before(self._parts(), (self.question.deadline_ms - self.latency_ms()) / 1000)

    async def _parts(self) -> AsyncGenerator[Part | Piece]:
        if self.plan.ladder is not None:
            climb = await self.plan.ladder.climb(self.question)
            self.low = climb.low
            if climb.answer is not None:
                yield climb.answer
                return
        self.top = True
        low = asyncio.ensure_future(self.plan.beside.climb(self.question)) if self.plan.beside else None
        try:
            async with aclosing(closing(self.plan.top.answer(self.question))) as parts:
                async for part in parts:
                    if low is not None and isinstance(part, Answer):
                        self.low = (await low).low
                    yield part
        finally:
            if low is not None:
                low.cancel()

    def take(self, part: Part | Piece) -> bool:
        """Deltas pass; the Answer is the last part and waits."""
        if isinstance(part, Answer):
            self.answer, self.text = part, part.text
            self.held.append(part)
            return True
        self.text += part.text
        return False

    def row(self, status: str, error: str = "") -> LedgerRow:
        """The ledger row of a task's question."""
        question, low = self.question, self.low
        answer = self.answer or Answer(self.text, 0.0, self.plan.top.name if self.top else "")
        return LedgerRow(
            id=question.id,
            at=question.asked_at,
            tenant=question.tenant,
            task=question.task,
            model=self.served.task.top,
            text=question.text,
            fields=question.fields,
            turns=question.turns,
            answer=answer.text,
            rung=answer.rung,
            release=answer.release,
            ladder_release=self.plan.ladder_release,
            confidence=answer.confidence,
            top=self.top,
            drawn=self.drawn,
            low_answer=low.text if low else None,
            low_rung=low.rung if low else None,
            low_confidence=low.confidence if low else None,
            status=status,
            stream=self.asked.request.stream,
            prompt_tokens=answer.usage.prompt_tokens,
            completion_tokens=answer.usage.completion_tokens,
            cost=answer.cost,
            latency_ms=self.latency_ms(),
            overhead_ms=self.overhead_ms(),
            source=answer.source,
            config_hash=self.asked.config_hash,
            error=error,
        )


class ModelEntry(Entry):
    """A chat with a plain model: passed through, and written down all the same."""

    __slots__ = ("_call", "_finish", "_model", "_question", "_turns", "_usage")

    def __init__(self, asked: Asked, clock: Clock, model: Model) -> None:
        super().__init__(asked, clock)
        self._model = model
        self._call = asked.request.call(asked.id)
        self._question, self._turns = asked.request.said()
        self._usage = Usage()
        self._finish = "stop"

    def parts(self) -> AsyncGenerator[Part | Piece]:
        """The model's own bytes."""
        return closing(self._model.chat(self._call))

    def take(self, part: Part | Piece) -> bool:
        """Pieces pass until the one that is marked last; it and what follows wait."""
        assert isinstance(part, Piece)
        self.text += part.text
        self._usage = part.usage or self._usage
        self._finish = part.finish_reason or self._finish
        if not part.last and not self.held:
            return False
        self.held.append(part)
        model = self._model
        self.answer = Answer(
            self.text,
            1.0,
            model.name,
            usage=self._usage,
            cost=model.cost(self._usage),
            finish_reason=self._finish,
            source=model.source,
        )
        return True

    def row(self, status: str, error: str = "") -> LedgerRow:
        """The ledger row of a plain model's chat: no task, no ladder, nothing drawn."""
        usage, asked = self._usage, self.asked
        return LedgerRow(
            id=asked.id,
            at=asked.at,
            tenant=asked.tenant,
            task="",
            model=asked.request.model,
            text=self._question,
            turns=self._turns,
            answer=self.text,
            rung=self._model.name,
            confidence=1.0,
            status=status,
            stream=asked.request.stream,
            prompt_tokens=usage.prompt_tokens,
            completion_tokens=usage.completion_tokens,
            cost=self._model.cost(usage),
            latency_ms=self.latency_ms(),
            overhead_ms=self.overhead_ms(),
            source=self._model.source,
            config_hash=asked.config_hash,
            error=error,
        )
