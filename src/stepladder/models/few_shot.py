"""The `chat` rung: a small chat model shown the examples that are most like the question, and how sure to be of it.

The nearest examples stand before the question as earlier turns, the most like it last (Liu et al. 2022, arXiv 2101.06804,
"What makes good in-context examples"). The confidence is read from how many of them agree with the answer, from the
model's own confidence where it has one (a local model's odds), and from how near they are. The model is opened from
settings that the artefact holds, secrets as `env:NAME`; it lives in an event loop of its own.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from time import perf_counter
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from stepladder.core import (
    Answer,
    DataError,
    Guess,
    Model,
    Part,
    Question,
    Rung,
    RungFailed,
    Task,
    Turn,
    is_private,
)
from stepladder.models.artefact import Artefact, usable
from stepladder.models.aside import AsideModel
from stepladder.models.embedded import Remembering, embedder_of
from stepladder.models.neighbours import Floats, Neighbour, centred
from stepladder.models.off_loop import off_loop

FORMAT = 1
"""Version of the artefact; a folder of another version is refused."""

FEATURES = 3
_AT_ONCE = 4  # questions of a batch
_TENSORS = dict.fromkeys(("centre", "vectors"), np.float32) | dict.fromkeys(("weights",), np.float64)


@dataclass(frozen=True, slots=True, eq=False)
class Shelf:
    """The examples: their `ids`, `texts`, `labels` and centred unit `vectors` (examples, dimensions)."""

    ids: tuple[str, ...]
    texts: tuple[str, ...]
    labels: tuple[str, ...]
    embedder: Remembering
    settings: Mapping[str, Any]
    centre: Floats
    vectors: Floats

    def nearest(self, text: str, count: int, *, without: int = -1) -> list[tuple[int, float]]:
        """Numbers and cosines of the examples most like the text, nearest first; `without` leaves out one."""
        likeness = self.vectors @ centred(self.embedder.embed([text]), self.centre)[0]
        order = np.argsort(-likeness, kind="stable")[: count + 1]
        return [(k, float(likeness[k])) for k in order.tolist() if k != without][:count]


Shots = Sequence[tuple[int, float]]
"""Numbers of examples and how like the question they are (cosines), nearest first."""


@dataclass(frozen=True, slots=True)
class Said:
    """What the model answered, shown these `shots`."""

    answer: Answer
    shots: Shots


@dataclass(frozen=True, slots=True, eq=False)
class FewShotModel:
    """A model's `settings` (its table), how many `shots` it is shown, and from what they are taken.

    The chance that an answer is right is 1 / (1 + exp(-(weights . features + bias))), weights (3,).
    """

    task: Task
    settings: Mapping[str, Any]
    shots: int
    shelf: Shelf
    weights: NDArray[np.float64]
    bias: float
    _aside: AsideModel = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_aside", AsideModel("recipes.chat.model", self.settings))
        if self.weights.shape != (FEATURES,):
            raise DataError("chat model: its parts do not fit together.", remedy="Fit it again.")

    def begin(
        self, questions: Sequence[Question], without: Sequence[int] = ()
    ) -> "Future[list[Said | None]]":
        """Begin to ask, a few at once; of each, what was said, or None where the model failed."""
        left = list(without) or [-1] * len(questions)
        shots = [
            self.shelf.nearest(question.text, self.shots, without=number)
            for question, number in zip(questions, left, strict=True)
        ]
        return self._aside.begin(partial(self._ask_all, questions, shots))

    async def _ask_all(
        self, questions: Sequence[Question], shots: Sequence[Shots], model: Model
    ) -> "list[Said | None]":
        room, rung = asyncio.Semaphore(_AT_ONCE), model.rung(self.task)

        async def one(question: Question, shown: Shots) -> Said | None:
            async with room:
                try:
                    return Said(await self._ask(model, rung, question, shown), shown)
                except RungFailed:
                    return None

        return await asyncio.gather(*map(one, questions, shots))

    async def _ask(self, model: Model, rung: Rung, question: Question, shown: Shots) -> Answer:
        if question.confidential and not is_private(model):
            raise RungFailed(model.name, f"{model.name} gets no confidential questions.", retryable=False)
        turns = [
            turn
            for k, _ in reversed(shown)
            for turn in (Turn("user", self.shelf.texts[k]), Turn("assistant", self.shelf.labels[k]))
        ]
        parts = [part async for part in rung.answer(replace(question, turns=(*turns, *question.turns)))]
        if not parts or not isinstance(parts[-1], Answer):
            raise RungFailed(model.name, f"{model.name} ended without an answer.")
        return parts[-1]

    def confidence(self, said: Said) -> float:
        """The chance that an answer is right."""
        logit = float(self.features(said) @ self.weights) + self.bias
        return float(1 / (1 + np.exp(-np.clip(logit, -500, 500))))

    def features(self, said: Said) -> NDArray[np.float64]:
        """What the confidence is read from, (3,): the shots' agreement and the model's own confidence, as logits; the
        cosine of the nearest shot."""
        votes = [(self.shelf.labels[k] == said.answer.text, max(cosine, 0.0)) for k, cosine in said.shots]
        total = sum(weight for _, weight in votes)
        share = (sum(weight for agrees, weight in votes if agrees) + 0.5) / (total + 1.0)
        own = min(max(said.answer.confidence, 0.01), 0.99)
        near = max((cosine for _, cosine in said.shots), default=0.0)
        return np.array([np.log(share / (1 - share)), np.log(own / (1 - own)), near])

    def close(self) -> None:
        """Let go of the model; asking again opens it anew."""
        self._aside.close()

    def save(self, folder: Path) -> None:
        """Write the artefact into `folder`."""
        task, shelf = self.task, self.shelf
        description = {
            "task": {"name": task.name, "prompt": task.prompt, "labels": list(task.labels)},
            "model": dict(self.settings),
            "shots": self.shots,
            "ids": list(shelf.ids),
            "texts": list(shelf.texts),
            "labels": list(shelf.labels),
            "embedder": dict(shelf.settings),
            "embedder_name": shelf.embedder.name,
            "bias": self.bias,
        }
        tensors: dict[str, NDArray[Any]] = {
            "centre": shelf.centre,
            "vectors": shelf.vectors,
            "weights": self.weights,
        }
        Artefact("chat", FORMAT, description, tensors).save(folder)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read what `save` wrote; nobody is asked. Raises DataError, MissingExtra where the embedder is not installed."""
        found = Artefact.load(folder, "chat", FORMAT)
        with usable(folder, "chat"):
            told = found.description
            tensors = {name: found.tensor(name, dtype) for name, dtype in _TENSORS.items()}
            texts, labels = tuple(told["texts"]), tuple(told["labels"])
            if not len(texts) == len(labels) == len(told["ids"]) == len(tensors["vectors"]):
                raise ValueError("its examples are not whole")
            embedder = embedder_of(told["embedder"], told["embedder_name"])
            shelf = Shelf(
                tuple(told["ids"]),
                texts,
                labels,
                embedder,
                told["embedder"],
                tensors["centre"],
                tensors["vectors"],
            )
            task = Task(
                told["task"]["name"], "", prompt=told["task"]["prompt"], labels=tuple(told["task"]["labels"])
            )
            return cls(
                task, told["model"], int(told["shots"]), shelf, tensors["weights"], float(told["bias"])
            )


