"""The `linear` recipe: hashed n-grams, two families of linear machines, one matrix of weights, honest confidence.

Wang and Manning 2012 ("Baselines and bigrams") found that an SVM over naive Bayes log-count ratios beats either alone;
averaged with one over tf-idf it ranks better still, and since both see the same values x, the sum of two linear models
is one linear model that costs nothing more to serve. (Of one class against many others the ratios say little: there
the tf-idf family stands alone.) Every machine is fitted once a fold with that fold's labels
hidden and once with none hidden, all in one run of the solver. The hidden rows' scores choose the regularisation, fit
the calibration and are handed on as out-of-fold guesses. (Document frequencies count all training texts; no
hidden label is used anywhere.)
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stepladder.core import ConfigError, Guess, Progress
from stepladder.models import LinearModel
from stepladder.text import NgramHasher
from stepladder.training.confidence import Calibration, calibrate
from stepladder.training.dual import Floats, Machines, Rows, solve
from stepladder.training.labels import Classes, Labels, folds
from stepladder.training.latent import directions, least_squares, project
from stepladder.training.model_recipe import Lesson, ModelRecipe
from stepladder.training.points import Found, Points
from stepladder.training.words import Words, commonest, found_in, vocabulary, weighted

_LONG_TEXT = 500  # characters; above, words alone rank better (and are four times fewer n-grams)
_MANY_CLASSES = 20  # above, one family, one cost and three folds: the choices matter little, time does
_RANK = 150  # directions
_RIDGES = (0.1, 0.3, 1.0)
_MEMORY = 400_000_000  # bytes of weights in work at a time; more classes than fit are done in turns


@dataclass(frozen=True, slots=True)
class LinearSettings:
    """What a task may set for its linear recipe. None lets the data decide (see `_LONG_TEXT`, `_MANY_CLASSES`).

    `costs` are the C to choose from (larger fits the training rows closer), `folds` how many parts take turns being
    hidden, `characters` whether character n-grams are seen, `bits` the binary logarithm of the number of buckets.
    """

    costs: tuple[float, ...] | None = None
    folds: int | None = None
    characters: bool | None = None
    bits: int = 20

    @classmethod
    def read(cls, settings: Mapping[str, Any]) -> "LinearSettings":
        """Check a task's settings; raises ConfigError naming the key."""
        known = [field.name for field in fields(cls)]
        for key in settings:
            if key not in known:
                raise ConfigError(
                    f"recipe linear has no setting {key!r}.", remedy=f"It has: {', '.join(known)}.", param=key
                )
        values: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in settings.items()}
        found = cls(**values)
        found._check()
        return found

    def _check(self) -> None:
        if self.folds is not None and not (type(self.folds) is int and 2 <= self.folds <= 20):
            raise ConfigError(f"folds is {self.folds!r}.", remedy="Choose 2 to 20.", param="folds")
        if self.costs is not None and not _are_costs(self.costs):
            raise ConfigError(f"costs is {self.costs!r}.", remedy="List numbers above 0.", param="costs")
        if self.characters not in (None, False, True):
            raise ConfigError(
                f"characters is {self.characters!r}.", remedy="Choose true or false.", param="characters"
            )
        if not (type(self.bits) is int and 8 <= self.bits <= 28):
            raise ConfigError(f"bits is {self.bits!r}.", remedy="Choose 8 to 28.", param="bits")


def _are_costs(found: object) -> bool:
    return (
        isinstance(found, tuple)
        and len(found) > 0
        and all(type(cost) in (int, float) and 0 < cost < float("inf") for cost in found)
    )


@dataclass(frozen=True, slots=True)
class LinearFit:
    """A fitted model, its out-of-fold guesses in the order of the training rows with the `chances` (rows, classes)
    behind them, and numbers for the report."""

    model: LinearModel
    guesses: list[Guess]
    chances: NDArray[np.float64]
    metrics: dict[str, float]


