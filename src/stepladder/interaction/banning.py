"""Bans, told: in the log at once, and in the journal a moment later, since writing it takes its time."""

import logging
from typing import Any

from stepladder.core import Banned, Events
from stepladder.store import Journal

_log = logging.getLogger(__name__)


class BanNotes:
    """Listens to events; `save` writes down what it has heard. Call that off the loop."""

    def __init__(self, events: Events, journal: Journal) -> None:
        self._journal = journal
        self._heard: list[Banned] = []
        events.subscribe(self._listen)

    def save(self) -> None:
        """Into the journal with it. Raises StoreError, and keeps the rest for the next time."""
        while self._heard:
            ban = self._heard[0]
            self._journal.note("server", "ban", f"{ban.who}: {ban.why}, {ban.seconds:g} s")
            del self._heard[0]

    def _listen(self, event: Any) -> None:
        if isinstance(event, Banned):
            _log.warning("Banned for %g s, for %s: %s.", event.seconds, event.why, event.who)
            self._heard.append(event)
