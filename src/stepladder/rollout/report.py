"""How far the flywheel is, into the store for whoever looks, and into the log at every new step."""

import logging
import time
from collections.abc import Callable

from stepladder.store import Store

_EVERY = 0.5  # seconds between two writes of the same step

log = logging.getLogger("stepladder.flywheel")


class Report:
    """Called as report(task, stage, done, total, what). `also` is told the same, of every call."""

    __slots__ = ("_also", "_said", "_store", "_when")

    def __init__(self, store: Store, also: Callable[[str, str, int, int, str], None] | None = None) -> None:
        self._store = store
        self._also = also
        self._said: dict[str, tuple[str, int, int, str]] = {}
        self._when: dict[str, float] = {}

    def __call__(self, task: str, stage: str, done: int, total: int, what: str) -> None:
        """Write it down, unless it is nothing new, or the same step was written a moment ago."""
        if self._also is not None:
            self._also(task, stage, done, total, what)
        before, now = self._said.get(task), time.monotonic()
        same = before is not None and before[0] == stage
        if before == (stage, done, total, what) or (same and now - self._when[task] < _EVERY):
            return
        if not same:
            log.info("%s: %s. %s", task, stage, what)
        self._said[task], self._when[task] = (stage, done, total, what), now
        self._store.progress.report(task, stage, done, total, what)
