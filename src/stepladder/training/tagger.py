"""The `tagger` recipe: find out which properties of JSON answers are pieces of the text, and learn to mark them.

A property whose values mostly stand in the text is a span; any other must come from a closed set. The confidence is
fitted on whole answers to rows that neither model had seen.
"""

import json
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stepladder.core import ConfigError, DataError, Guess, Progress, config
from stepladder.models import (
    OUTSIDE,
    Layout,
    LinearModel,
    TaggerModel,
    confidence_features,
    import_crfsuite,
    name_class,
    open_tagger,
    tag,
    token_features,
    tokens_of,
    values_of,
)
from stepladder.training.confidence import defer
from stepladder.training.linear import fit_linear
from stepladder.training.model_recipe import Lesson, ModelRecipe

Place = tuple[str, ...]
_SPAN = 0.7  # a property is a span where so many of its values stand in their texts
_MOST_CLASSES = 300
_OBJECT = "\0"  # stands at the end of an object's own path


@dataclass(frozen=True, slots=True)
class TaggerSettings:
    """`folds` take turns being hidden; the random field is trained for `rounds`."""

    folds: int = 3
    rounds: int = 50

    @classmethod
    def read(cls, settings: Mapping[str, Any]) -> "TaggerSettings":
        """Check a task's settings. Raises ConfigError naming the key."""
        found = config.settings(settings, cls, "recipes.tagger")
        for key, low, high in (("folds", 2, 20), ("rounds", 1, 1000)):
            if not low <= getattr(found, key) <= high:
                raise ConfigError(
                    f"{key} is {getattr(found, key)}.", remedy=f"Choose {low} to {high}.", param=key
                )
        return found


@dataclass(frozen=True, slots=True)
class TaggerFit:
    """A fitted model, its out-of-fold guesses in the order of the training rows, and numbers for the report."""

    model: TaggerModel
    guesses: list[Guess]
    metrics: dict[str, float]


class TaggerRecipe(ModelRecipe):
    """Entry point `tagger` in `stepladder.recipes`."""

    name = "tagger"

    def learn(self, lesson: Lesson) -> TaggerFit:
        """Fit. Raises ConfigError, DataError, MissingExtra."""
        settings = TaggerSettings.read(lesson.settings)
        return fit_tagger(
            lesson.texts, lesson.labels, settings=settings, seed=lesson.seed, progress=lesson.progress
        )


@dataclass(frozen=True, slots=True)
class _Row:
    """A text, its tokens' tags, and its class values as one JSON text."""

    text: str
    tags: list[str]
    named: str


def fit_tagger(
    texts: Sequence[str],
    answers: Sequence[str],
    *,
    settings: TaggerSettings | None = None,
    seed: int = 0,
    progress: Progress = lambda done, total, what: None,
) -> TaggerFit:
    """Fit to `texts` and their JSON `answers`; the same input and seed give the same model. Raises DataError."""
    settings = settings or TaggerSettings()
    if len(texts) != len(answers) or len(texts) < 2:
        raise DataError(f"{len(texts)} texts and {len(answers)} answers.", remedy="Give two or more of each.")
    values = [_flat(answer) for answer in answers]
    layout = _layout(texts, values)
    rows = [_row(layout, text, found) for text, found in zip(texts, values, strict=True)]
    count = min(settings.folds, len(rows))
    fold = np.random.default_rng(seed).permutation(len(rows)) % count
    guesses, features = _hidden(layout, rows, fold, (settings, seed, progress))
    right = np.array([_same(guess, answer) for guess, answer in zip(guesses, answers, strict=True)])
    deferral = defer(features, right)
    # The confidence of a hidden row comes from rows of the other folds, as the guess itself does.
    sure = np.empty(len(rows))
    for k in range(count):
        sure[fold == k] = defer(features[fold != k], right[fold != k]).chances(features[fold == k])
    progress(count, count + 1, "all rows")
    crf, named, only = _fit(rows, settings, seed)
    model = TaggerModel(layout, crf, named, only, deferral.weights, deferral.bias)
    progress(count + 1, count + 1, "fitted")
    metrics = {
        "out_of_fold_accuracy": float(right.mean()),
        "spans": float(len(layout.spans)),
        "classes": float(len(layout.classes)),
    }
    return TaggerFit(
        model, [Guess(guess, float(chance)) for guess, chance in zip(guesses, sure, strict=True)], metrics
    )


def _hidden(
    layout: Layout, rows: Sequence[_Row], fold: NDArray[np.int64], how: tuple[TaggerSettings, int, Progress]
) -> tuple[list[str], NDArray[np.float64]]:
    """What models that had not seen a row say of it, and the features of the confidence."""
    settings, seed, progress = how
    guesses, features = [""] * len(rows), []
    found: dict[int, NDArray[np.float64]] = {}
    count = int(fold.max()) + 1
    for k in range(count):
        progress(k, count + 1, "hidden rows")
        crf, named, only = _fit(
            [row for row, part in zip(rows, fold, strict=True) if part != k], settings, seed
        )
        tagger = open_tagger(crf)
        for i in np.flatnonzero(fold == k).tolist():
            said = name_class(named, only, rows[i].text)
            tags = tag(tagger, rows[i].text, said[0])
            found[i] = confidence_features(tags, said)
            guesses[i] = layout.write(values_of(layout, rows[i].text, tags, said[0]))
    features = [found[i] for i in range(len(rows))]
    return guesses, np.stack(features)


