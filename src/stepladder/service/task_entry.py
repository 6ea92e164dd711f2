"""A task's question on its way up the ladder."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import replace
from typing import Any

import msgspec

from stepladder.core import (
    Answer,
    Check,
    Clock,
    DeadlineMissed,
    LadderExhausted,
    Part,
    Piece,
    Question,
    Reach,
    Rewrite,
    Task,
    TaskKind,
    Usage,
)
from stepladder.models import Climb, estimate_question
from stepladder.service.entry import Asked, Entry
from stepladder.service.likeness import Likeness, likeness
from stepladder.service.parts import before, closing
from stepladder.service.plan import OWNERS_WORD, UNSEEN, Plan, ServedTask
from stepladder.service.purse import MOST_TOKENS, WORDING, QuestionPurse
from stepladder.service.summing import parts_of
from stepladder.service.tools import QuestionHands
from stepladder.store import UNANSWERED, UNSUPPORTED, LedgerRow

_ANY = 1 << 62  # characters: it was not too long as it came


_WRITE = msgspec.msgpack.Encoder()
_READ = msgspec.msgpack.Decoder(tuple[Answer, Answer | None, bool])


class TaskEntry(Entry):
    """A task's question: the ladder climbs."""

    __slots__ = (
        "_alike",
        "_edits",
        "_likeness",
        "below",
        "cache_seconds",
        "low",
        "plan",
        "question",
        "served",
        "spent",
        "top",
    )

    def __init__(self, asked: Asked, clock: Clock, served: ServedTask, question: Question) -> None:
        super().__init__(asked, clock)
        self.served = served
        self.purse = QuestionPurse() if _asks_aside(served.task) else None
        self.question = self._bounded(question if self.purse is None else replace(question, purse=self.purse))
        self.hands = question.hands if isinstance(question.hands, QuestionHands) else None
        self.plan: Plan = served.plan(question)
        self.low: Answer | None = None
        self.below: Climb | None = None
        self.spent = (Usage(), 0.0)
        self.top = False
        self._edits = served.edits()  # before the answer: an edit meanwhile must not find it kept
        self.cache_seconds = 0.0 if question.confidential else served.task.cache_seconds
        self._likeness: Likeness | None = None
        self._alike = served.embedder is not None and not question.confidential

    @property
    def task(self) -> str:  # type: ignore[override]
        """The task's name."""
        return self.question.task

    @property
    def drafts(self) -> bool:  # type: ignore[override]
        """Whether its task puts what is not supported before a person."""
        task = self.served.task
        said = task.summary if task.kind is TaskKind.SUMMARY else task.knowledge
        return said.unsupported.reviewed

    @property
    def drawn(self) -> bool:
        """Whether this row belongs to the sample that was drawn without looking; the owner's word never does."""
        said = self.low if self.top else self.answer
        return self.plan.drawn and not (said is not None and said.rung == OWNERS_WORD)

    def put(self, texts: Sequence[str]) -> None:
        """The question says it too; which way it goes was decided before anyone looked at its text."""
        super().put(texts)
        was, asked = self.question, self.asked
        said = asked.request.question(
            self.served.task, id=was.id, tenant=asked.tenant, asked_at=was.asked_at, limit=_ANY
        )
        self.question = replace(said, hands=was.hands, most_tokens=was.most_tokens, purse=was.purse)

    def confide(self) -> None:
        """The question says it too, and which way it goes is chosen anew."""
        super().confide()
        self.question = replace(self.question, confidential=True)
        self.plan = self.served.plan(self.question)

    def refusal(self, said: str, seen: str = "") -> AsyncGenerator[Part | Piece]:
        """One answer. Where the top had begun to answer, that is paid for."""
        self.text = seen
        asked = self._unfinished("partial" if seen else "failed")
        return _one(replace(asked, text=said, finish_reason="content_filter"))

    @property
    def _most_written(self) -> int:
        return self.served.task.max_output_tokens or MOST_TOKENS

    def _bounded(self, question: Question) -> Question:
        """Where money is bounded: what a budget has reserved is all that may be written."""
        if not self.asked.tenant.budgeted or not self.served.dearest(Usage(0, MOST_TOKENS)):
            return question
        return replace(question, most_tokens=self._most_written)

    def most(self) -> tuple[Usage, float]:
        """What the top would need: whether it is asked is not known yet."""
        served, written = self.served, self._most_written
        read = self.asked.request.most_tokens(MOST_TOKENS)[0] + served.prompt_bytes
        usage = Usage(read, written) if self.hands is None else self.hands.most(read, written)
        parts = self._parts_at_most()
        if self.purse is None or not parts:
            return usage, served.dearest(usage)
        noted = Usage(read + parts * (served.prompt_bytes + WORDING), parts * written)
        self.purse.pot = served.dearest(noted)
        return usage + noted, served.dearest(usage) + self.purse.pot

    def _parts_at_most(self) -> int:
        """How many parts of the text a model is to read first, where that has to be known."""
        task = self.served.task
        if task.kind is not TaskKind.SUMMARY or not self.asked.tenant.budgeted:
            return 0
        return parts_of(task, self.question.text)

    def again(self, kept: Any) -> AsyncGenerator[Part | Piece]:
        """The whole answer at once, by whom it was said, for nothing."""
        said, self.low, self.top = kept
        self.cached = True
        return _one(replace(said, usage=Usage(), cost=0.0, latency_ms=0.0))

    def kept(self) -> tuple[Any, int]:
        """The answer, what the low rungs said, and whether it is the top's."""
        return (self.answer, self.low, self.top), 4 * len(self.text)

    @property
    def shareable(self) -> bool:
        """Not while this process knows better than the store what is to be said, nor before it has looked at documents."""
        edits, found, _ = self._edits
        return not edits and found != UNSEEN

    def frozen(self, kept: Any) -> bytes:
        """The answer, what the low rungs said, and whether it is the top's."""
        return _WRITE.encode(kept)

    def thawed(self, data: bytes) -> Any:
        """The same."""
        return _READ.decode(data)

    @property
    def confidential(self) -> bool:
        """As the question says, or its task, or its tenant."""
        return self.question.confidential

    @property
    def question_text(self) -> str:
        """The task's question."""
        return self.question.text

    def forget(self) -> None:
        """Neither to the same question nor to one that means the same."""
        self.cache_seconds, self._alike = 0.0, False

    def likeness(self) -> Likeness | None:
        """By tenant, task, version, guards, everything else that was sent along, and the gist of the text as guards left it."""
        served = self.served
        if self._alike and self._likeness is None and served.embedder is not None:
            kept = served.task.semantic_cache
            self._likeness = likeness(self.question, kept, served.embedder, self.version())
            self._alike = self._likeness is not None
        return self._likeness if self._alike else None

    def _version(self) -> str:
        return f"{self.asked.config_hash} {self.served.version} {self.plan.ladder_release} {self._edits}"

    def parts(self) -> AsyncGenerator[Part | Piece]:
        """Low rungs first: their answer where it is believed, else the top's.

        Where the top's does not come before the deadline, the surest low answer goes out in its place, marked, and the
        audit counts it for what it is. Raises DeadlineMissed where there is none, or words of the top are out already.
        """
        if self.question.deadline_ms is None:
            return self._parts()
        return self._in_time((self.question.deadline_ms - self.latency_ms()) / 1000)

    async def _in_time(self, seconds: float) -> AsyncGenerator[Part | Piece]:
        try:
            async with aclosing(before(self._parts(), seconds)) as parts:
                async for part in parts:
                    yield part
        except DeadlineMissed:
            if self.low is None or self.plan.ladder is None or self.text:
                raise
            asked = self._unfinished("partial")  # the top may well send its bill
            yield replace(self.low, below_promise=True, usage=asked.usage, cost=asked.cost)

    async def _parts(self) -> AsyncGenerator[Part | Piece]:
        if self.plan.ladder is not None:
            climb = await self.plan.ladder.climb(self.question)
            self.low, self.below = climb.low, climb
            if climb.answer is not None:
                yield climb.counted(climb.answer)
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
                    if isinstance(part, Answer):
                        yield await self._with_low(part, low)
                    else:
                        yield part
        except LadderExhausted as error:
            self.spent = (error.usage, error.cost)
            raise
        finally:
            if low is not None:
                low.cancel()

    async def _with_low(self, answer: Answer, beside: asyncio.Future[Climb] | None) -> Answer:
        """The top's answer with what the low rungs took, who were asked before it or beside it."""
        if beside is not None:
            climb = await beside
            self.low = climb.low
            return climb.beside(answer)
        return answer if self.below is None else self.below.counted(answer)

    def take(self, part: Part | Piece) -> bool:
        """Deltas pass; the Answer is the last part and waits."""
        if isinstance(part, Answer):
            self.answer, self.text = part, part.text
            if part.stands_in or part.below_promise:
                self.forget()  # neither is what was meant to be said
            self.held.append(part)
            return True
        self.text += part.text
        return False

    def row(self, status: str, error: str = "") -> LedgerRow:
        """The ledger row of a task's question."""
        question, low = self.question, self.low
        answer = self.answer or self._unfinished(status)
        subject, training = self.about()
        return LedgerRow(
            id=question.id,
            at=question.asked_at,
            tenant=question.tenant,
            task=question.task,
            model=self.served.task.teacher,
            text=question.text,
            fields=question.fields,
            turns=question.turns,
            answer=answer.text,
            rung=answer.rung,
            release=answer.release,
            ladder_release=self.plan.ladder_release,
            confidence=answer.confidence,
            top=self.top and not (answer.stands_in or answer.below_promise),
            drawn=self.drawn,
            low_answer=low.text if low else None,
            low_rung=low.rung if low else None,
            low_confidence=low.confidence if low else None,
            status=status,
            stream=self.asked.request.stream,
            prompt_tokens=answer.usage.prompt_tokens,
            completion_tokens=answer.usage.completion_tokens,
            cost=answer.cost + self.guarding_cost,
            latency_ms=self.latency_ms(),
            overhead_ms=self.overhead_ms(),
            source="cache" if self.cached else answer.source,
            config_hash=self.asked.config_hash,
            error=error or _noted(answer),
            key=self.asked.tenant.key,
            estimated=answer.usage.estimated,
            grounds=msgspec.json.encode(answer.grounds).decode() if answer.grounds else "",
            conversation=question.conversation or "",
            confidential=question.confidential,
            remarks=self.remarks,
            subject=subject,
            training=training,
            tools=self.tools_used(),
            parent=self.asked.request.parent,
        )

    def _unfinished(self, status: str) -> Answer:
        """What there is of an answer that did not come to its end, and what it has taken as far as can be told."""
        rung, (usage, cost) = self.plan.top.name if self.top else "", self.spent
        if self.top and usage == Usage() and (self.text or status == "partial"):
            usage = estimate_question(self.question, self.served.task.prompt, self.text)
            usage = usage if self.hands is None else self.hands.spent + usage
            cost = self.served.cost(usage)
        if self.purse is not None:
            aside, price = self.purse.take()
            usage, cost = usage + aside, cost + price
        unfinished = Answer(self.text, 0.0, rung, usage=usage, cost=cost)
        return unfinished if self.below is None else self.below.counted(unfinished)


def _asks_aside(task: Task) -> bool:
    """Whether models are asked for more than the answer."""
    knows = task.knowledge
    return task.kind is TaskKind.SUMMARY or knows.check is Check.MODEL or knows.rewrite is Rewrite.MODEL


def _noted(answer: Answer) -> str:
    """What the ledger is to remember of an answer that went out."""
    grounds = answer.grounds
    if grounds is not None and (grounds.refused or grounds.review):
        return UNANSWERED if grounds.refused else UNSUPPORTED
    return "below_promise" if answer.below_promise else ""


async def _one(part: Answer) -> AsyncGenerator[Part | Piece]:
    yield part
