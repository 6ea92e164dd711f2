"""Who guesses keys: after some wrong ones an address gets no more hearing for a while, unless its key is good."""

from collections import OrderedDict
from dataclasses import dataclass

from stepladder.core import Clock

_WINDOW = 60.0
_MOST_ADDRESSES = 10_000


@dataclass(slots=True)
class _Guesses:
    begun: float
    count: int = 0
    until: float = 0.0
    bans: int = 0


class Bans:
    """Wrong keys by address. A ban lasts twice as long each time, up to an hour; others' guesses lock no good key out."""

    def __init__(self, clock: Clock, after: int = 30, seconds: float = 60.0) -> None:
        """`after` wrong keys in a minute bring a ban of `seconds`; 0 of either: none."""
        self.after = after
        self.seconds = seconds
        self._clock = clock
        self._seen: OrderedDict[str, _Guesses] = OrderedDict()

    def wrong(self, address: str) -> float:
        """Note a wrong key; how many seconds the address is banned for from now on, 0 where it is not."""
        if not self.after or not self.seconds or not address:
            return 0.0
        now = self._clock.monotonic()
        found = self._seen.pop(address, None) or _Guesses(now)
        self._seen[address] = found
        if len(self._seen) > _MOST_ADDRESSES:
            self._seen.popitem(last=False)
        if found.until > now:
            return found.until - now
        if now - found.begun > _WINDOW:
            found.begun, found.count = now, 0
        found.count += 1
        if found.count <= self.after:
            return 0.0
        length = min(self.seconds * float(2**found.bans), max(self.seconds, 3600.0))
        found.until, found.begun, found.count, found.bans = now + length, now + length, 0, found.bans + 1
        return length
