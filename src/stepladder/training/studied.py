"""What a study tries, and what it searches where nobody says: rung recipes, by hidden rows, and methods for language models."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any

from stepladder.core import Dataset, Task, plugins
from stepladder.training.study import Attempt, Choice, Report

_LISTS = ("costs", "ridges")  # settings that are lists of what is to be tried
_PARTS = (0.25, 0.5)  # shares of the rows that a trial may fail on before it sees them all

SPACES: Mapping[str, tuple[Choice, ...]] = {
    "linear": (
        Choice("costs", low=0.05, high=20.0),
        Choice("characters", (True, False)),
        Choice("bits", (16, 18, 20)),
    ),
    "encoder": (Choice("ridges", low=1e-5, high=1e-2),),
    "trees": (Choice("leaves", low=4, high=63, whole=True), Choice("rate", low=0.02, high=0.3)),
    "tagger": (Choice("rounds", low=10, high=200, whole=True),),
}
"""Of rung recipes; others name their choices by hand."""


def language_space(rate: float, adapter: str, pairs: bool) -> tuple[Choice, ...]:
    """Of a method with this learning rate: two powers of ten around it, an adapter's rank, and the weight of preferences."""
    found = [Choice("rate", low=rate / 10, high=rate * 10)]
    if adapter in ("lora", "qlora"):
        found.append(Choice("rank", (4, 8, 16, 32)))
    if pairs:
        found.append(Choice("beta", low=0.01, high=0.6))
    return tuple(found)


def rung_attempt(task: Task, recipe: str, dataset: Dataset, given: Mapping[str, Any]) -> Attempt:
    """Fit a rung recipe on a quarter, half and all of the rows.

    The figure is the log loss on hidden rows, else the share of them that is wrong.
    """
    maker: Callable[[], Any] = plugins.find(plugins.RECIPES, recipe)

    def attempt(settings: Mapping[str, Any], place: Path, report: Report) -> float:
        whole = {**given, **settings_of(settings)}
        value = 0.0
        for step, share in enumerate((*_PARTS, 1.0)):
            work = place / f"part-{step}"
            work.mkdir(exist_ok=True)
            fitted = maker().fit(
                task,
                _some(dataset, share),
                work,
                settings=whole,
                seed=0,
                progress=lambda done, total, what: None,
            )
            value = figure(fitted.metrics)
            report(step, value)
        return value

    return attempt


def settings_of(found: Mapping[str, Any]) -> dict[str, Any]:
    """What a trial took, as the recipe's table has it."""
    return {key: [value] if key in _LISTS else value for key, value in found.items()}


def figure(metrics: Mapping[str, float]) -> float:
    """The number that a study makes small."""
    if "out_of_fold_log_loss" in metrics:
        return float(metrics["out_of_fold_log_loss"])
    return 1.0 - float(next((metrics[key] for key in metrics if "out_of_fold" in key), 0.0))


def _some(dataset: Dataset, share: float) -> Dataset:
    """The same rows every time, whatever the order; a larger share holds a smaller one."""
    rows = dataset.splits["train"]
    ranked = sorted(rows, key=lambda one: sha256(one.id.encode()).digest())
    return replace(dataset, splits={"train": tuple(ranked[: round(share * len(rows))])})
