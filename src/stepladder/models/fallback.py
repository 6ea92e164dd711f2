"""A model with others behind it: where it cannot answer, the next one is asked. It is itself a Model."""

from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import replace
from typing import TypeVar

from stepladder.core import (
    Answer,
    BadRequest,
    ChatCall,
    Config,
    Forwards,
    Model,
    Part,
    Piece,
    Question,
    Rung,
    RungFailed,
    Task,
    Usage,
    is_private,
)
from stepladder.models.heard import Heard

T = TypeVar("T")


def with_fallbacks(config: Config, models: Mapping[str, Model]) -> dict[str, Model]:
    """The models of a configuration, each with its `fallback` behind it. A fallback's own fallback is not asked."""
    chained: dict[str, Model] = {}
    for name, model in models.items():
        behind = config.models[name].fallback if name in config.models else ()
        chained[name] = FallbackModel([model, *(models[other] for other in behind)]) if behind else model
    return chained


class FallbackModel:
    """The first of `models`, under its name. Only before anything was said is the next one asked.

    What another one wrote says so: pieces in `by`, answers in `stands_in`. A confidential question goes to the private ones
    only. The models themselves are opened and closed by whoever made them.
    """

    def __init__(self, models: Sequence[Model]) -> None:
        self._models = tuple(models)
        self._first = models[0]

    @property
    def name(self) -> str:
        """The first one's."""
        return self._first.name

    @property
    def source(self) -> str:
        """The first one's; what another one wrote says whose it is."""
        return self._first.source

    @property
    def private(self) -> bool:
        """Whether there is one that may see confidential questions."""
        return any(map(is_private, self._models))

    @property
    def uses_tools(self) -> bool:
        """Whether each of them does, as a task's rung."""
        return all(getattr(model, "uses_tools", False) for model in self._models)

    @property
    def heard(self) -> Heard:
        """What the first one says of its version."""
        return getattr(self._first, "heard", None) or Heard()

    def cost(self, usage: Usage) -> float:
        """What so many tokens of the first one cost."""
        return self._first.cost(usage)

    async def chat(self, call: ChatCall) -> AsyncGenerator[Piece]:
        """The pieces of the first one that begins to answer. Raises what the last one that was asked raised."""
        for model, last in _each(self._able(call)):
            begun = False
            try:
                pieces = model.chat(call) if call.route == "chat/completions" else _forward(model, call)
                async with aclosing(pieces) as parts:  # type: ignore[type-var]
                    async for piece in parts:
                        begun = begun or not piece.idle
                        yield piece if model is self._first else replace(piece, by=model)
                return
            except RungFailed as error:
                if begun or last or not error.elsewhere:
                    raise

    def forward(self, call: ChatCall) -> AsyncGenerator[Piece]:
        """The same for other endpoints, among the models that have them. Raises BadRequest where none has."""
        return self.chat(call)

    def rung(self, task: Task) -> "FallbackRung":
        """The models as one rung of a task."""
        return FallbackRung([(model.rung(task), is_private(model)) for model in self._models])

    async def close(self) -> None:
        """Nothing of its own."""

    def _able(self, call: ChatCall) -> Sequence[Model]:
        models = [model for model in self._models if not call.confidential or is_private(model)]
        if call.route == "chat/completions":
            return models or [self._first]  # which refuses
        able = [model for model in models if isinstance(model, Forwards)]
        if not able:
            raise BadRequest(
                f"{self.name!r} has no {call.route}.", param="model", remedy="Ask another model."
            )
        return able


class FallbackRung:
    """The models' rungs. Only the first one's answers are the top rung's word: see `Answer.stands_in`."""

    release = ""

    def __init__(self, rungs: Sequence[tuple[Rung, bool]]) -> None:
        self._rungs = tuple(rungs)
        self.name = rungs[0][0].name

    async def answer(self, question: Question) -> AsyncIterator[Part]:
        """The first answer there is, what failed attempts took added to its bill. Raises RungFailed, the last one."""
        usage, cost = Usage(), 0.0
        rungs = [rung for rung, private in self._rungs if private or not question.confidential]
        for rung, last in _each(rungs or [self._rungs[0][0]]):  # which refuses
            begun = False
            try:
                async with aclosing(rung.answer(question)) as parts:  # type: ignore[type-var]
                    async for part in parts:
                        begun = True
                        yield (
                            replace(
                                part,
                                usage=usage + part.usage,
                                cost=cost + part.cost,
                                stands_in=rung is not self._rungs[0][0],
                            )
                            if isinstance(part, Answer)
                            else part
                        )
                return
            except RungFailed as error:
                usage, cost = usage + error.usage, cost + error.cost
                error.usage, error.cost = usage, cost
                if begun or last or not error.elsewhere:
                    raise


def _forward(model: Model, call: ChatCall) -> AsyncIterator[Piece]:
    assert isinstance(model, Forwards)
    return model.forward(call)


def _each(items: Sequence[T]) -> Iterator[tuple[T, bool]]:
    """Each item, and whether it is the last."""
    return ((item, at == len(items) - 1) for at, item in enumerate(items))
