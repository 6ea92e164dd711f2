"""Configuration of plans: named steps, each answered by a task or a model."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from stepladder.core.errors import ConfigError
from stepladder.core.toml_tables import settings

PLACE = re.compile(r"\{([A-Za-z][\w-]*)\}")
"""A place in a step's prompt: {question}, or the name of an earlier step for its answer."""

_NAME = re.compile(r"[A-Za-z][\w-]*\Z", re.ASCII)


@dataclass(frozen=True, slots=True)
class Step:
    """`[[plans.x.steps]]`: `use` names a task or a model, `fallback` those that are asked where it fails.

    `when` maps earlier steps to the answers that let this one be done; `prompt`, if given, is put in the place of the
    question; a `quiet` step's answer is for other steps only; one with `otherwise` is done where nothing was said before it.
    """

    name: str
    use: str
    when: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    prompt: str = ""
    fallback: tuple[str, ...] = ()
    quiet: bool = False
    otherwise: bool = False


@dataclass(frozen=True, slots=True)
class PlanConfig:
    """`[plans.x]`: the answer is that of the last step done that is not quiet."""

    steps: tuple[Step, ...]


def read_plan(data: Any, where: str) -> PlanConfig:
    """A plan's table. Raises ConfigError naming the key."""
    if not isinstance(data, Mapping) or set(data) != {"steps"} or not isinstance(data["steps"], list):
        raise ConfigError(
            f"[{where}] holds steps and nothing else.",
            param=where,
            remedy=f"Write [[{where}.steps]] for each.",
        )
    steps = [settings(step, Step, f"{where}.steps[{at}]") for at, step in enumerate(data["steps"])]
    return PlanConfig(tuple(steps))


def check_plans(plans: Mapping[str, PlanConfig], known: Sequence[str]) -> None:
    """Raise ConfigError where a plan has a taken name, or a step names what there is not."""
    for name, plan in plans.items():
        where = f"plans.{name}"
        if name in known:
            raise _wrong(where, "has the name of a task or a model", "Rename one of them.")
        before: list[str] = []
        for at, step in enumerate(plan.steps):
            _check_step(step, before, known, f"{where}.steps[{at}]")
            before.append(step.name)
        if all(step.quiet or step.when for step in plan.steps):
            remedy = "Let one step that is not quiet have no `when`."
            raise _wrong(where, "may end without an answer", remedy)


def _check_step(step: Step, before: Sequence[str], known: Sequence[str], where: str) -> None:
    if not _NAME.match(step.name) or step.name == "question" or step.name in before:
        raise _wrong(
            f"{where}.name", f"is {step.name!r}", "Give each step a word of its own, and not `question`."
        )
    for name in (step.use, *step.fallback):
        if name not in known:
            raise _wrong(where, f"uses {name!r}, which there is not", f"There are: {', '.join(known)}.")
    for name in (*step.when, *(place for place in PLACE.findall(step.prompt) if place != "question")):
        if name not in before:
            remedy = f"Steps before it: {', '.join(before) or 'none'}."
            raise _wrong(where, f"goes by {name!r}, which is no step before it", remedy)


def _wrong(where: str, what: str, remedy: str) -> ConfigError:
    return ConfigError(f"{where} {what}.", param=where, remedy=remedy)
