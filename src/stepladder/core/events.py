"""Things that happened, told to whoever listens. `core` emits; exporters (metrics, logs, traces) listen elsewhere."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from stepladder.core.nouns import Answer
from stepladder.core.records import record
from stepladder.core.verdicts import Remark


@record
class Answered:
    """A question left the gateway.

    `task` is empty for a plain model; `status` is ok, partial (the client left), failed, or withheld (the ledger could
    not be written); `top` says that the top rung was asked, `cached` that the answer had been given before;
    `id` is the request's; `arm` is who was drawn for it, where `model` is a split.
    """

    task: str
    model: str
    answer: Answer | None
    status: str
    latency_ms: float
    overhead_ms: float
    top: bool = False
    cached: bool = False
    id: str = ""
    arm: str = ""


@dataclass(frozen=True, slots=True)
class Climbed:
    """A rung was asked and not believed, or failed (`failed` names the error's code)."""

    task: str
    rung: str
    confidence: float
    failed: str = ""


@dataclass(frozen=True, slots=True)
class Audited:
    """A drawn low answer was put to the top rung."""

    task: str
    ladder_release: str
    agreed: bool


@dataclass(frozen=True, slots=True)
class Refused:
    """A question was turned away at the door; `code` is the error's."""

    code: str


@dataclass(frozen=True, slots=True)
class Remarked:
    """A guard had something to say of a question or its answer."""

    task: str
    model: str
    remark: Remark


@dataclass(frozen=True, slots=True)
class RolledOut:
    """A task's rollout changed."""

    task: str
    live: str | None
    candidate: str | None
    why: str


Listener = Callable[[Any], None]


class Events:
    """A list of listeners. Listeners must be quick and must not raise."""

    __slots__ = ("_listeners",)

    def __init__(self) -> None:
        self._listeners: tuple[Listener, ...] = ()

    def subscribe(self, listener: Listener) -> None:
        """Tell `listener` of every event from now on."""
        self._listeners += (listener,)

    def emit(self, event: Any) -> None:
        """Tell every listener."""
        for listener in self._listeners:
            listener(event)
