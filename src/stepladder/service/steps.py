"""A plan on its way: its steps are questions of their own, each with its ladder, its bill and its row in the ledger.

The last step that speaks is answered to the client as it comes, where no other may follow; its question is the request's.
"""

import asyncio
from collections.abc import AsyncGenerator, Callable, Coroutine, Iterable, Mapping
from dataclasses import dataclass, field, replace
from time import perf_counter
from typing import Any

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
    Split,
    Step,
    StepladderError,
    Task,
)
from stepladder.service.dividing import SubQuestion, composed, parts_of, shape, told
from stepladder.service.entry import Entry
from stepladder.service.request import CHAT, ChatRequest, question_of, words_only

Parts = AsyncGenerator[Part | Piece]
_FAILURES = (RungFailed, LadderExhausted, DeadlineMissed)
_SPOKEN = (
    *("stream", "stream_options", "n", "stop", "logprobs", "top_logprobs", "response_format", "audio"),
    *("tools", "tool_choice", "parallel_tool_calls", "functions", "logit_bias", "web_search_options"),
)
"""What the caller wishes of the answer that it gets; what is only thought is not that."""
_KEPT = ("model", "stepladder", "user", "safety_identifier")


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

    @property
    def text(self) -> str:
        """What was said."""
        return self.entry.answer.text if self.entry.answer else self.entry.text

    def __str__(self) -> str:
        answer = self.entry.answer
        facts = [f"{self.step}={self.use}", f"first_ms={self.first_ms:.1f}"]
        if self.total_ms is not None:
            facts.append(f"ms={self.total_ms:.1f}")
        if answer is not None:
            facts += [f"rung={answer.rung}", f"cost={answer.cost:.8f}"]
        return ";".join([*facts, f"id={self.entry.asked.id}"])


@dataclass(slots=True)
class Begun:
    """A step whose answer has begun."""

    done: Done
    first: Part | Piece
    parts: Parts

    async def whole(self) -> list[Part | Piece]:
        """All of it."""
        found = [self.first, *[part async for part in self.parts]]
        self.done.total_ms = (perf_counter() - self.done.begun) * 1000
        return found

    async def live(self) -> Parts:
        """As it comes."""
        try:
            yield self.first
            async for part in self.parts:
                yield part
            self.done.total_ms = (perf_counter() - self.done.begun) * 1000
        finally:
            await self.parts.aclose()


