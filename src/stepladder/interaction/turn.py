"""The flywheel's process: `python -m stepladder.interaction.turn`, started by the server and gone when it is.

One at a time turns a store's wheel, whichever server started it (a lease). It is niced, since answers come first.
"""

import argparse
import logging
import os
import signal
import socket
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path

from stepladder.core import StepladderError, Task, TaskKind
from stepladder.flywheel import Flywheel
from stepladder.interaction.compose import open_registry, open_store
from stepladder.interaction.settings import Settings
from stepladder.rollout import Report, fingerprint
from stepladder.store import Store

_log = logging.getLogger("stepladder.flywheel")
_LEASE = "flywheel"
_LEASE_SECONDS = 15.0
_RENEW_SECONDS = 5.0
_TICK_SECONDS = 0.5
_NICENESS = 10


def main() -> int:
    """Turn until the parent is gone or SIGTERM comes. Raises nothing: the exit code says how it went."""
    arguments = argparse.ArgumentParser(prog="stepladder.interaction.turn")
    arguments.add_argument("--config", type=Path)
    given = arguments.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the server, which then ends us
    threading.Thread(target=_end_with_parent, name="parent", daemon=True).start()
    if hasattr(os, "nice"):
        os.nice(_NICENESS)
    try:
        _run(Settings(given.config))
    except StepladderError as error:
        _log.error("The flywheel cannot turn: %s", error)
        return 1
    return 0


def _run(settings: Settings) -> None:
    config = settings.load()
    store = open_store(settings, config)
    try:
        tops = {name: fingerprint(task, config.models[task.teacher]) for name, task in config.tasks.items()}
        flywheel = Flywheel(store, open_registry(store, settings, config), tops, Report(store))
        with _Lease(store) as lease:
            while True:
                lease.wait()
                for task in config.tasks.values():
                    if task.kind is TaskKind.TASK:
                        _tick(flywheel, task)
                time.sleep(_TICK_SECONDS)
    finally:
        store.close()


def _tick(flywheel: Flywheel, task: Task) -> None:
    """A task in trouble does not stop the others: what is wrong is logged, and tried again at the next round."""
    try:
        flywheel.tick(task)
    except StepladderError as error:
        _log.error("The flywheel of task %s is in trouble: %s", task.name, error)


class _Lease:
    """The right to turn, renewed by a thread of its own, since a fit may take longer than the lease."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._holder = f"{socket.gethostname()}:{os.getpid()}"
        self._held = threading.Event()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._keep, name="lease", daemon=True)

    def __enter__(self) -> "_Lease":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()
        with suppress(StepladderError):
            self._store.leases.release(_LEASE, self._holder)

    def wait(self) -> None:
        """Return once it is ours."""
        self._held.wait()

    def _keep(self) -> None:
        while not self._over.is_set():
            try:
                held = self._store.leases.take(_LEASE, self._holder, _LEASE_SECONDS)
            except StepladderError as error:
                _log.warning("The lease was not renewed: %s", error)
                held = False
            if held:
                self._held.set()
            else:
                self._held.clear()
            self._over.wait(_RENEW_SECONDS if held else _TICK_SECONDS)


def _end_with_parent() -> None:
    """The server holds the other end of our standard input: it ends with the server, however that ends."""
    # Not through sys.stdin, whose lock would be held when this process ends by itself.
    while os.read(0, 1):
        pass
    os._exit(0)  # at once: every step can be taken again


if __name__ == "__main__":
    sys.exit(main())
