"""The circuit breaker of one server: who fails again and again is left alone for a while, then tried with one call."""

import time
from collections.abc import Callable


class Breaker:
    """Closed, it lets calls through. After `failures` in a row it opens for `rest` seconds; then it is half open.

    Half open, one call is the probe: its success closes the breaker, its failure opens it for twice as long, up to
    `longest` seconds. `pause` keeps calls away for as long as the server itself has asked for, and is no failure.
    (M. Nygard, Release It!, 2nd edition, chapter 5.)
    """

    __slots__ = ("_clock", "_failures", "_longest", "_next_rest", "_probing", "_rest", "_row", "_until")

    def __init__(
        self,
        failures: int = 5,
        rest: float = 1.0,
        longest: float = 60.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._failures = failures
        self._rest = self._next_rest = rest
        self._longest = longest
        self._clock = clock
        self._row = 0
        self._until = 0.0
        self._probing = False

    @property
    def state(self) -> str:
        """ "closed", "open", "half-open", or "paused"."""
        broken = self._row >= self._failures
        if self.resting > 0:
            return "open" if broken else "paused"
        return "half-open" if broken else "closed"

    @property
    def resting(self) -> float:
        """Seconds until it may be asked again, 0 where it may be now."""
        return max(self._until - self._clock(), 0.0) if self._until else 0.0

    @property
    def allows(self) -> bool:
        """Whether a call may go now."""
        return not self._until or (self.resting <= 0 and not self._probing)

    def begin(self) -> bool:
        """A call goes; True where it is the probe, which must come to one of the three ends below."""
        if self._row < self._failures:
            return False
        self._probing = True
        return True

    def succeeded(self) -> None:
        """It was answered."""
        if self._row or self._until:
            self._row, self._until, self._next_rest, self._probing = 0, 0.0, self._rest, False

    def failed(self) -> None:
        """It was not. A call that began before the breaker opened does not make the rest longer."""
        self._row += 1
        if self._probing or self._row == self._failures:
            self._until = self._clock() + self._next_rest
            self._next_rest = min(self._next_rest * 2, self._longest)
        self._probing = False

    def left(self) -> None:
        """Whoever asked did not wait for the end, so that nothing is known."""
        self._probing = False

    def pause(self, seconds: float) -> None:
        """No calls for so long: the server has said so."""
        self._until = max(self._until, self._clock() + min(seconds, self._longest))
        self._probing = False
