"""The `trees` recipe: LightGBM (Ke et al. 2017) over fields and, where texts differ, over a linear model's answers.

The trees see out-of-fold answers of the linear model, as they will see answers to unknown texts in service. The number of
rounds is chosen, and the calibration fitted, on rows hidden from the trees.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from stepladder.core import ConfigError, DataError, Example, Guess, Progress, config
from stepladder.models import (
    Columns,
    EmbeddedColumns,
    LinearModel,
    TreesModel,
    class_chances,
    import_lightgbm,
    shared_embedder,
    surest,
)
from stepladder.training.confidence import Array, Calibration, calibrate
from stepladder.training.embedding import embed_all
from stepladder.training.labels import Classes, Labels, folds
from stepladder.training.linear import fit_linear
from stepladder.training.model_recipe import Lesson, ModelRecipe

_ROUNDS = (25, 50, 100, 200)
_LEAST = 1e-6


@dataclass(frozen=True, slots=True)
class TreesSettings:
    """`leaves` a tree, `rate` of learning, `folds` that take turns being hidden, and whether the `text` is looked at.

    With an `embedder` the text's meaning is seen too: `directions` columns of its vectors.
    """

    leaves: int = 15
    rate: float = 0.08
    folds: int = 5
    text: bool = True
    embedder: Mapping[str, Any] = field(default_factory=dict)
    directions: int = 32

    @classmethod
    def read(cls, settings: Mapping[str, Any]) -> "TreesSettings":
        """Check a task's settings. Raises ConfigError naming the key."""
        found = config.settings(settings, cls, "recipes.trees")
        for key, low, high in (
            ("leaves", 2, 1024),
            ("rate", 1e-4, 1.0),
            ("folds", 2, 20),
            ("directions", 1, 1024),
        ):
            if not low <= getattr(found, key) <= high:
                raise ConfigError(
                    f"{key} is {getattr(found, key)}.", remedy=f"Choose {low:g} to {high:g}.", param=key
                )
        return found


@dataclass(frozen=True, slots=True)
class TreesFit:
    """A fitted model, its out-of-fold guesses in the order of the training rows, and numbers for the report."""

    model: TreesModel
    guesses: list[Guess]
    metrics: dict[str, float]


class TreesRecipe(ModelRecipe):
    """Entry point `trees` in `stepladder.recipes`."""

    name = "trees"

    def learn(self, lesson: Lesson) -> TreesFit:
        """Fit. Raises ConfigError, DataError, MissingExtra."""
        settings = TreesSettings.read(lesson.settings)
        return fit_trees(lesson.examples, settings=settings, seed=lesson.seed, progress=lesson.progress)


def fit_trees(
    examples: Sequence[Example],
    *,
    settings: TreesSettings | None = None,
    seed: int = 0,
    progress: Progress = lambda done, total, what: None,
) -> TreesFit:
    """Fit to examples' fields, texts and labels; the same input and seed give the same model. Raises DataError."""
    settings = settings or TreesSettings()
    classes = Classes.of([example.text for example in examples], [example.label for example in examples])
    progress(0, 3, "the text's words")
    columns = Columns.learn([example.fields for example in examples])
    text, said = _text(examples, classes, settings, seed)
    meaning, meant = _meaning(examples, settings, progress)
    table = np.hstack((columns.table(example.fields for example in examples), said, meant))
    if table.shape[1] == 0:
        raise DataError(
            "There are neither fields nor texts that differ.", remedy="Send `fields` with the questions."
        )
    train = _Trainer(settings, columns.codes, len(classes.names), seed)
    progress(1, 3, "hidden rows")
    chances, rounds, calibration = _hidden(train, table, classes.numbers)
    progress(2, 3, "all rows")
    booster = train(table, classes.numbers, rounds)
    model = TreesModel(classes.names, columns, text, booster, calibration.slope, calibration.offsets, meaning)
    right = chances.argmax(axis=1) == classes.numbers
    metrics = {
        "out_of_fold_accuracy": float(right.mean()),
        "out_of_fold_log_loss": calibration.loss,
        "rounds": float(rounds),
        "columns": float(table.shape[1]),
    }
    progress(3, 3, "fitted")
    return TreesFit(model, surest(classes.names, chances), metrics)


def _text(
    examples: Sequence[Example], classes: Classes, settings: TreesSettings, seed: int
) -> tuple[LinearModel | None, Array]:
    """A linear model of the texts, and its out-of-fold log probabilities (rows, classes); none where texts are alike."""
    texts = [example.text for example in examples]
    if not settings.text or len(set(texts)) < 2:
        return None, np.empty((len(texts), 0))
    fitted = fit_linear(texts, [classes.names[k] for k in classes.numbers], seed=seed)
    return fitted.model, np.log(np.maximum(fitted.chances, _LEAST))


def _meaning(
    examples: Sequence[Example], settings: TreesSettings, progress: Progress
) -> tuple[EmbeddedColumns | None, Array]:
    """The texts' vectors along their principal directions (rows, columns); none where no embedder was asked for."""
    if not settings.embedder:
        return None, np.empty((len(examples), 0))
    embedder, texts = shared_embedder(settings.embedder), [example.text for example in examples]
    vectors = embed_all(embedder, texts, progress)
    found = EmbeddedColumns.learn(embedder, settings.embedder, vectors, settings.directions)
    return found, found.table(texts)


@dataclass(frozen=True, slots=True)
class _Trainer:
    """Trains boosters on tables whose columns `codes` are categories."""

    settings: TreesSettings
    codes: list[int]
    classes: int
    seed: int

    def __call__(self, table: Array, labels: Labels, rounds: int) -> Any:
        lightgbm = import_lightgbm()
        several = {"objective": "multiclass", "num_class": self.classes}
        terms = {
            **(several if self.classes > 2 else {"objective": "binary"}),
            "num_leaves": self.settings.leaves,
            "learning_rate": self.settings.rate,
            "min_data_in_leaf": max(2, min(20, len(table) // 50)),
            "feature_fraction": 0.8,
            "bagging_fraction": 0.8,
            "bagging_freq": 1,
            "lambda_l2": 1.0,
            "max_cat_threshold": 64,
            "seed": self.seed % 2**31,
            "num_threads": 1,
            "deterministic": True,
            "force_row_wise": True,
            "verbosity": -1,
        }
        rows = lightgbm.Dataset(table, labels, categorical_feature=self.codes, free_raw_data=True)
        return lightgbm.train(terms, rows, num_boost_round=rounds)


def _hidden(train: _Trainer, table: Array, labels: Labels) -> tuple[Array, int, Calibration]:
    """Chances (rows, classes) from trees that had not seen the row, at the best number of rounds."""
    count = min(train.settings.folds, len(table))
    fold = folds(labels, count, np.random.default_rng(train.seed))
    logs = np.empty((len(_ROUNDS), len(table), train.classes))
    for k in range(count):
        hidden = fold == k
        booster = train(table[~hidden], labels[~hidden], max(_ROUNDS))
        for place, rounds in enumerate(_ROUNDS):
            logs[place, hidden] = np.log(np.maximum(class_chances(booster, table[hidden], rounds), _LEAST))
    found = [calibrate(scores, labels) for scores in logs]
    best = int(np.argmin([one.loss for one in found]))
    return found[best].probabilities(logs[best]), _ROUNDS[best], found[best]
