"""The cache: what was answered to the very same request before, or to one that means the same. Bounded.

Each worker has its own in memory; of what it has not, it looks whether another worker has kept it.
"""

from collections import OrderedDict
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any, Protocol

import msgspec

from stepladder.core import Clock, Part, Piece
from stepladder.store import SharedAnswers

_SHARED = msgspec.msgpack.Encoder()
_READ = msgspec.msgpack.Decoder(tuple[str, bytes])
_FIXED = 600
"""About what an entry takes up beside its texts, in bytes."""


class Alike(Protocol):
    """What finds answers to questions that mean the same: those with its `key`, and of these the ones for which it holds."""

    @property
    def key(self) -> bytes: ...

    @property
    def text(self) -> str: ...

    @property
    def seconds(self) -> float: ...

    async def holds(self, text: str) -> bool:
        """Whether the answer to `text` will do."""
        ...


class Recallable(Protocol):
    """A question whose answer may be kept. `similar` is set where another question's answer was given."""

    cached: bool
    cache_seconds: float
    similar: bool

    def key(self) -> bytes | None:
        """Names everything that the answer depends on; None where answers are not kept."""
        ...

    def likeness(self) -> Alike | None:
        """What finds the answers to similar questions; None: only the very same one's will do."""
        ...

    def parts(self) -> AsyncGenerator[Part | Piece]:
        """The answer as it comes."""
        ...

    def kept(self) -> tuple[Any, int]:
        """What is worth keeping, and about how many bytes that takes."""
        ...

    @property
    def shareable(self) -> bool:
        """Whether its key means the same to every worker."""
        ...

    def frozen(self, kept: Any) -> bytes:
        """What is worth keeping, as bytes."""
        ...

    def thawed(self, data: bytes) -> Any:
        """What was kept, out of these bytes. Raises msgspec.MsgspecError."""
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

    def __init__(self, limit: int, clock: Clock, shared: SharedAnswers | None = None) -> None:
        """`limit` is in bytes; in `shared` are those of all workers."""
        self._shared = shared
        self.limit = limit
        self.size = 0
        self._erasure = ""
        self._clock = clock
        self._kept: OrderedDict[bytes, _Kept] = OrderedDict()

    def __len__(self) -> int:
        return len(self._kept)

    def recall(self, asked: Recallable) -> AsyncGenerator[Part | Piece] | None:
        """The answer that was given to the very same question, or one that means the same, if its time is not over."""
        key = asked.key()
        found = self._find(key)
        if found is None and self._shared is not None:
            found = self._fetch(key, asked)
        if found is not None:
            return asked.again(found.value)
        alike = asked.likeness()
        found = self._find(alike.key) or self._fetch(alike.key, asked, alike) if alike is not None else None
        return _similar(asked, alike, *found.value) if found is not None and alike is not None else None

    def remember(self, asked: Recallable) -> None:
        """Keep an answer, where answers are kept."""
        if asked.cached:
            return
        key, alike = asked.key(), asked.likeness()
        if key is not None:
            value, size = asked.kept()
            self._keep(key, value, size, asked.cache_seconds)
            self._share(key, asked, value, asked.cache_seconds)
        if alike is not None:
            value, size = asked.kept()
            self._keep(alike.key, (alike.text, value), size + 4 * len(alike.text), alike.seconds)
            self._share(alike.key, asked, value, alike.seconds, alike.text)

    def close(self) -> None:
        """Let go of what is shared."""
        if self._shared is not None:
            self._shared.close()

    def adapt(self, limit: int, erasure: str) -> None:
        """Have another limit; and let go of every answer where the last erasure is another than was known.

        Whose words were erased is not known here.
        """
        self.limit = limit
        if self._shared is not None:
            self._shared.limit = limit
        if erasure != self._erasure:
            self._kept.clear()
            self.size, self._erasure = 0, erasure
            if self._shared is not None:
                self._shared.clear()
        self.shrink()

    def _find(self, key: bytes | None) -> _Kept | None:
        found = self._kept.get(key) if key is not None else None
        if key is None or found is None:
            return None
        if found.until <= self._clock.monotonic():
            self._drop(key)
            return None
        self._kept.move_to_end(key)
        return found

    def _share(self, key: bytes, asked: Recallable, value: Any, seconds: float, text: str = "") -> None:
        if self._shared is not None and asked.shareable:
            data = _SHARED.encode((text, asked.frozen(value)))
            self._shared.put(self._erasure.encode() + key, data, self._clock.monotonic(), seconds)

    def _fetch(self, key: bytes | None, asked: Recallable, alike: Alike | None = None) -> _Kept | None:
        """What another worker has kept; from now on it is here too."""
        if self._shared is None or key is None or not asked.shareable:
            return None
        found = self._shared.get(self._erasure.encode() + key, self._clock.monotonic())
        if found is None:
            return None
        try:
            text, frozen = _READ.decode(found[0])
            value = asked.thawed(frozen)
        except msgspec.MsgspecError:
            return None
        value = value if alike is None else (text, value)
        self._keep(key, value, 2 * len(found[0]), found[1])
        return _Kept(value, 0.0, 0)

    def _keep(self, key: bytes, value: Any, size: int, seconds: float) -> None:
        size += _FIXED + len(key)
        if size > self.limit // 8:
            return
        if key in self._kept:
            self._drop(key)
        self._kept[key] = _Kept(value, self._clock.monotonic() + seconds, size)
        self.size += size
        self.shrink()

    def shrink(self) -> None:
        """Forget what is over the limit."""
        while self.size > self.limit:
            self._drop(next(iter(self._kept)))

    def _drop(self, key: bytes) -> None:
        self.size -= self._kept.pop(key).size


async def _similar(asked: Recallable, alike: Alike, text: str, value: Any) -> AsyncGenerator[Part | Piece]:
    """The answer that was given to `text`, where that means the same; else a new one."""
    asked.similar = await alike.holds(text)
    async with aclosing(asked.again(value) if asked.similar else asked.parts()) as parts:
        async for part in parts:
            yield part
