"""One question on its way: what was asked, what has come back so far, and the ledger row that this makes."""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass, replace
from hashlib import blake2b
from random import getrandbits
from typing import Any

from stepladder.core import (
    Answer,
    Answered,
    Clock,
    LadderExhausted,
    Model,
    ModelConfig,
    Part,
    Piece,
    Question,
    Reach,
    Tenant,
    Usage,
)
from stepladder.service.parts import before, closing
from stepladder.service.plan import OWNERS_WORD, Plan, ServedTask, Snapshot
from stepladder.service.request import ChatRequest
from stepladder.store import LedgerRow


@dataclass(frozen=True, slots=True)
class Asked:
    """What is known at the door. `at` is Unix seconds, `started` monotonic seconds."""

    id: str
    tenant: Tenant
    request: ChatRequest
    at: float
    started: float
    config_hash: str


MOST_TOKENS = 4096
"""Of an answer, where neither the caller nor the configuration names a bound."""


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
        "cached",
        "held",
        "settled",
        "text",
    )

    task = ""
    top = False
    cache_seconds = 0.0

    def __init__(self, asked: Asked, clock: Clock) -> None:
        self.asked = asked
        self.answer: Answer | None = None
        self.cached = False
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
    def most(self) -> tuple[Usage, float]:
        """The most tokens that it may take to read and to answer this, and what they cost."""

    @abstractmethod
    def again(self, kept: Any) -> AsyncGenerator[Part | Piece]:
        """The parts of an answer that was given before, as `kept` had it."""

    @abstractmethod
    def kept(self) -> tuple[Any, int]:
        """What of this answer is worth keeping, and about how many bytes that takes."""

    def key(self) -> bytes | None:
        """Names everything that the answer depends on; None where answers are not kept."""
        request = self.asked.request
        if not self.cache_seconds or not request.data:
            return None
        tenant, version = self.asked.tenant.name, self._version()
        head = f"{len(tenant)} {tenant}\0{len(version)} {version}\0{request.model}\0".encode(
            "utf-8", "surrogatepass"
        )
        return blake2b(head + request.data, digest_size=24).digest()

    def _version(self) -> str:
        return self.asked.config_hash

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
        return Answered(
            self.task, model, self.answer, status, self.latency_ms(), overhead, self.top, self.cached
        )


class TaskEntry(Entry):
    """A task's question: the ladder climbs."""

    __slots__ = ("cache_seconds", "low", "plan", "question", "served", "top")

    def __init__(self, asked: Asked, clock: Clock, served: ServedTask, question: Question) -> None:
        super().__init__(asked, clock)
        self.served = served
        self.question = question
        self.plan: Plan = served.plan(question)
        self.low: Answer | None = None
        self.top = False
        self.cache_seconds = 0.0 if question.confidential else served.task.cache_seconds

    @property
    def task(self) -> str:  # type: ignore[override]
        """The task's name."""
        return self.question.task

    @property
    def drawn(self) -> bool:
        """Whether this row belongs to the sample that was drawn without looking; the owner's word never does."""
        said = self.low if self.top else self.answer
        return self.plan.drawn and not (said is not None and said.rung == OWNERS_WORD)

    def most(self) -> tuple[Usage, float]:
        """What the top would need: whether it is asked is not known yet."""
        served = self.served
        read, written = self.asked.request.most_tokens(MOST_TOKENS)
        usage = Usage(read + served.prompt_bytes, served.task.max_output_tokens or written)
        return usage, served.price(usage) if served.price is not None else 0.0

    def again(self, kept: Any) -> AsyncGenerator[Part | Piece]:
        """The whole answer at once, by whom it was said, for nothing."""
        said, self.low, self.top = kept
        self.cached = True
        return _one(replace(said, usage=Usage(), cost=0.0, latency_ms=0.0))

    def kept(self) -> tuple[Any, int]:
        """The answer, what the low rungs said, and whether it is the top's."""
        return (self.answer, self.low, self.top), 4 * len(self.text)

    def _version(self) -> str:
        return f"{self.asked.config_hash} {self.served.version} {self.plan.ladder_release}"

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
        service = self.asked.tenant.service
        if service.rungs is Reach.LOW:
            raise LadderExhausted(
                f"The low rungs of {self.task!r} are not sure, and the class {service.name!r} has no other.",
                remedy="Ask in another class of service.",
            )
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
            source="cache" if self.cached else answer.source,
            config_hash=self.asked.config_hash,
            error=error,
            key=self.asked.tenant.key,
        )