@dataclass(frozen=True, slots=True)
class FewShotRung:
    """A few-shot model as a rung of a ladder."""

    name: str
    release: str
    model: FewShotModel

    @classmethod
    def load(cls, folder: Path, *, name: str, release: str) -> Self:
        """Open the model in a release's folder. Raises DataError, MissingExtra."""
        return cls(name, release, FewShotModel.load(folder))

    async def answer(self, question: Question) -> AsyncIterator[Part]:
        """Yield one Answer, with what it took. Raises RungFailed."""
        began = perf_counter()
        asking = await off_loop(self.model.begin, [question])
        (said,) = await asyncio.wrap_future(asking)
        if said is None:
            raise RungFailed(self.name, f"The model of {self.name} did not answer.")
        spent = (perf_counter() - began) * 1000
        yield replace(
            said.answer,
            confidence=self.model.confidence(said),
            rung=self.name,
            release=self.release,
            latency_ms=spent,
        )

    def predict(self, questions: Sequence[Question]) -> list[Guess]:
        """What `answer` would say to each question; a confidence of 0 where the model fails."""
        found = self.model.begin(questions).result() if questions else []
        nothing = Guess(self.model.task.labels[0], 0.0)
        return [
            nothing if said is None else Guess(said.answer.text, self.model.confidence(said))
            for said in found
        ]

    def explain(self, question: Question, limit: int = 5) -> list[Neighbour]:
        """The examples that the model is shown."""
        shelf = self.model.shelf
        shown = shelf.nearest(question.text, self.model.shots)[:limit]
        return [Neighbour(shelf.ids[k], shelf.labels[k], cosine) for k, cosine in shown]
