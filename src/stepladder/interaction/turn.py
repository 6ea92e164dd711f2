"""The flywheel's process: `python -m stepladder.interaction.turn`, started by the server and gone when it is.

One at a time turns a store's wheel, whichever server started it (a lease). It is niced, since answers come first.
"""

import logging
import os
import socket
import sys
import threading
import time
from contextlib import suppress

from stepladder.core import ModelConfig, StepladderError, Task, TaskKind
from stepladder.flywheel import Flywheel
from stepladder.interaction.beside import run_beside
from stepladder.interaction.compose import open_registry
from stepladder.interaction.opening import open_store
from stepladder.interaction.settings import Settings
from stepladder.interaction.tracking import Publishing
from stepladder.rollout import Report, fingerprint, with_version
from stepladder.store import Store

_log = logging.getLogger("stepladder.flywheel")
_LEASE = "flywheel"
_LEASE_SECONDS = 15.0
_RENEW_SECONDS = 5.0
_TICK_SECONDS = 0.5


def main() -> int:
    """Turn until the parent is gone or SIGTERM comes. Raises nothing: the exit code says how it went."""
    return run_beside("turn", _log, "The flywheel cannot turn", _run)


def _run(settings: Settings) -> None:
    config = settings.load()
    store = open_store(settings, config)
    publishing = Publishing(store, settings.releases(config), config.tracker)
    try:
        publishing.start()
        tops: dict[str, str] = {}
        flywheel = Flywheel(store, open_registry(store, settings, config), tops, Report(store))
        with _Lease(store) as lease:
            while True:
                lease.wait()
                for task in config.tasks.values():
                    if task.kind is TaskKind.TASK:
                        tops[task.name] = _top(store, task, config.models[task.teacher])
                        _tick(flywheel, task)
                time.sleep(_TICK_SECONDS)
    finally:
        publishing.stop()
        store.close()


def _top(store: Store, task: Task, model: ModelConfig) -> str:
    """The top rung as it is now: by its settings, and by the version that it says it is."""
    return with_version(store, task.teacher, model, fingerprint(task, model))


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


if __name__ == "__main__":
    sys.exit(main())
