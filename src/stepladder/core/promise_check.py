"""Whether the parts of a task's promise fit each other, and what its labels and rungs are."""

from stepladder.core.errors import ConfigError
from stepladder.core.promised import Promise


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


def _wrong(key: str, value: object, remedy: str) -> ConfigError:
    return ConfigError(f"{key} is {value!r}.", param=key, remedy=remedy)