@dataclass(frozen=True, slots=True)
class _Plan:
    """Class numbers `labels` (rows,) of `classes`, the fold that hides each row, and the costs to try."""

    classes: tuple[str, ...]
    labels: Labels
    fold: Labels
    folds: int
    costs: tuple[float, ...]

    @property
    def many(self) -> bool:
        return len(self.classes) > _MANY_CLASSES

    @property
    def columns(self) -> int:
        return 1 if len(self.classes) == 2 else len(self.classes)

    def targets(self, column: int) -> NDArray[np.bool_]:
        return np.equal(self.labels, 1 if self.columns == 1 else column)

    def full(self, scores: Floats) -> NDArray[np.float64]:
        """Return scores with a column for every class: two classes share one, the first stands at 0."""
        wide = scores.astype(np.float64)
        return np.column_stack((np.zeros(len(wide)), wide)) if self.columns == 1 else wide


@dataclass(frozen=True, slots=True)
class _Family:
    """One family at its best cost: weights (width, columns), hidden scores (rows, columns), both of unit spread."""

    weights: Floats
    hidden: Floats
    cost: float
    gap: float


class LinearRecipe(ModelRecipe):
    """Entry point `linear` in `stepladder.recipes`."""

    name = "linear"

    def learn(self, lesson: Lesson) -> LinearFit:
        """Fit. Raises ConfigError, DataError, MissingExtra."""
        return fit_linear(
            lesson.texts,
            lesson.labels,
            unlabelled=lesson.unlabelled,
            settings=LinearSettings.read(lesson.settings),
            seed=lesson.seed,
            progress=lesson.progress,
        )


def fit_linear(
    texts: Sequence[str],
    labels: Sequence[str],
    *,
    unlabelled: Sequence[str] = (),
    settings: LinearSettings | None = None,
    seed: int = 0,
    progress: Progress = lambda done, total, what: None,
) -> LinearFit:
    """Fit a linear model to `texts` and their `labels`; the same input and seed give the same weights.

    All of the `unlabelled` texts are read: which ones they are, and their order, should have nothing to do with which of them
    will calibrate.

    Raises:
        DataError: texts and labels differ in number, are empty, or hold one class only.
    """
    rows = _Known(texts, labels, unlabelled)
    return _fit(rows, settings or LinearSettings(), seed, progress, None)


def hidden_guesses(
    texts: Sequence[str], labels: Sequence[str], *, seed: int, progress: Progress, points: Points | None
) -> list[Guess]:
    """`fit_linear`'s out-of-fold guesses, of a fit that goes on where it was stopped. Raises DataError as it does."""
    return _fit(_Known(texts, labels, ()), LinearSettings(), seed, progress, points).guesses


@dataclass(frozen=True, slots=True)
class _Known:
    """What is learned from: texts with their labels, and texts without."""

    texts: Sequence[str]
    labels: Sequence[str]
    unlabelled: Sequence[str]


def _fit(
    known: _Known, settings: LinearSettings, seed: int, progress: Progress, points: Points | None
) -> LinearFit:
    rng = np.random.default_rng(seed)
    plan = _plan(Classes.of(known.texts, known.labels), settings, rng)
    total = 3 if plan.many else 4
    progress(0, total, "n-grams")
    hasher = _hasher(known.texts, settings)
    found, others = found_in(known.texts, hasher), found_in(known.unlabelled, hasher)
    words = vocabulary(found, others, hasher.bits)
    rows = weighted(found, words)
    progress(1, total, "weights over tf-idf")
    families = [_family(rows, plan, None, (rng, points))]
    if not plan.many:
        progress(2, total, "weights over naive Bayes ratios")
        families.append(_family(rows, plan, _counts(rows, plan), (rng, points)))
        if others:
            families.append(_latent(weighted([*found, *others], words), plan, rng))
    progress(total - 1, total, "calibration")
    hidden = plan.full(np.sum([family.hidden for family in families], axis=0))
    calibration = calibrate(hidden, plan.labels)
    model = _model(plan, (hasher, words), families, calibration)
    chances = calibration.probabilities(hidden)
    guesses = [
        Guess(plan.classes[k], float(row[k])) for row, k in zip(chances, chances.argmax(1), strict=True)
    ]
    metrics = _metrics(plan, families, calibration, chances)
    progress(total, total, "fitted")
    return LinearFit(model, guesses, chances, metrics)


