"""The `fasttext` recipe: supervised fastText as the reference for `linear`, its confidence calibrated on hidden rows."""

import json
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from stepladder.core import ConfigError, DataError, Guess, config
from stepladder.models import (
    FASTTEXT_PREFIX,
    FastTextModel,
    import_fasttext,
    line_of,
    log_chances,
    open_engine,
    surest,
)
from stepladder.training import fast_text_worker
from stepladder.training.confidence import calibrate
from stepladder.training.labels import Classes, folds
from stepladder.training.model_recipe import Lesson, ModelRecipe

_RANGES = {
    "epochs": (1, 1000),
    "rate": (1e-4, 5.0),
    "dimensions": (2, 1000),
    "folds": (2, 20),
}
_BUCKETS = 200_000
# Blocks of 32 MiB of numbers are the system's own, zeroed, in a process that has not used so much before.
_FRESH = 2**23
_HALVINGS = 4


@dataclass(frozen=True, slots=True)
class FastTextSettings:
    """`epochs` at a `rate` that falls to 0; vectors of `dimensions`; `folds` take turns being hidden.

    Where the weights run away, all is learnt again at half the rate, up to four times.
    """

    epochs: int = 25
    rate: float = 0.5
    dimensions: int = 50
    folds: int = 3

    @classmethod
    def read(cls, settings: Mapping[str, Any]) -> "FastTextSettings":
        """Check a task's settings. Raises ConfigError naming the key."""
        found = config.settings(settings, cls, "recipes.fasttext")
        for key, (low, high) in _RANGES.items():
            if not low <= getattr(found, key) <= high:
                raise ConfigError(
                    f"{key} is {getattr(found, key)}.", remedy=f"Choose {low:g} to {high:g}.", param=key
                )
        return found


@dataclass(frozen=True, slots=True)
class FastTextFit:
    """A fitted model, its out-of-fold guesses in the order of the training rows, and numbers for the report."""

    model: FastTextModel
    guesses: list[Guess]
    metrics: dict[str, float]


class FastTextRecipe(ModelRecipe):
    """Entry point `fasttext` in `stepladder.recipes`."""

    name = "fasttext"

    def learn(self, lesson: Lesson) -> FastTextFit:
        """Fit. Raises ConfigError, DataError, MissingExtra."""
        settings = FastTextSettings.read(lesson.settings)
        classes = Classes.of(lesson.texts, lesson.labels)
        rates = [settings.rate / 2**halved for halved in range(_HALVINGS + 1)]
        for rate in rates:
            with suppress(_RanAwayError):
                return _fitted(lesson, classes, replace(settings, rate=rate))
        raise DataError(
            f"fastText's weights ran away at a rate of {', '.join(format(rate, 'g') for rate in rates)}.",
            remedy="Lower recipes.fasttext.rate, or use linear.",
        )


class _RanAwayError(Exception):
    """Weights that grew without bound: fastText stops, or makes a model that cannot answer."""


def _fitted(lesson: Lesson, classes: Classes, settings: FastTextSettings) -> FastTextFit:
    """Every fold hidden once, then all rows, at one rate: else the hidden guesses would be those of another model."""
    lines = [
        f"{FASTTEXT_PREFIX}{number} {line_of(text)}"
        for number, text in zip(classes.numbers, lesson.texts, strict=True)
    ]
    count = min(settings.folds, len(lines))
    fold = folds(classes.numbers, count, np.random.default_rng(lesson.seed))
    hidden = np.full((len(lines), len(classes.names)), -np.log(len(classes.names)))
    for k in range(count):
        lesson.progress(k, count + 1, "hidden rows")
        out = np.flatnonzero(fold == k)
        engine = open_engine(_trained([lines[i] for i in np.flatnonzero(fold != k)], settings, lesson.seed))
        hidden[out] = log_chances(engine, [lesson.texts[i] for i in out], len(classes.names))
    lesson.progress(count, count + 1, "all rows")
    file = _trained(lines, settings, lesson.seed)
    found = calibrate(hidden, classes.numbers)
    chances = found.probabilities(hidden)
    model = FastTextModel(classes.names, file, open_engine(file), found.slope, found.offsets)
    metrics = {
        "out_of_fold_accuracy": float((chances.argmax(axis=1) == classes.numbers).mean()),
        "out_of_fold_log_loss": found.loss,
        "rate": settings.rate,
    }
    lesson.progress(count + 1, count + 1, "fitted")
    return FastTextFit(model, surest(classes.names, chances), metrics)


def _trained(lines: Sequence[str], settings: FastTextSettings, seed: int) -> bytes:
    """The file of a model of these lines. One thread and a young process, so that the same lines make the same file."""
    train = {
        "seed": seed % 2**31,
        "lr": settings.rate,
        "epoch": settings.epochs,
        "dim": settings.dimensions,
        "bucket": max(_BUCKETS, _FRESH // settings.dimensions + 1),
        "wordNgrams": 2,
        "minn": 3,
        "maxn": 5,
    }
    import_fasttext()
    with tempfile.TemporaryDirectory(prefix="stepladder-fasttext-") as name:
        folder = Path(name)
        (folder / "rows.txt").write_text("".join(lines), encoding="utf-8")
        (folder / "terms.json").write_text(json.dumps({"train": train, "ask": lines[0]}), encoding="utf-8")
        worker = [sys.executable, "-P", fast_text_worker.__file__, name]
        done = subprocess.run(worker, capture_output=True, text=True, check=False)
        match done.returncode:
            case 0:
                return (folder / "model.bin").read_bytes()
            case fast_text_worker.RAN_AWAY:
                raise _RanAwayError
            case fast_text_worker.NO_WORDS:
                raise DataError("The texts hold no word that fastText knows.", remedy="Use linear.")
        said = done.stderr.strip().splitlines()
        raise DataError(
            f"fastText ended with {done.returncode}: {said[-1] if said else 'it said nothing'}.",
            remedy="Use linear.",
        )
