"""Run recipes by their plug-ins' names, take what they made into the registry, and load it again."""

from collections.abc import Mapping
from dataclasses import asdict
from functools import partial
from pathlib import Path

from stepladder.core import (
    ConfigError,
    Dataset,
    Fitted,
    Followed,
    Learned,
    Progress,
    Task,
    TrackedRun,
    plugins,
)
from stepladder.registry import Registry, record_of
from stepladder.training.following import Following, Heard, unfollowed


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


def fit(
    task: Task, dataset: Dataset, folder: Path, progress: Progress, runs: Followed | None = None
) -> dict[str, Fitted]:
    """Make every learned rung of a task from a frozen dataset's `train` split, each in a folder of its name.

    The seed is `seed_of` the dataset. With `runs`, each fit is kept there as a run, with its figures by step where its
    trainer tells them; a keeper in trouble stops no fit.
    """
    fitted: dict[str, Fitted] = {}
    for rung in learned_rungs(task):
        place = folder / rung
        place.mkdir(parents=True)
        told = partial(_named, progress, rung)
        if runs is None:
            fitted[rung] = _fitted(task, dataset, place, told)
            continue
        with Following(
            runs, _run(task, dataset, rung), unfollowed(partial(told, 0, 0)), called="ledger"
        ) as following:
            fitted[rung] = _fitted(task, dataset, place, Heard(told, [following]))
            following.done(fitted[rung].metrics)
    return fitted


def _fitted(task: Task, dataset: Dataset, place: Path, progress: Progress) -> Fitted:
    """One rung, named by its folder."""
    recipe = plugins.find(plugins.RECIPES, place.name)()
    settings = task.recipes.get(place.name, {})
    fitted: Fitted = recipe.fit(
        task, dataset, place, settings=settings, seed=seed_of(dataset), progress=progress
    )
    return fitted


def _run(task: Task, dataset: Dataset, rung: str) -> TrackedRun:
    own = {key: str(value) for key, value in task.recipes.get(rung, {}).items()}
    rows = {"rows": str(len(dataset.splits.get("train", ()))), "seed": str(seed_of(dataset))}
    return TrackedRun(f"{rung} {task.name}", {**own, **rows, "dataset": dataset.hash})


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