def _plan(found: Classes, settings: LinearSettings, rng: np.random.Generator) -> _Plan:
    many = len(found.names) > _MANY_CLASSES
    count = min(settings.folds or (3 if many else 5), found.numbers.size)
    fold = folds(found.numbers, count, rng)
    return _Plan(
        found.names, found.numbers, fold, count, settings.costs or ((1.0,) if many else (0.3, 1.0, 3.0))
    )


def _hasher(texts: Sequence[str], settings: LinearSettings) -> NgramHasher:
    characters = settings.characters
    if characters is None:
        characters = sum(map(len, texts)) <= _LONG_TEXT * len(texts)
    return NgramHasher(bits=settings.bits, characters=(3, 4, 5) if characters else ())


def _latent(rows: Rows, plan: _Plan, rng: np.random.Generator) -> _Family:
    """Least squares in the directions of all `rows`, the labelled ones first, at the ridge that does best on hidden ones."""
    labelled = plan.labels.size
    common, used = commonest(rows)
    rank = min(_RANK, labelled // 10 + 1, len(common), common.width)
    start = rng.standard_normal((common.width, rank)).astype(np.float32)
    basis = directions(common, start, passes=3)
    inputs = project(common, basis)[:labelled]
    signs = np.stack([np.where(plan.targets(k), 1, -1) for k in range(plan.columns)], axis=1).astype(
        np.float32
    )
    tried = []
    for ridge in _RIDGES:
        hidden = np.empty((labelled, plan.columns), np.float32)
        for fold in range(plan.folds):
            seen = plan.fold != fold
            found = least_squares(inputs[seen], signs[seen], np.ones(int(seen.sum()), np.float32), ridge)
            hidden[~seen] = inputs[~seen] @ found[:-1] + found[-1]
        tried.append((calibrate(plan.full(hidden), plan.labels).loss, ridge, hidden))
    _, ridge, hidden = min(tried, key=lambda one: one[0])
    found = least_squares(inputs, signs, np.ones(labelled, np.float32), ridge)
    weights = np.zeros((rows.width, plan.columns), np.float32)
    weights[used], weights[0] = basis @ found[:-1], found[-1]
    shrink = np.array(1 / max(float(hidden.std()), 1e-6), np.float32)
    return _Family(weights * shrink, hidden * shrink, ridge, 0.0)


def _counts(rows: Rows, plan: _Plan) -> NDArray[np.float64]:
    """Return in how many texts of each fold and class a column occurs, shape (width, folds, classes)."""
    lengths = np.diff(rows.ends, prepend=0)
    group = np.repeat(plan.fold * len(plan.classes) + plan.labels, lengths)
    groups = plan.folds * len(plan.classes)
    counts = np.bincount(rows.columns * groups + group, minlength=rows.width * groups)
    return counts.reshape(rows.width, plan.folds, len(plan.classes)).astype(np.float64)


def _ratios(counts: NDArray[np.float64], plan: _Plan, columns: range) -> Floats:
    """Return the naive Bayes log-count ratios of each view (fold hidden; last: none), (width, views, columns)."""
    total = counts.sum(axis=1)
    views = []
    for view in range(plan.folds + 1):
        seen = total - counts[:, view] if view < plan.folds else total
        chosen = seen[:, 1:] if plan.columns == 1 else seen[:, columns.start : columns.stop]
        inside, outside = chosen + 1, seen.sum(axis=1, keepdims=True) - chosen + 1
        # The bias (row 0) is no n-gram: it stays out of the sums and keeps its scale.
        ratio = np.log(inside) - np.log(outside)
        if len(ratio) > 1:
            ratio += np.log(outside[1:].sum(axis=0)) - np.log(inside[1:].sum(axis=0))
        ratio[0] = 1
        views.append(ratio)
    return np.stack(views, axis=1).astype(np.float32)


def _family(
    rows: Rows,
    plan: _Plan,
    counts: NDArray[np.float64] | None,
    terms: tuple[np.random.Generator, Points | None],
) -> _Family:
    """Fit one family (over naive Bayes ratios if there are `counts`) at every cost, and keep the best."""
    shape = (plan.folds + 1, len(plan.costs))
    chunk = max(1, _MEMORY // (8 * rows.width * shape[0] * shape[1]))
    weights, hidden, gaps = [], [], []
    for first in range(0, plan.columns, chunk):
        columns = range(first, min(first + chunk, plan.columns))
        found = _part(rows, plan, counts, columns, terms)
        weights.append(found["weights"])
        hidden.append(found["hidden"])
        gaps.append(float(found["gap"]))
    all_hidden = np.concatenate(hidden, axis=2)
    losses = [calibrate(plan.full(all_hidden[:, k]), plan.labels).loss for k in range(shape[1])]
    best = int(np.argmin(losses))
    shrink = np.array(1 / max(float(all_hidden[:, best].std()), 1e-6), np.float32)
    chosen = np.concatenate([part[:, best] for part in weights], axis=1)
    return _Family(chosen * shrink, all_hidden[:, best] * shrink, plan.costs[best], max(gaps))


def _part(
    rows: Rows,
    plan: _Plan,
    counts: NDArray[np.float64] | None,
    columns: range,
    terms: tuple[np.random.Generator, Points | None],
) -> Found:
    """Of some classes' machines at each cost: the `weights` with nothing hidden, the `hidden` scores, the `gap`."""
    rng, points = terms
    name = f"{'tfidf' if counts is None else 'ratios'}-{columns.start}"
    found = None if points is None else points.part(name, rng)
    if found is not None:
        return found
    scale = None if counts is None else _ratios(counts, plan, columns)
    solution = solve(rows, _machines(plan, columns, scale), rng, points=points)
    grid = (plan.folds + 1, len(plan.costs), len(columns))
    made = {
        "weights": solution.weights.reshape(rows.width, *grid)[:, -1].copy(),
        "hidden": solution.scores.reshape(len(rows), *grid)[np.arange(len(rows)), plan.fold],
        "gap": solution.gap,
    }
    if points is not None:
        points.finish(name, rng, made)
    return made


def _machines(plan: _Plan, columns: range, scale: Floats | None) -> Machines:
    """Lay out one machine for each view, cost and column, in this order."""
    views, costs = plan.folds + 1, len(plan.costs)
    sign = np.stack([np.where(plan.targets(column), 1, -1) for column in columns], axis=1)
    visible = plan.fold[:, None] != np.arange(views)
    signs = np.broadcast_to(
        (visible[:, :, None] * sign[:, None, :])[:, :, None, :], (sign.shape[0], views, costs, len(columns))
    )
    cost = np.broadcast_to(np.array(plan.costs)[None, :, None], (views, costs, len(columns)))
    if scale is not None:
        scale = np.repeat(scale[:, :, None, :], costs, axis=2).reshape(scale.shape[0], -1)
    return Machines(
        signs.reshape(sign.shape[0], -1).astype(np.float32), cost.reshape(-1).astype(np.float32), scale
    )


def _model(
    plan: _Plan,
    features: tuple[NgramHasher, Words],
    families: list[_Family],
    calibration: Calibration,
) -> LinearModel:
    hasher, words = features
    summed = np.sum([family.weights for family in families], axis=0)
    weights = np.column_stack((summed[1:] * words.idf[:, None], words.idf**2)).astype(np.float32)
    return LinearModel(
        plan.classes,
        hasher,
        words.buckets,
        weights,
        bias=summed[0].astype(np.float32),
        slope=calibration.slope,
        offsets=calibration.offsets.astype(np.float32),
    )


def _metrics(
    plan: _Plan, families: list[_Family], calibration: Calibration, chances: NDArray[np.float64]
) -> dict[str, float]:
    right = chances.argmax(axis=1) == plan.labels
    recalls = [float(right[plan.labels == k].mean()) for k in range(len(plan.classes))]
    costs = {
        f"cost_{name}": family.cost
        for name, family in zip(("tfidf", "ratios", "latent"), families, strict=False)
    }
    return {
        **costs,
        "out_of_fold_accuracy": float(right.mean()),
        "out_of_fold_balanced_accuracy": float(np.mean(recalls)),
        "out_of_fold_log_loss": calibration.loss,
        "duality_gap": max(family.gap for family in families),
        "features": float(families[0].weights.shape[0] - 1),
    }
