"""Run a recipe by its plug-in's name, and load what it made."""

from collections.abc import Mapping
from pathlib import Path

from stepladder.core import ConfigError, Dataset, Fitted, Learned, Progress, Task, plugins
from stepladder.registry import Registry


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


def fit(task: Task, rung: str, dataset: Dataset, folder: Path, progress: Progress) -> Fitted:
    """Make one rung from a frozen dataset's `train` split, into `folder`. The dataset's hash is the seed."""
    recipe = plugins.find(plugins.RECIPES, rung)()
    folder.mkdir(parents=True, exist_ok=True)
    fitted: Fitted = recipe.fit(
        task,
        dataset,
        folder,
        settings=task.recipes.get(rung, {}),
        seed=int(dataset.hash[:8], 16),
        progress=progress,
    )
    return fitted


def load_rungs(registry: Registry, releases: Mapping[str, str]) -> list[Learned]:
    """The rungs of these releases (rung -> release id), loaded and in that order."""
    return [
        plugins.find(plugins.RUNGS, rung).load(registry.folder(release), name=rung, release=release)
        for rung, release in releases.items()
    ]
