"""The Ladder: rungs, cheapest first, each believed from a confidence on. It is itself a Rung."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field, replace

from stepladder.core import (
    Answer,
    Climbed,
    Events,
    LadderExhausted,
    Part,
    Question,
    Rung,
    RungFailed,
    Task,
    Usage,
)
from stepladder.models.belief import Belief

_NOTHING = Usage()


@dataclass(frozen=True, slots=True)
class Climb:
    """What the rungs below the top said: `answer` where one is believed, `low` the surest guess of a learned rung.

    `usage` and `cost` are what those took that were asked and not believed: a small model has its price too.
    """

    answer: Answer | None
    low: Answer | None
    usage: Usage = field(default_factory=Usage)
    cost: float = 0.0

    def counted(self, answer: Answer) -> Answer:
        """The answer, with what was spent on the way up to it."""
        if not self.cost and self.usage == _NOTHING:
            return answer
        return replace(answer, usage=answer.usage + self.usage, cost=answer.cost + self.cost)

    def beside(self, answer: Answer) -> Answer:
        """Another's answer, with all that was spent here: what is believed here was not given."""
        found = self.counted(answer)
        if self.answer is None or not (self.answer.cost or self.answer.usage != _NOTHING):
            return found
        return replace(found, usage=found.usage + self.answer.usage, cost=found.cost + self.answer.cost)


class Ladder:
    """Rungs below the top, each believed as `thresholds` say (see Belief), and the top, which always is.

    Only RungFailed is caught on the way up.
    """

    __slots__ = ("_belief", "_events", "_release", "_rungs", "_task", "_top")

    def __init__(
        self,
        task: Task,
        rungs: Sequence[Rung],
        thresholds: Mapping[str, float] | Belief,
        top: Rung,
        *,
        release: str,
        events: Events,
    ) -> None:
        self._task = task
        self._rungs = tuple(rungs)
        self._belief = thresholds if isinstance(thresholds, Belief) else Belief(thresholds)
        self._top = top
        self._release = release
        self._events = events

    @property
    def name(self) -> str:
        """Always "ladder"."""
        return "ladder"

    @property
    def release(self) -> str:
        """The ladder release, "" where there is none."""
        return self._release

    async def answer(self, question: Question) -> AsyncIterator[Part]:
        """The lowest believed answer, else the top's parts. Raises LadderExhausted where the top fails."""
        climb = await self.climb(question)
        if climb.answer is not None:
            yield climb.counted(climb.answer)
            return
        try:
            async with aclosing(self._top.answer(question)) as parts:  # type: ignore[type-var]
                async for part in parts:
                    yield climb.counted(part) if isinstance(part, Answer) else part
        except RungFailed as error:
            self._events.emit(Climbed(self._task.name, self._top.name, 0.0, failed=error.code or ""))
            exhausted = LadderExhausted(
                f"No rung of {self._task.name!r} could answer: {error.message}", remedy=error.remedy
            )
            # What the upstream holds against us (429, 400) is not the caller's to mend.
            exhausted.status = error.status if error.status >= 500 else exhausted.status
            exhausted.retryable = error.retryable
            exhausted.retry_after = error.retry_after
            exhausted.usage, exhausted.cost = error.usage + climb.usage, error.cost + climb.cost
            raise exhausted from error

    async def climb(self, question: Question) -> Climb:
        """Ask the rungs below the top, in order, until one is believed."""
        low: Answer | None = None
        usage, cost = _NOTHING, 0.0
        for rung in self._rungs:
            try:
                said = await _whole(rung, question)
            except RungFailed as error:
                self._events.emit(Climbed(self._task.name, rung.name, 0.0, failed=error.code or ""))
                if error.cost or error.usage != _NOTHING:
                    usage, cost = usage + error.usage, cost + error.cost
                continue
            if said.confidence >= self._belief.needed(rung.name, said.text, question.tenant):
                return Climb(said, said, usage, cost)
            self._events.emit(Climbed(self._task.name, rung.name, said.confidence))
            if said.cost or said.usage != _NOTHING:
                usage, cost = usage + said.usage, cost + said.cost
            if rung.name in self._belief.thresholds and (low is None or said.confidence > low.confidence):
                low = said
        return Climb(None, low, usage, cost)


async def _whole(rung: Rung, question: Question) -> Answer:
    """The Answer at the end of the parts, which are read out: a generator left half-way would be a task to clean up."""
    answer: Answer | None = None
    async for part in rung.answer(question):
        if isinstance(part, Answer):
            answer = part
    if answer is None:
        raise RungFailed(rung.name, f"The rung {rung.name} ended without an answer.")
    return answer
