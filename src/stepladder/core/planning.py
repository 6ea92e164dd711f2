"""Configuration of plans: named steps, each answered by a task or a model."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from stepladder.core.errors import ConfigError
from stepladder.core.hands import ToolUse
from stepladder.core.nouns import Task
from stepladder.core.toml_tables import between, one_of, settings
from stepladder.core.tooling import check_use, shorthand

PLACE = re.compile(r"\{([A-Za-z][\w-]*)\}")
"""A place in a step's prompt: {question}, or the name of an earlier step for its answer."""

_NAME = re.compile(r"[A-Za-z][\w-]*\Z", re.ASCII)


@dataclass(frozen=True, slots=True)
class Split:
    """`split` of a step: the question is broken down by the step's `use`, which also puts the answers together.

    Each part goes to one of `tasks`, or where that fails to `fallback`, one after the other; there are at most `most`, of
    which `at_once` are asked side by side. `compose` names who puts the answers together, if it is somebody else.
    """

    tasks: tuple[str, ...] = ()
    fallback: tuple[str, ...] = ()
    most: int = 6
    at_once: int = 3
    compose: str = ""


@dataclass(frozen=True, slots=True)
class Step:
    """`[[plans.x.steps]]`: `use` names a task or a model, `fallback` those that are asked where it fails.

    `when` maps earlier steps to the answers that let this one be done; `prompt`, if given, is put in the place of the
    question; a `quiet` step's answer is for other steps only; one with `otherwise` is done where nothing was said before it.
    Where the answer of the step `by` is a name in `experts`, that expert is asked in the place of `use`. `tools` are given
    to models; a task has its own.
    """

    name: str
    use: str
    when: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    prompt: str = ""
    fallback: tuple[str, ...] = ()
    quiet: bool = False
    otherwise: bool = False
    by: str = ""
    experts: Mapping[str, str] = field(default_factory=dict)
    tools: ToolUse = field(default_factory=ToolUse)
    split: Split = field(default_factory=Split)


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
    steps = [settings(shorthand(step), Step, f"{where}.steps[{at}]") for at, step in enumerate(data["steps"])]
    return PlanConfig(tuple(steps))


@dataclass(frozen=True, slots=True)
class _Known:
    """What a plan may name."""

    tasks: Mapping[str, Task]
    models: Mapping[str, Any]
    tools: Mapping[str, Any]

    @property
    def all(self) -> dict[str, Any]:
        """Everything that a step can ask."""
        return {**self.tasks, **self.models}


def check_plans(
    plans: Mapping[str, PlanConfig],
    tasks: Mapping[str, Task],
    models: Mapping[str, Any],
    tools: Mapping[str, Any],
) -> None:
    """Raise ConfigError where a plan has a taken name, or a step names what there is not."""
    known = _Known(tasks, models, tools)
    for name, plan in plans.items():
        where = f"plans.{name}"
        if name in known.all:
            raise _wrong(where, "has the name of a task or a model", "Rename one of them.")
        before: dict[str, Step] = {}
        for at, step in enumerate(plan.steps):
            _check_step(step, before, known, f"{where}.steps[{at}]")
            before[step.name] = step
        if all(step.quiet or step.when for step in plan.steps):
            remedy = "Let one step that is not quiet have no `when`."
            raise _wrong(where, "may end without an answer", remedy)


def _check_step(step: Step, before: Mapping[str, Step], known: _Known, where: str) -> None:
    if not _NAME.match(step.name) or step.name == "question" or step.name in before:
        raise _wrong(
            f"{where}.name", f"is {step.name!r}", "Give each step a word of its own, and not `question`."
        )
    everybody = known.all
    for name in (step.use, *step.fallback, *step.experts.values()):
        if name not in everybody:
            raise _wrong(where, f"uses {name!r}, which there is not", f"There are: {', '.join(everybody)}.")
    by = (step.by,) if step.by else ()
    for name in (*step.when, *by, *(place for place in PLACE.findall(step.prompt) if place != "question")):
        if name not in before:
            remedy = f"Steps before it: {', '.join(before) or 'none'}."
            raise _wrong(where, f"goes by {name!r}, which is no step before it", remedy)
    _check_experts(step, before, known, where)
    _check_tools(step, known, where)
    if step.split != Split():
        _check_split(step, known, f"{where}.split")


def _check_experts(step: Step, before: Mapping[str, Step], known: _Known, where: str) -> None:
    if bool(step.by) != bool(step.experts):
        raise _wrong(
            where, "has only one of `by` and `experts`", "Say which step's answer chooses, and whom."
        )
    chooser = known.tasks.get(before[step.by].use) if step.by else None
    for label in step.experts if chooser is not None and chooser.labels else ():
        one_of(label, dict.fromkeys(chooser.labels if chooser else ()), f"{where}.experts")


def _check_tools(step: Step, known: _Known, where: str) -> None:
    check_use(step.tools, known.tools, where)
    tasks = [name for name in (step.use, *step.fallback, *step.experts.values()) if name in known.tasks]
    if step.tools.use and tasks:
        remedy = f"Write [tasks.{tasks[0]}] tools = [...], or let the step use a model."
        raise _wrong(f"{where}.tools", f"gives tools to the task {tasks[0]!r}", remedy)


def _check_split(step: Step, known: _Known, where: str) -> None:
    split = step.split
    if not split.tasks:
        raise _wrong(f"{where}.tasks", "is empty", "Name the tasks that answer the parts.")
    for name in split.tasks:
        one_of(name, known.tasks, f"{where}.tasks")
    for name in split.fallback:
        one_of(name, known.all, f"{where}.fallback")
    for name in (step.use, *step.experts.values(), *filter(None, (split.compose,))):
        if name not in known.models:
            raise _wrong(where, f"is left to {name!r}, which is no model", "Name one of [models].")
    for key, most in (("most", 20), ("at_once", 20)):
        between(getattr(split, key), 1, most, f"{where}.{key}", closed=True)


def _wrong(where: str, what: str, remedy: str) -> ConfigError:
    return ConfigError(f"{where} {what}.", param=where, remedy=remedy)