class ModelEntry(Entry):
    """A chat with a plain model: passed through, and written down all the same."""

    __slots__ = (
        "_call",
        "_config",
        "_finish",
        "_model",
        "_pieces",
        "_question",
        "_turns",
        "_usage",
        "cache_seconds",
    )

    def __init__(self, asked: Asked, clock: Clock, model: Model, config: ModelConfig | None) -> None:
        super().__init__(asked, clock)
        self._model = model
        self._config = config or _PLAIN
        self.cache_seconds = self._config.cache_seconds
        self._pieces: list[Piece] = []
        self._call = asked.request.call(asked.id, self._config.max_output_tokens)
        self._question, self._turns = asked.request.said()
        self._usage = Usage()
        self._finish = "stop"

    def most(self) -> tuple[Usage, float]:
        """As many tokens as the request has bytes, and as many as it or the configuration allows the answer."""
        usage = Usage(*self.asked.request.most_tokens(self._config.max_output_tokens or MOST_TOKENS))
        return usage, self._model.cost(usage)

    def again(self, kept: Any) -> AsyncGenerator[Part | Piece]:
        """The same pieces."""
        self.cached = True
        return _all(kept)

    def kept(self) -> tuple[Any, int]:
        """The pieces."""
        return tuple(self._pieces), sum(len(piece.data) + 2 * len(piece.text) + 200 for piece in self._pieces)

    def parts(self) -> AsyncGenerator[Part | Piece]:
        """The model's own bytes."""
        return closing(self._model.chat(self._call))

    def take(self, part: Part | Piece) -> bool:
        """Pieces pass until the one that is marked last; it and what follows wait."""
        assert isinstance(part, Piece)
        self.text += part.text
        self._usage = part.usage or self._usage
        self._finish = part.finish_reason or self._finish
        if self.cache_seconds:
            self._pieces.append(part)
        if not part.last and not self.held:
            return False
        self.held.append(part)
        model = self._model
        self.answer = Answer(
            self.text,
            1.0,
            model.name,
            usage=self._usage,
            cost=0.0 if self.cached else model.cost(self._usage),
            finish_reason=self._finish,
            source=model.source,
        )
        return True

    def row(self, status: str, error: str = "") -> LedgerRow:
        """The ledger row of a plain model's chat: no task, no ladder, nothing drawn."""
        usage, asked = Usage() if self.cached else self._usage, self.asked
        return LedgerRow(
            id=asked.id,
            at=asked.at,
            tenant=asked.tenant.name,
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
            source="cache" if self.cached else self._model.source,
            config_hash=asked.config_hash,
            error=error,
            key=asked.tenant.key,
        )


_PLAIN = ModelConfig("", {})


def enter(snapshot: Snapshot, request: ChatRequest, tenant: Tenant, clock: Clock) -> Entry:
    """A question on its way to what its `model` names. Raises BadRequest; UnknownModel, when that is nothing we have."""
    served, at, config = snapshot.find(request.model), clock.time(), snapshot.config
    asked = Asked(
        f"sl{int(at * 1000):012x}{getrandbits(80):020x}", tenant, request, at, clock.monotonic(), config.hash
    )
    if isinstance(served, ServedTask):
        limit = config.server.max_text_chars
        question = request.question(served.task, id=asked.id, tenant=tenant, asked_at=at, limit=limit)
        return TaskEntry(asked, clock, served, question)
    return ModelEntry(asked, clock, served, config.models.get(request.model))


async def _one(part: Answer) -> AsyncGenerator[Part | Piece]:
    yield part


async def _all(parts: tuple[Piece, ...]) -> AsyncGenerator[Part | Piece]:
    for part in parts:
        yield part
