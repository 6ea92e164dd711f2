"""A chat model as the rung of a task: asked with the task's prompt, checked against its contract."""

import time
from collections.abc import AsyncIterator, Mapping
from contextlib import aclosing
from typing import Any

import msgspec

from stepladder.core import Answer, ChatCall, Delta, Model, Part, Question, RungFailed, Task, Usage
from stepladder.models.contract import parse_answer, prompt_for, response_format
from stepladder.models.tool_loop import chat_with

_BOUNDS = ("max_tokens", "max_completion_tokens")


class ChatRung:
    """A model that answers tasks by chat completions.

    Its confidence is 1: a top rung is what the promise is measured against, so there is nothing to be unsure of.
    """

    release = ""

    def __init__(self, model: Model, task: Task, extra: Mapping[str, Any]) -> None:
        self.name = model.name
        self._model = model
        self._task = task
        self._extra = extra

    async def answer(self, question: Question) -> AsyncIterator[Part]:
        """Ask the model; prose comes as deltas, labels and JSON whole. Raises RungFailed, with what the attempt took."""
        started = time.perf_counter()
        prose = not self._task.labels and self._task.schema is None
        text, usage, finish, writer = "", Usage(), "stop", self._model
        call, hands = self._call(question, stream=prose), question.hands
        asked = self._model.chat(call) if hands is None else chat_with(self._model, call, hands)
        async with aclosing(asked) as pieces:  # type: ignore[type-var]
            async for piece in pieces:
                text += piece.text
                usage = piece.usage or usage
                finish = piece.finish_reason or finish
                writer = piece.by or writer
                if prose and piece.text:
                    yield Delta(piece.text)
        cost = writer.cost(usage)
        try:
            said = text if prose else parse_answer(self._task, text, self.name)
        except RungFailed as error:
            error.usage, error.cost = usage, cost
            raise
        yield Answer(
            said,
            1.0,
            self.name,
            usage=usage,
            cost=cost,
            latency_ms=(time.perf_counter() - started) * 1000,
            finish_reason=finish,
        )

    def _call(self, question: Question, *, stream: bool) -> ChatCall:
        body: dict[str, Any] = {"messages": prompt_for(self._task, question), **self._extra}
        shape = response_format(self._task)
        if shape is not None:
            body.setdefault("response_format", shape)
        _bound(body, self._task.max_output_tokens, question.most_tokens)
        if stream:
            body["stream"] = True
        try:
            encoded = {name: msgspec.json.encode(value) for name, value in body.items()}
        except UnicodeEncodeError as error:
            raise RungFailed(
                self.name, "The question is no valid Unicode (half a surrogate pair).", retryable=False
            ) from error
        return ChatCall(
            question.id,
            encoded,
            stream,
            confidential=question.confidential,
            conversation=question.conversation or "",
        )


def _bound(body: dict[str, Any], declared: int | None, reserved: int | None) -> None:
    """Name the most tokens of the answer: as the model's table does, else the task; what is `reserved` is never exceeded."""
    named = body.keys() & _BOUNDS
    for name in named if reserved is not None else ():
        body[name] = min(body[name], reserved) if isinstance(body[name], int) else reserved
    most = reserved if declared is None else declared
    if most is not None and not named:
        body["max_tokens"] = most
