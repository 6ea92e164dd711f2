"""A release made again from its record, and compared with what it was."""

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import msgspec

from stepladder.core import ConfigError, Dataset, Progress, Question, Release, plugins
from stepladder.registry import Record, Registry, record_of

_MOST = 2_000


@dataclass(frozen=True, slots=True)
class Reproduction:
    """What came of it. `identical`: every byte is the same. Else `agreement` is the share of up to 2,000 training
    questions that both answer alike, `distance` the largest difference of their confidences there.

    `changes` are what differs between the record and here: code, packages, machine.
    """

    identical: bool
    agreement: float
    distance: float
    questions: int
    metrics: Mapping[str, tuple[float, float]]
    changes: Mapping[str, tuple[str, str]]


def reproduce(registry: Registry, release: Release, record: Record, progress: Progress) -> Reproduction:
    """Run the recipe again on the same data set, with the recorded task, settings and seed.

    Raises StoreError where the data set or the release's files are gone, ConfigError where the task is no longer understood.
    """
    dataset = registry.dataset(release.dataset, release.task)
    try:
        task = record.task_again()
    except msgspec.ValidationError as error:
        raise ConfigError(
            f"The recorded task of {release.id} is not understood: {error}.",
            remedy="Use the recorded version.",
        ) from error
    recipe = plugins.find(plugins.RECIPES, release.recipe)()
    with tempfile.TemporaryDirectory(prefix="reproduce-") as name:
        folder = Path(name) / release.rung
        folder.mkdir()
        fitted = recipe.fit(
            task, dataset, folder, settings=record.settings, seed=record.seed, progress=progress
        )
        digest = registry.identity(release.task, release.rung, release.recipe, release.dataset, folder)[1]
        loader = plugins.find(plugins.RUNGS, release.rung)
        rungs = [
            loader.load(place, name=release.rung, release=release.id)
            for place in (registry.folder(release), folder)
        ]
        questions = _questions(dataset)
        before, now = (rung.predict(questions) for rung in rungs)
    pairs = list(zip(before, now, strict=True))
    agreement = sum(one.text == other.text for one, other in pairs) / max(len(pairs), 1)
    distance = max((abs(one.confidence - other.confidence) for one, other in pairs), default=0.0)
    metrics = {
        name: (value, float(fitted.metrics[name]))
        for name, value in release.metrics.items()
        if name in fitted.metrics
    }
    changes = record.changes(record_of(task, record.settings, record.seed))
    return Reproduction(digest == release.digest, agreement, distance, len(pairs), metrics, changes)


def _questions(dataset: Dataset) -> list[Question]:
    examples = dataset.splits.get("train", ())
    step = max(1, len(examples) // _MOST)
    return [Question(one.id, dataset.task, one.text, fields=one.fields) for one in examples[::step]]
