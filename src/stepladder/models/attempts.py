"""Asking again: another server or the same one after a while, as long as nothing of an answer has come."""

import asyncio
import random
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import dataclass

from stepladder.core import Piece, UpstreamFailed
from stepladder.models.replicas import Replica, Replicas


@dataclass(frozen=True, slots=True)
class Again:
    """How often a call that failed is tried again, and after how many seconds: `first`, doubling, at most `longest`.

    The wait is drawn between half of that and all of it, so that many who failed together do not come back together.
    """

    retries: int = 2
    first: float = 0.25
    longest: float = 8.0

    def wait(self, failures: int, error: UpstreamFailed) -> float | None:
        """Seconds to wait after so many failures; None where the server asks for more than we have patience for."""
        drawn = min(self.first * 2 ** (failures - 1), self.longest) * random.uniform(0.5, 1.0)
        asked = error.retry_after or 0.0
        return None if asked > self.longest else max(drawn, asked)


Once = Callable[[Replica, float], AsyncGenerator[Piece]]
"""One attempt at a server, over by a time of the event loop's clock."""


class Attempts:
    """Puts a call to one server after another until one begins to answer; from then on its failure is final."""

    def __init__(self, replicas: Replicas, again: Again, total: float) -> None:
        self.replicas = replicas
        self._again = again
        self._total = total

    async def run(self, key: str | bytes, once: Once) -> AsyncGenerator[Piece]:
        """The pieces of the attempt that answers. Raises UpstreamFailed, the last one."""
        due = asyncio.get_running_loop().time() + self._total
        tried: list[Replica] = []
        failures = 0
        while True:
            begun = False
            try:
                replica = self.replicas.choose(key, tried)
                tried.append(replica)
                with replica.call():
                    async with aclosing(once(replica, due)) as pieces:
                        async for piece in pieces:
                            begun = begun or not piece.idle
                            yield piece
                return
            except UpstreamFailed as error:
                failures += 1
                wait = None if begun else self._wait(error, failures, tried)
                if wait is None or asyncio.get_running_loop().time() + wait >= due:
                    raise
            if wait:
                await asyncio.sleep(wait)

    def _wait(self, error: UpstreamFailed, failures: int, tried: list[Replica]) -> float | None:
        """Seconds until the next try, None for no more. A server that was not tried yet is asked at once."""
        if not error.elsewhere or failures > self._again.retries:
            return None
        if any(other not in tried and other.breaker.allows for other in self.replicas.all):
            return 0.0
        return self._again.wait(failures, error) if error.retryable else None
