"""The flywheel's process, `python -m stepladder.interaction.turn`: niced, one at a time, ended with the server.

It shares nothing with the server but the store and the releases' folder, and can be killed at any moment.
"""

import argparse
import logging
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Protocol

from stepladder.core import Config, StepladderError, Task
from stepladder.flywheel import Flywheel
from stepladder.interaction.compose import open_registry, open_store
from stepladder.interaction.settings import Settings
from stepladder.registry import Registry
from stepladder.rollout import Report, fingerprint
from stepladder.store import Store

_LEASE = "flywheel"
_LEASE_SECONDS = 120.0  # a fit renews it with every sign of progress
_GRACE_SECONDS = 5.0
_NICE = 10

_log = logging.getLogger("stepladder.flywheel")


class Ticker(Protocol):
    """What turns: the flywheel."""

    def tick(self, task: Task) -> object:
        """Take the step of a task that is due."""
        ...


def assemble(config: Config, store: Store, registry: Registry) -> Flywheel:
    """The flywheel of a configuration, which renews its lease as it reports."""

    def renew(task: str, stage: str, done: int, total: int, what: str) -> None:
        store.leases.take(_LEASE, holder(), _LEASE_SECONDS)

    tops = {name: fingerprint(task, config.models[task.top]) for name, task in config.tasks.items()}
    return Flywheel(store, registry, tops, Report(store, also=renew))


def holder() -> str:
    """Who holds the lease: this process."""
    return f"{socket.gethostname()}:{os.getpid()}"


def turn(
    wheel: Ticker, store: Store, tasks: Iterable[Task], stopped: threading.Event, *, every: float = 1.0
) -> None:
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


def main(arguments: list[str] | None = None) -> int:
    """Turn until SIGTERM, or until the other end of standard input is closed."""
    parser = argparse.ArgumentParser(prog="stepladder.interaction.turn", description=main.__doc__)
    parser.add_argument("--config", type=Path)
    settings = Settings(parser.parse_args(arguments).config)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    stopped = threading.Event()
    signal.signal(signal.SIGTERM, lambda number, frame: stopped.set())
    signal.signal(signal.SIGINT, lambda number, frame: stopped.set())
    threading.Thread(target=_end_with_parent, args=(stopped,), daemon=True).start()
    if hasattr(os, "nice"):
        os.nice(_NICE)
    try:
        config = settings.load()
        store = open_store(settings, config)
    except StepladderError as error:
        sys.stderr.write(f"stepladder: {error}\n")
        return 2
    try:
        wheel = assemble(config, store, open_registry(store, settings, config))
        turn(wheel, store, config.tasks.values(), stopped)
    finally:
        store.close()
    return 0


def _end_with_parent(stopped: threading.Event) -> None:
    """A server that was killed closes its end of the pipe; a fit under way is not waited for, since it can be redone."""
    sys.stdin.buffer.read()
    stopped.set()
    time.sleep(_GRACE_SECONDS)
    os._exit(0)


if __name__ == "__main__":
    sys.exit(main())
