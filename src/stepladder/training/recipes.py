"""Run recipes by their plug-ins' names, take what they made into the registry, and load it again."""

from collections.abc import Mapping
from dataclasses import asdict
from functools import partial
from pathlib import Path

from stepladder.core import ConfigError, Dataset, Fitted, Learned, Progress, Task, plugins
from stepladder.registry import Registry, record_of


def learned_rungs(task: Task) -> list[str]:
    """The task's rungs that are made by a recipe, cheapest first. Raises ConfigError when there is none."""
    recipes = plugins.names(plugins.RECIPES)
    rungs = [rung for rung in task.rungs if rung in recipes]
    if not rungs:
        raise ConfigError(
            f"tasks.{task.name}.rungs holds no rung that can be trained.",
            param=f"tasks.{task.name}.rungs",
            remedy=f"Add one of: {', '.join(recipes) or 'none is installed'}.",
        )
    return rungs


def fit(task: Task, dataset: Dataset, folder: Path, progress: Progress) -> dict[str, Fitted]:
    """Make every learned rung of a task from a frozen dataset's `train` split, each in a folder of its name.

    The seed is `seed_of` the dataset.
    """
    fitted: dict[str, Fitted] = {}
    for rung in learned_rungs(task):
        place = folder / rung
        place.mkdir(parents=True)
        recipe = plugins.find(plugins.RECIPES, rung)()
        fitted[rung] = recipe.fit(
            task,
            dataset,
            place,
            settings=task.recipes.get(rung, {}),
            seed=seed_of(dataset),
            progress=partial(_named, progress, rung),
        )
    return fitted


def _named(progress: Progress, rung: str, done: int, total: int, what: str) -> None:
    progress(done, total, f"{rung}: {what}")


def admit(
    registry: Registry,
    dataset: Dataset,
    folder: Path,
    fitted: Mapping[str, Fitted],
    task: Task | None = None,
) -> dict[str, str]:
    """Take what `fit` left in `folder`, and its dataset, into the registry; rung -> id of its release.

    With the task, how each release was made is written down beside it, so that it can be made again.
    """
    registry.freeze(dataset)
    releases = {
        rung: registry.admit(dataset.task, rung, rung, dataset.hash, folder / rung, made.metrics)
        for rung, made in fitted.items()
    }
    if task is not None:
        for rung, release in releases.items():
            registry.note(release, asdict(record_of(task, task.recipes.get(rung, {}), seed_of(dataset))))
    return {rung: release.id for rung, release in releases.items()}


def seed_of(dataset: Dataset) -> int:
    """The dataset's hash is the seed, so that the same examples make the same rungs."""
    return int(dataset.hash[:8], 16)


def load_rungs(registry: Registry, releases: Mapping[str, str]) -> list[Learned]:
    """The rungs of these releases (rung -> release id), loaded and in that order."""
    return [
        plugins.find(plugins.RUNGS, rung).load(registry.folder(release), name=rung, release=release)
        for rung, release in releases.items()
    ]
