"""A fitted model as a rung whose work is done in a few threads, so that the event loop goes on."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from time import perf_counter
from typing import Any, Generic, Protocol, TypeVar

from stepladder.core import Answer, Guess, Part, Question
from stepladder.models.look import Looking, likely

T = TypeVar("T")

_POOL = ThreadPoolExecutor(2, "stepladder-rung")  # more threads than engines would only wait for each other


class Predicting(Protocol):
    """A fitted model."""

    def predict(self, texts: Sequence[str]) -> list[Guess]: ...

    def explain(self, text: str, limit: int = 5) -> Sequence[object]: ...


M = TypeVar("M", bound=Predicting)


@dataclass(frozen=True, slots=True)
class OffLoopRung(Generic[M]):
    """A rung of a model whose answer takes milliseconds; what a guess is does not depend on its batch."""

    name: str
    release: str
    model: M

    async def answer(self, question: Question) -> AsyncIterator[Part]:
        """Yield one Answer. Raises RungFailed."""
        began = perf_counter()
        (guess,) = await off_loop(self.predict, [question])
        told = await off_loop(self._likely, question) if question.likely else ()
        spent = (perf_counter() - began) * 1000
        yield Answer(guess.text, guess.confidence, self.name, self.release, latency_ms=spent, likely=told)

    def _likely(self, question: Question) -> tuple[tuple[str, float], ...]:
        """The most probable answers, of a model whose confidence is the probability of a class."""
        model: object = self.model
        if not isinstance(model, Looking):
            return ()
        return likely(model.classes, model.look([question.text]).probabilities[0], question.likely or 0)

    def predict(self, questions: Sequence[Question]) -> list[Guess]:
        """What `answer` would say to each question. Raises RungFailed."""
        return self.model.predict([question.text for question in questions])

    def explain(self, question: Question, limit: int = 5) -> Sequence[object]:
        """What spoke for the answer, the strongest first. Raises RungFailed."""
        return self.model.explain(question.text, limit)


async def off_loop(work: Callable[..., T], *arguments: Any) -> T:
    """Run blocking work in one of a few threads."""
    return await asyncio.get_running_loop().run_in_executor(_POOL, work, *arguments)
