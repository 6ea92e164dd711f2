"""Configuration of splits: a model of `kind = "split"` divides its callers between other models, its arms, by share."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from stepladder.core.errors import ConfigError
from stepladder.core.nouns import Task
from stepladder.core.toml_tables import between, one_of, settings

SPLIT = "split"
"""The kind. It opens nothing, so it is no plug-in: its arms are models of the same configuration."""

_SLACK = 1e-3
_OWN = {"fallback": (), "cache_seconds": 0.0, "max_output_tokens": None}


@dataclass(frozen=True, slots=True)
class SplitSettings:
    """`[models.x]` with `kind = "split"`: `arms` are names of other models, each with the share of the callers it gets."""

    arms: Mapping[str, float]


def arms_of(model: Any, where: str) -> Mapping[str, float]:
    """The arms of a split's `ModelConfig`, in the order of the file. Raises ConfigError naming the key."""
    given = model.settings.get("arms")
    for arm, share in given.items() if isinstance(given, Mapping) else ():
        if isinstance(share, bool) or not isinstance(share, int | float):
            raise _wrong(f"{where}.arms.{arm}", f"is {share!r}", "Give a share from 0 to 1.")
    return settings(model.settings, SplitSettings, where).arms


def check_splits(models: Mapping[str, Any], tasks: Mapping[str, Task]) -> None:
    """Raise ConfigError where a split's arms or shares are none, or a split stands where one model must."""
    splits = [name for name, model in models.items() if model.kind == SPLIT]
    for name in splits:
        _check_own(models[name], f"models.{name}")
        _check_arms(name, arms_of(models[name], f"models.{name}"), models)
    for name, model in models.items():
        for other in model.fallback:
            if other in splits:
                where, remedy = f"models.{name}.fallback", "Name one of its arms."
                raise _wrong(where, f"names {other!r}, which is a split", remedy)
    for name, task in tasks.items():
        if task.teacher in splits:
            raise _wrong(
                f"tasks.{name}.{'labeller' if task.offline else 'top'}",
                f"names {task.teacher!r}, which is a split",
                "Name one model: it is what the task's promise is measured by.",
            )


def _check_own(model: Any, where: str) -> None:
    for key, none in _OWN.items():
        if getattr(model, key) != none:
            remedy = "Give it to the arms: each answers as it does under its own name."
            raise _wrong(f"{where}.{key}", "does not go with a split", remedy)


def _check_arms(name: str, arms: Mapping[str, float], models: Mapping[str, Any]) -> None:
    where = f"models.{name}.arms"
    if len(arms) < 2:
        raise _wrong(where, f"names {len(arms)} model{'' if arms else 's'}", "Name two or more.")
    answering = {other: model for other, model in models.items() if model.kind != SPLIT}
    for arm, share in arms.items():
        if arm not in models:
            one_of(arm, answering, where)
        if arm not in answering:
            what = "itself" if arm == name else f"{arm!r}, which is a split too"
            raise _wrong(where, f"names {what}", "Name models that answer, and all of them in one split.")
        between(share, 0.0, 1.0, f"{where}.{arm}", closed=True)
    total = sum(arms.values())
    if abs(total - 1) > _SLACK:
        raise _wrong(where, f"adds up to {total:g}", "Let the shares add up to 1.")


def _wrong(where: str, what: str, remedy: str) -> ConfigError:
    return ConfigError(f"{where} {what}.", param=where, remedy=remedy)
