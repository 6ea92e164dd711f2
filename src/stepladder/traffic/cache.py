"""The exact cache: what was answered to the very same request before. Bounded in memory, by worker."""

from collections import OrderedDict
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from typing import Any, Protocol

from stepladder.core import Clock, Part, Piece

_FIXED = 600
"""About what an entry takes up beside its texts, in bytes."""


class Recallable(Protocol):
    """A question whose answer may be kept."""

    cached: bool
    cache_seconds: float

    def key(self) -> bytes | None:
        """Names everything that the answer depends on; None where answers are not kept."""
        ...

    def kept(self) -> tuple[Any, int]:
        """What is worth keeping, and about how many bytes that takes."""
        ...

    def again(self, kept: Any) -> AsyncGenerator[Part | Piece]:
        """The parts of the answer that was kept."""
        ...


@dataclass(frozen=True, slots=True)
class _Kept:
    value: Any
    until: float
    size: int


class Cache:
    """Least recently used goes first. A key names all that an answer depends on, so nothing is ever made invalid."""

    def __init__(self, limit: int, clock: Clock) -> None:
        """`limit` is in bytes."""
        self.limit = limit
        self.size = 0
        self._clock = clock
        self._kept: OrderedDict[bytes, _Kept] = OrderedDict()

    def __len__(self) -> int:
        return len(self._kept)

    def recall(self, asked: Recallable) -> AsyncGenerator[Part | Piece] | None:
        """The answer that was given to the very same question, if its time is not over."""
        key = asked.key()
        found = self._kept.get(key) if key is not None else None
        if key is None or found is None:
            return None
        if found.until <= self._clock.monotonic():
            self._drop(key)
            return None
        self._kept.move_to_end(key)
        return asked.again(found.value)

    def remember(self, asked: Recallable) -> None:
        """Keep an answer, where answers are kept."""
        key = None if asked.cached else asked.key()
        if key is None:
            return
        value, size = asked.kept()
        size += _FIXED + len(key)
        if size > self.limit // 8:
            return
        if key in self._kept:
            self._drop(key)
        self._kept[key] = _Kept(value, self._clock.monotonic() + asked.cache_seconds, size)
        self.size += size
        self.shrink()

    def shrink(self) -> None:
        """Forget what is over the limit."""
        while self.size > self.limit:
            self._drop(next(iter(self._kept)))

    def _drop(self, key: bytes) -> None:
        self.size -= self._kept.pop(key).size
