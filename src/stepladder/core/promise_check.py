"""Whether the parts of a task's promise, and of its watch, fit each other, its labels and its top rung."""

from stepladder.core.errors import ConfigError
from stepladder.core.nouns import OFFLINE, Task, Turning, Unsure
from stepladder.core.promised import Floors, Promise
from stepladder.core.toml_tables import between
from stepladder.core.watching import TaskWatch


def check_promise(promise: Promise, labels: tuple[str, ...], where: str) -> None:
    """Whether the parts of a promise fit each other and the task's labels. Raises ConfigError naming the key."""
    if promise.kind.one_sided and promise.positive not in labels:
        listed = ", ".join(labels) or "none; list them in the task's labels"
        raise _wrong(f"{where}.positive", promise.positive, f"Name the label to find. Labels: {listed}.")
    if not promise.kind.one_sided and promise.positive is not None:
        raise _wrong(f"{where}.positive", promise.positive, 'It goes with kind = "recall" or "precision".')
    floors = promise.floors
    if floors.every_label is not None and not labels:
        raise _wrong(
            f"{where}.floors.every_label", floors.every_label, "List the task's labels, or leave it."
        )
    for label in floors.labels:
        if labels and label not in labels:
            raise _wrong(f"{where}.floors.labels", label, f"Labels: {', '.join(labels)}.")
    shares = {**floors.labels, **floors.tenants, "every_label": floors.every_label}
    for name, share in shares.items():
        if share is not None and not 0.5 <= share < 1.0:
            raise _wrong(f"{where}.floors: {name}", share, "Give a share from 0.5 to below 1.")


def check_top(task: Task, models: tuple[str, ...], where: str) -> None:
    """Whether a task's top rung, or with "offline" its labeller, is a model. Raises ConfigError naming the key."""
    key = "labeller" if task.offline else "top"
    if task.teacher not in models:
        listed = ", ".join(models) or "none; add [models.NAME]"
        raise ConfigError(
            f"{where}.{key} names {task.teacher!r}, which is no model.",
            param=f"{where}.{key}",
            remedy=f"Models: {listed}." + (' "offline" needs a labeller.' if task.offline else ""),
        )
    if task.offline and OFFLINE in models:
        raise _wrong(
            f"{where}.top", OFFLINE, "Rename the model of this name: the word means that there is none."
        )
    if task.offline and task.promise.kind.one_sided:
        raise _wrong(
            f"{where}.promise.kind", task.promise.kind.value, 'With top = "offline": agreement, error.'
        )
    if task.offline and task.promise.floors != Floors():
        raise _wrong(
            f"{where}.promise.floors", task.promise.floors, "They go with a top that answers the rest."
        )
    if not task.offline and (task.labeller or task.unsure != Unsure()):
        key = "labeller" if task.labeller else "unsure"
        raise _wrong(f"{where}.{key}", task.labeller or task.unsure.answer, 'It goes with top = "offline".')


def _wrong(key: str, value: object, remedy: str) -> ConfigError:
    return ConfigError(f"{key} is {value!r}.", param=key, remedy=remedy)


def check_turning(wheel: Turning, where: str) -> None:
    """Raise ConfigError, naming the key, for a share that is none, a growth that shrinks, a count below 1."""
    for key in ("canary", "audit", "recalibrate", "forget"):
        between(getattr(wheel, key), 0.0, 1.0, f"{where}.{key}", closed=True)
    for key in ("hold_back", "replay"):
        between(getattr(wheel, key), 0.0, 0.9, f"{where}.{key}", closed=True)
    for key in ("every_hours", "entries"):
        between(getattr(wheel, key), 0.0, 1e9, f"{where}.{key}", closed=True)
    between(wheel.growth, 1.0, float("inf"), f"{where}.growth")
    for key in ("labels", "calibration"):
        between(getattr(wheel, key), 0, float("inf"), f"{where}.{key}")


def check_watching(watch: TaskWatch, where: str) -> None:
    """Raise ConfigError, naming the key, for a share that is none."""
    between(watch.drift_risk, 0.0, 0.5, f"{where}.drift_risk")
    between(watch.drift_tolerance, 0.0, 0.5, f"{where}.drift_tolerance", closed=True)
