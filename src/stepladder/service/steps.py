"""A plan on its way: its steps are questions of their own, each with its ladder, its bill and its row in the ledger.

The last step that speaks is answered to the client as it comes, where no other may follow; its question is the request's.
"""

from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass, field, replace
from time import perf_counter

import msgspec

from stepladder.core import (
    PLACE,
    BadRequest,
    DeadlineMissed,
    LadderExhausted,
    Part,
    Piece,
    PlanConfig,
    RungFailed,
    Step,
    StepladderError,
)
from stepladder.service.entry import Entry
from stepladder.service.request import CHAT, ChatRequest, question_of

Parts = AsyncGenerator[Part | Piece]


@dataclass(slots=True)
class Done:
    """What became of a step: who answered, after how many milliseconds the first of it came and the last, and its cost.

    `total_ms` is None while it is still answering.
    """

    step: str
    use: str
    entry: Entry
    first_ms: float
    begun: float
    total_ms: float | None = None

    def __str__(self) -> str:
        answer = self.entry.answer
        facts = [f"{self.step}={self.use}", f"first_ms={self.first_ms:.1f}"]
        if self.total_ms is not None:
            facts.append(f"ms={self.total_ms:.1f}")
        if answer is not None:
            facts += [f"rung={answer.rung}", f"cost={answer.cost:.8f}"]
        return ";".join([*facts, f"id={self.entry.asked.id}"])


@dataclass(slots=True)
class Course:
    """A plan for one request. `admit` and `answer` are the gateway's: every step goes the whole way through the house."""

    plan: PlanConfig
    request: ChatRequest
    admit: Callable[[ChatRequest], Entry]
    answer: Callable[[Entry], Parts]
    done: list[Done] = field(default_factory=list)
    answers: dict[str, str] = field(default_factory=dict)

    async def lead(self) -> Entry:
        """Do the steps: the question that answers the request, its parts begun. Raises what the failing step raised."""
        if self.request.route != CHAT:
            raise BadRequest(
                f"A plan has no {self.request.route}.", param="model", remedy="Name a model of that kind."
            )
        entry, parts = await self._steps()
        entry.begun, entry.steps = parts, steps_shown(self.done)
        return entry

    async def _steps(self) -> tuple[Entry, Parts]:
        spoken: tuple[Entry, list[Part | Piece]] | None = None
        for at, step in enumerate(self.plan.steps):
            if not self._wanted(step) or (step.otherwise and spoken is not None):
                continue
            done, first, parts = await self._begin(step)
            if not step.quiet and not self._may_follow(at):
                return done.entry, self._live(done, first, parts)
            whole = [first, *[part async for part in parts]]
            done.total_ms = (perf_counter() - done.begun) * 1000
            self.answers[step.name] = done.entry.answer.text if done.entry.answer else done.entry.text
            if not step.quiet:
                spoken = done.entry, whole
        assert spoken is not None  # the configuration has a step that speaks in any case
        return spoken[0], _again(spoken[1])

    def _wanted(self, step: Step) -> bool:
        return all(self.answers.get(name, "") in words for name, words in step.when.items())

    def _may_follow(self, at: int) -> bool:
        """Whether a later step will be done, or may be: it goes by an answer that is not there yet."""
        decided = {step.name for step in self.plan.steps[:at]}
        return any(
            all(
                name not in decided or self.answers.get(name, "") in words
                for name, words in step.when.items()
            )
            for step in self.plan.steps[at + 1 :]
            if not step.otherwise
        )

    async def _begin(self, step: Step) -> tuple[Done, Part | Piece, Parts]:
        """Ask until one begins to answer. Raises what the last one raised."""
        failed: StepladderError | None = None
        begun = perf_counter()
        for use in (step.use, *step.fallback):
            try:
                entry = self.admit(self._asked(step, use))
                parts = self.answer(entry)
                first = await anext(parts)
            except (RungFailed, LadderExhausted, DeadlineMissed) as error:
                failed = error
                continue
            done = Done(step.name, use, entry, (perf_counter() - begun) * 1000, begun)
            self.done.append(done)
            return done, first, parts
        assert failed is not None
        raise failed

    def _asked(self, step: Step, use: str) -> ChatRequest:
        """The request as this step puts it."""
        request = self.request
        body = {**request.body, "model": msgspec.Raw(msgspec.json.encode(use))}
        if step.quiet:
            body = {name: value for name, value in body.items() if name not in ("stream", "stream_options")}
            if "stepladder" in body:  # what is only thought is no part of the conversation
                extra = msgspec.json.decode(body["stepladder"]) or {}
                extra.pop("conversation", None)
                body["stepladder"] = msgspec.Raw(msgspec.json.encode(extra))
        messages = request.messages
        if step.prompt:
            at, said = question_of(request)
            text = PLACE.sub(lambda place: {**self.answers, "question": said}.get(place[1], ""), step.prompt)
            asked = msgspec.Raw(msgspec.json.encode({"role": "user", "content": text}))
            messages = (*messages[:at], asked)
            body["messages"] = msgspec.Raw(b"[" + b",".join(map(bytes, messages)) + b"]")
        return replace(
            request,
            model=use,
            body=body,
            messages=messages,
            stream=request.stream and not step.quiet,
            wants_usage=request.wants_usage and not step.quiet,
            data=msgspec.json.encode(body),
        )

    async def _live(self, done: Done, first: Part | Piece, parts: Parts) -> Parts:
        try:
            yield first
            async for part in parts:
                yield part
            done.total_ms = (perf_counter() - done.begun) * 1000
        finally:
            await parts.aclose()


def steps_shown(done: list[Done]) -> str:
    """The steps as a header has them."""
    return ", ".join(map(str, done))


async def _again(parts: list[Part | Piece]) -> Parts:
    for part in parts:
        yield part
