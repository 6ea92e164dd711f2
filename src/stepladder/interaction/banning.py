"""Bans, told: in the log at once, and in the journal a moment later, since writing it takes its time."""

import logging
from dataclasses import dataclass
from typing import Any

from stepladder.core import BadRequest, Banned, Clock, Events
from stepladder.store import Journal
from stepladder.traffic import Strikes, mark_of

_log = logging.getLogger(__name__)

_MOST_LINES = 1000


@dataclass(frozen=True, slots=True)
class Standing:
    """A ban that stands: whose (an address, or a tenant's key and a user's hash), why, and for how many seconds yet.

    `times` counts it and those before it, each of which was half as long. `who` is "" where the journal's latest lines no
    longer tell.
    """

    id: str
    who: str
    why: str
    seconds: float
    times: int


def standing(strikes: Strikes, journal: Journal, clock: Clock) -> list[Standing]:
    """Every ban, the longest first. The board knows only hashes; the journal has the names. Raises StoreError."""
    found = strikes.standing(clock.monotonic())
    if not found:
        return []
    named: dict[str, tuple[str, str]] = {}
    for line in reversed(journal.newest(_MOST_LINES, "ban")):
        who, _, said = line.detail.rpartition(": ")
        named[mark_of(who)] = who, said.partition(",")[0]
    bans = [Standing(id, *named.get(id, ("", "")), round(left, 1), times) for id, left, times in found]
    return sorted(bans, key=lambda ban: -ban.seconds)


def lift(strikes: Strikes, journal: Journal, clock: Clock, id: str, by: str) -> None:
    """End a ban, in every worker at once, and write down who did. Raises BadRequest where there is none, StoreError."""
    found = next((ban for ban in standing(strikes, journal, clock) if ban.id == id), None)
    if found is not None:  # what cannot be noted is not done
        journal.note(
            by, "ban lifted", f"{found.who or id}: {found.why or 'unknown'}, {found.seconds:g} s early"
        )
    if found is None or not strikes.lift(id, clock.monotonic()):
        raise BadRequest(
            f"There is no ban {id[:40]!r}.",
            param="id",
            remedy="GET /admin/bans or `stepladder bans list` shows them.",
        )


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
