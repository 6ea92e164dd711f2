"""The flywheel's turning: one process at a time, each task in its turn, for as long as the server runs."""

import logging
import os
import socket
from collections.abc import Iterable
from pathlib import Path
from threading import Event
from typing import Protocol

from stepladder.core import Config, StepladderError, Task
from stepladder.flywheel import Flywheel
from stepladder.registry import Registry
from stepladder.rollout import Report, fingerprint
from stepladder.store import Store

_LEASE = "flywheel"
_LEASE_SECONDS = 120.0  # a fit renews it with every sign of progress

_log = logging.getLogger("stepladder.flywheel")


class Ticker(Protocol):
    """What turns: the flywheel."""

    def tick(self, task: Task) -> object:
        """Take the step of a task that is due."""
        ...


def assemble(config: Config, store: Store, releases: Path) -> Flywheel:
    """The flywheel of a configuration, which renews its lease as it reports."""

    def renew(task: str, stage: str, done: int, total: int, what: str) -> None:
        store.leases.take(_LEASE, holder(), _LEASE_SECONDS)

    tops = {name: fingerprint(task, config.models[task.top]) for name, task in config.tasks.items()}
    return Flywheel(store, Registry(store.catalogue, releases), tops, Report(store, also=renew))


def holder() -> str:
    """Who holds the lease: this process."""
    return f"{socket.gethostname()}:{os.getpid()}"


def turn(wheel: Ticker, store: Store, tasks: Iterable[Task], stopped: Event, *, every: float = 1.0) -> None:
    """Tick each task about every `every` seconds until `stopped`, as long as no other process does.

    A task in trouble does not stop the others: what is wrong is logged, and tried again at the next round.
    """
    tasks = list(tasks)
    while not stopped.is_set():
        if store.leases.take(_LEASE, holder(), _LEASE_SECONDS):
            for task in tasks:
                _tick(wheel, task)
        stopped.wait(every)
    store.leases.release(_LEASE, holder())


def _tick(wheel: Ticker, task: Task) -> None:
    try:
        wheel.tick(task)
    except StepladderError as error:
        _log.error("The flywheel of task %s is in trouble: %s", task.name, error)