@dataclass(slots=True)
class Course:
    """A plan for one request. `admit` and `answer` are the gateway's: every step goes the whole way through the house.

    `tasks` are those of the configuration; `at_once` is how many questions the tenant may have under way, None for any.
    """

    plan: PlanConfig
    request: ChatRequest
    admit: Callable[[ChatRequest], Entry]
    answer: Callable[[Entry], Parts]
    tasks: Mapping[str, Task] = field(default_factory=dict)
    at_once: int | None = None
    done: list[Done] = field(default_factory=list)
    answers: dict[str, str] = field(default_factory=dict)
    parent: str = ""
    confidential: bool = False

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
            begun = await self._begin(step)
            if not step.quiet and not self._may_follow(at):
                return begun.done.entry, begun.live()
            whole = await begun.whole()
            self.answers[step.name] = begun.done.text
            if not step.quiet:
                spoken = begun.done.entry, whole
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

    async def _begin(self, step: Step) -> Begun:
        """Ask until one begins to answer: the expert or who is there in any case, then the fallbacks."""
        expert = step.experts.get(self.answers.get(step.by, ""), step.use)
        if not step.split.tasks:
            return await self._first(step.name, [self._asked(step, use) for use in (expert, *step.fallback)])
        try:
            return await self._divided(step, expert)
        except _FAILURES:
            if not step.fallback:
                raise
        return await self._first(step.name, [self._asked(step, use) for use in step.fallback])

    async def _first(self, name: str, asks: Iterable[ChatRequest], *, whole: bool = False) -> Begun:
        """The first that begins to answer, or that has answered as a `whole`. Raises what the last one raised."""
        failed: StepladderError | None = None
        started = perf_counter()
        for request in asks:
            try:
                mine = self.confidential or request.confidential
                entry = self.admit(replace(request, parent=self.parent, confidential=mine))
                self.parent = self.parent or entry.id
                parts = self.answer(entry)
                first = await anext(parts)
                self.confidential = self.confidential or entry.confidential  # what follows is so too
                done = Done(name, request.model, entry, (perf_counter() - started) * 1000, started)
                begun = Begun(done, first, parts)
                if whole:
                    await begun.whole()
            except _FAILURES as error:
                failed = error
                continue
            self.done.append(done)
            return begun
        assert failed is not None
        raise failed

    async def _divided(self, step: Step, use: str) -> Begun:
        """The question broken down, its parts answered side by side, and put together; asked as it is if that cannot be."""
        split, asked = step.split, self._asked(step, use)
        at, question = question_of(asked)
        ask = self._thought(
            use, (*asked.messages[:at], _user(told(split, self.tasks, question))), shape(split)
        )
        breaking = await self._first(f"{step.name}.split", [ask], whole=True)
        parts = parts_of(breaking.done.text, split)
        if not parts:
            return await self._first(step.name, [asked])
        room = asyncio.Semaphore(min(split.at_once, self.at_once or split.at_once))
        said = await _together(
            self._part(f"{step.name}.{number}", part, split, room) for number, part in enumerate(parts, 1)
        )
        text = composed(question, list(zip(parts, said, strict=True)))
        whole = _put(asked, (*asked.messages[:at], _user(text), *asked.messages[at + 1 :]))
        return await self._first(step.name, [_to(whole, split.compose or use)])

    async def _part(self, name: str, part: SubQuestion, split: Split, room: asyncio.Semaphore) -> str:
        """A part's answer, by its task or a fallback."""
        async with room:
            uses = dict.fromkeys((part.task, *split.fallback))
            asks = [self._thought(use, (_user(part.question),)) for use in uses]
            return (await self._first(name, asks, whole=True)).done.text

    def _asked(self, step: Step, use: str) -> ChatRequest:
        """The request as this step puts it."""
        request = replace(self.request, tools=step.tools)
        messages = request.messages
        if step.quiet:
            body = {name: value for name, value in request.body.items() if name not in _SPOKEN}
            request = replace(request, body=_unspoken(body), stream=False, wants_usage=False)
            messages = tuple(map(words_only, messages)) if use in self.tasks else messages
        if step.prompt:
            at, said = question_of(request)
            text = PLACE.sub(lambda place: {**self.answers, "question": said}.get(place[1], ""), step.prompt)
            messages = (*messages[:at], _user(text))
        return _to(_put(request, messages), use)

    def _thought(
        self, use: str, messages: tuple[msgspec.Raw, ...], form: Mapping[str, Any] | None = None
    ) -> ChatRequest:
        """A question of the plan's own: of the request it has only for whom it is, and what holds for all of it."""
        body = {name: value for name, value in self.request.body.items() if name in _KEPT}
        if form is not None:
            body["response_format"] = msgspec.Raw(msgspec.json.encode(form))
        request = replace(self.request, body=_unspoken(body), stream=False, wants_usage=False)
        return _to(_put(request, messages), use)


def _user(text: str) -> msgspec.Raw:
    return msgspec.Raw(msgspec.json.encode({"role": "user", "content": text}))


def _put(request: ChatRequest, messages: tuple[msgspec.Raw, ...]) -> ChatRequest:
    """The same with other messages."""
    whole = msgspec.Raw(b"[" + b",".join(map(bytes, messages)) + b"]")
    return replace(request, messages=messages, body={**request.body, "messages": whole})


def _to(request: ChatRequest, use: str) -> ChatRequest:
    """The same to somebody; what is sent is written anew."""
    body = {**request.body, "model": msgspec.Raw(msgspec.json.encode(use))}
    return replace(request, model=use, body=body, data=msgspec.json.encode(body))


def _unspoken(body: dict[str, msgspec.Raw]) -> dict[str, msgspec.Raw]:
    """What is only thought is no part of the conversation."""
    if "stepladder" not in body:
        return body
    extra = msgspec.json.decode(body["stepladder"]) or {}
    extra.pop("conversation", None)
    return {**body, "stepladder": msgspec.Raw(msgspec.json.encode(extra))}


async def _together(asked: Iterable[Coroutine[Any, Any, str]]) -> list[str]:
    """What all of them said, in order. Where one fails, so does this, and the others are cancelled."""
    running = [asyncio.ensure_future(one) for one in asked]
    try:
        return await asyncio.gather(*running)
    finally:
        for one in running:
            one.cancel()
        await asyncio.gather(*running, return_exceptions=True)


def steps_shown(done: list[Done]) -> str:
    """The steps as a header has them."""
    return ", ".join(map(str, done))


async def _again(parts: list[Part | Piece]) -> Parts:
    for part in parts:
        yield part