def _fit(rows: Sequence[_Row], settings: TaggerSettings, seed: int) -> tuple[bytes, LinearModel | None, str]:
    """CRFsuite's file, and the model of the class values or the only one there is."""
    trainer = import_crfsuite().Trainer(algorithm="lbfgs", verbose=False)
    trainer.set_params({"max_iterations": settings.rounds, "c1": 0.0, "c2": 0.1})
    for row in rows:
        if row.tags:
            trainer.append(token_features(tokens_of(row.text), row.named), row.tags)
    with tempfile.TemporaryDirectory(prefix="stepladder-tagger-") as folder:
        file = Path(folder) / "model.crf"
        trainer.train(str(file))
        crf = file.read_bytes()
    names = {row.named for row in rows}
    if len(names) == 1:
        return crf, None, names.pop()
    return crf, fit_linear([row.text for row in rows], [row.named for row in rows], seed=seed).model, ""


def _flat(answer: str) -> dict[Place, list[str] | str]:
    """The strings of a JSON object by their path. Raises DataError for anything else."""
    try:
        value = json.loads(answer)
    except ValueError as error:
        raise DataError("An answer is no JSON.", remedy="The tagger is for tasks with a schema.") from error
    found: dict[Place, list[str] | str] = {}

    def walk(part: Any, place: Place) -> None:
        if isinstance(part, dict):
            found[*place, _OBJECT] = ""
            for key, inner in part.items():
                walk(inner, (*place, key))
        elif isinstance(part, str) or (isinstance(part, list) and all(isinstance(one, str) for one in part)):
            found[place] = part
        elif part is not None:
            raise DataError(
                f"The answers' {'.'.join(place) or 'top level'} is neither a string nor a list of strings.",
                remedy="The tagger knows objects of strings and of lists of strings.",
            )

    walk(value, ())
    if () in found:
        raise DataError("An answer is no JSON object.", remedy="The tagger is for tasks with a schema.")
    return found


def _layout(texts: Sequence[str], values: Sequence[Mapping[Place, list[str] | str]]) -> Layout:
    """Which paths are spans, which are classes, and which hold lists. Raises DataError for what is neither."""
    seen: dict[Place, list[tuple[str, str]]] = {}
    for text, row in zip(texts, values, strict=True):
        for place, value in row.items():
            if place[-1] != _OBJECT:
                seen.setdefault(place, []).extend((text, one) for one in _each(value))
    lists = frozenset(place for row in values for place, value in row.items() if isinstance(value, list))
    spans, classes = [], []
    for place, pairs in sorted(seen.items()):
        standing = sum(one != "" and one in text for text, one in pairs)
        if pairs and standing >= _SPAN * len(pairs):
            spans.append(place)
        elif place not in lists and len({one for _, one in pairs}) <= _MOST_CLASSES:
            classes.append(place)
        elif pairs:
            raise DataError(
                f"The values of {'.'.join(place)} are neither pieces of the text nor of a closed set.",
                remedy="Leave such a property to the top rung.",
            )
    always = set.intersection(*({place for place in row if place[-1] == _OBJECT} for row in values))
    objects = frozenset(place[:-1] for place in always if len(place) > 1)
    return Layout(tuple(spans), tuple(classes), lists, objects)


def _each(value: list[str] | str) -> list[str]:
    return [value] if isinstance(value, str) else value


def _row(layout: Layout, text: str, values: Mapping[Place, list[str] | str]) -> _Row:
    """The tags of a text's tokens: longer values first, each where it first stands and is not taken."""
    tokens = tokens_of(text)
    tags = [OUTSIDE] * len(tokens)
    wanted = []
    for number, place in enumerate(layout.spans):
        wanted += [(one, number) for one in _each(values.get(place, []))]
    for one, number in sorted(wanted, key=lambda pair: -len(pair[0])):
        start = text.find(one)
        while one and start >= 0:
            inside = [
                k for k, token in enumerate(tokens) if start <= token.start and token.end <= start + len(one)
            ]
            if inside and all(tags[k] == OUTSIDE for k in inside):
                for k in inside:
                    tags[k] = f"{'B' if k == inside[0] else 'I'}-{number}"
                break
            start = text.find(one, start + 1)
    named = json.dumps([values.get(place) for place in layout.classes], ensure_ascii=False)
    return _Row(text, tags, named)


def _same(one: str, other: str) -> bool:
    return bool(json.loads(one) == json.loads(other))
