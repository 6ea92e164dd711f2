"""Who guesses keys: after some wrong ones an address gets no more hearing for a while, unless its key is good."""

from stepladder.core import Banned, Clock, Events
from stepladder.traffic.strikes import Rule, Strikes

_WINDOW = 60.0
_LONGEST = 3600.0


class Bans:
    """Wrong keys by address. A ban lasts twice as long each time, up to an hour; others' guesses lock no good key out."""

    def __init__(
        self,
        clock: Clock,
        after: int = 30,
        seconds: float = 60.0,
        strikes: Strikes | None = None,
        events: Events | None = None,
    ) -> None:
        """`after` wrong keys in a minute bring a ban of `seconds`; 0 of either: none."""
        self.after = after
        self.seconds = seconds
        self._clock = clock
        self._strikes = strikes or Strikes()
        self._events = events or Events()

    def left(self, address: str) -> float:
        """For how many seconds yet the address is banned; 0 where it is not."""
        return self._strikes.banned(f"address {address}", self._clock.monotonic()) if address else 0.0

    def wrong(self, address: str) -> float:
        """Note a wrong key; how many seconds the address is banned for from now on, 0 where it is not."""
        if not self.after or not self.seconds or not address:
            return 0.0
        now, who = self._clock.monotonic(), f"address {address}"
        left = self._strikes.banned(who, now)
        if left or not self._strikes.add(who, Rule(self.after, _WINDOW), now):
            return left
        length = self._strikes.ban(who, self.seconds, _LONGEST, now)
        self._events.emit(Banned(who, "guesses", length))
        return length
