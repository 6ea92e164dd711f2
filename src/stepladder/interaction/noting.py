"""Acts that are done and cannot be noted just now: told to whoever did them, and noted as soon as that can be done."""

import logging
from datetime import UTC, datetime

from stepladder.core import Clock, StoreError
from stepladder.store import Journal

_log = logging.getLogger(__name__)


class Noting:
    """Writes into the journal. What it would not take waits for `save`, as long as the process lives."""

    def __init__(self, journal: Journal, clock: Clock) -> None:
        self._journal = journal
        self._clock = clock
        self._waiting: list[tuple[str, str, str]] = []

    @property
    def waiting(self) -> int:
        """How many acts are not noted yet."""
        return len(self._waiting)

    def done(self, who: str, what: str, detail: str) -> None:
        """Note an act that is done. Blocks. Raises StoreError saying that it is done, and not noted yet."""
        try:
            self._journal.note(who, what, detail)
        except StoreError as error:
            at = datetime.fromtimestamp(self._clock.time(), UTC).isoformat(timespec="seconds")
            self._waiting.append((who, what, f"{detail}, done at {at} and noted late"))
            _log.error("Done, and not in the journal yet: %s, %s, %s.", who, what, detail)
            raise StoreError(
                f"It is done, but the journal does not know of it yet: {error.message}",
                remedy=f"Do not do it again. {error.remedy}",
            ) from error

    def save(self) -> None:
        """Note what waits, in its order. Blocks. Raises StoreError, and keeps the rest for the next time."""
        while self._waiting:
            self._journal.note(*self._waiting[0])
            del self._waiting[0]
