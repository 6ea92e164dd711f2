"""The gate: so many questions at a time, and a bounded line of those that wait, the more important ones first."""

import asyncio
from heapq import heappop, heappush

from stepladder.core import TooMany

_Waiting = tuple[int, int, asyncio.Future[None]]


class Gate:
    """Places for `at_once` questions. `limit` bounds the line; when it is full, the least important one is sent away."""

    def __init__(self, at_once: int, limit: int) -> None:
        self.at_once = at_once
        self.limit = limit
        self.inside = 0
        self._line: list[_Waiting] = []
        self._arrived = 0

    @property
    def waiting(self) -> int:
        """How many stand in line."""
        return sum(not place.done() for _, _, place in self._line)

    async def enter(self, priority: int, seconds: float) -> None:
        """Take a place, at once or before `seconds` are over. Raises TooMany (503) when there is none."""
        if self.inside < self.at_once:
            self.inside += 1
            return
        self._make_room(priority)
        self._arrived += 1
        place: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heappush(self._line, (-priority, self._arrived, place))
        try:
            async with asyncio.timeout(seconds):
                await place
        except TimeoutError as error:
            raise _busy(f"No place was free within {seconds:g} s.") from error
        except asyncio.CancelledError:
            if place.done() and not place.cancelled() and place.exception() is None:
                self.leave()  # it was given to us at the moment we left
            raise

    def leave(self) -> None:
        """Give the place to the most important one in line, or back."""
        while self._line:
            place = heappop(self._line)[2]
            if not place.done():
                place.set_result(None)
                return
        self.inside -= 1

    def _make_room(self, priority: int) -> None:
        self._line = [waiting for waiting in self._line if not waiting[2].done()]
        if len(self._line) < self.limit:
            self._line.sort()
            return
        last = max(self._line, default=None)
        if last is None or -last[0] >= priority:
            raise _busy(f"{self.limit} questions are waiting already.")
        self._line.remove(last)
        self._line.sort()
        last[2].set_exception(_busy("A more important question came."))


def _busy(why: str) -> TooMany:
    error = TooMany(f"The server is busy. {why}", remedy="Ask again soon.", retry_after=1.0)
    error.status, error.type, error.code = 503, "server_error", "overloaded"
    return error
