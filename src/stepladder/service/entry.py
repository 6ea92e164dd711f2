"""One question on its way: what was asked, what has come back so far, and the ledger row that this makes."""

from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

from stepladder.core import Answer, Answered, Clock, Part, Piece, Tenant, Usage
from stepladder.service.likeness import Likeness
from stepladder.service.request import ChatRequest
from stepladder.store import LedgerRow


@dataclass(frozen=True, slots=True)
class Asked:
    """What is known at the door. `at` is Unix seconds, `started` monotonic seconds."""

    id: str
    tenant: Tenant
    request: ChatRequest
    at: float
    started: float
    config_hash: str


MOST_TOKENS = 4096
"""Of an answer, where neither the caller nor the configuration names a bound."""


class Entry(ABC):
    """A question while it is being answered. The gateway takes the parts in, and makes the row when it is over.

    Of the time since the question came in, what neither the rungs nor the client's reading took is our own overhead.
    """

    __slots__ = (
        "_clock",
        "_elsewhere",
        "_mark",
        "_overhead_ms",
        "answer",
        "asked",
        "cached",
        "held",
        "settled",
        "similar",
        "text",
    )

    task = ""
    top = False
    cache_seconds = 0.0

    def __init__(self, asked: Asked, clock: Clock) -> None:
        self.asked = asked
        self.answer: Answer | None = None
        self.cached = False
        self.held: list[Part | Piece] = []
        self.settled = False
        self.similar = False
        self.text = ""
        self._clock = clock
        self._mark = 0.0
        self._elsewhere = 0.0
        self._overhead_ms: float | None = None

    @abstractmethod
    def parts(self) -> AsyncGenerator[Part | Piece]:
        """The answer as it comes. Raises RungFailed or LadderExhausted."""

    @abstractmethod
    def most(self) -> tuple[Usage, float]:
        """The most tokens that it may take to read and to answer this, and what they cost."""

    @abstractmethod
    def again(self, kept: Any) -> AsyncGenerator[Part | Piece]:
        """The parts of an answer that was given before, as `kept` had it."""

    @abstractmethod
    def kept(self) -> tuple[Any, int]:
        """What of this answer is worth keeping, and about how many bytes that takes."""

    def key(self) -> bytes | None:
        """Names everything that the answer depends on; None where answers are not kept."""
        request = self.asked.request
        if not self.cache_seconds or not request.data:
            return None
        tenant, version = self.asked.tenant.name, self._version()
        head = f"{len(tenant)} {tenant}\0{len(version)} {version}\0{request.model}\0{request.route}\0".encode(
            "utf-8", "surrogatepass"
        )
        return blake2b(head + request.data, digest_size=24).digest()

    def likeness(self) -> Likeness | None:
        """What finds answers to questions that mean the same; None where only the very same one will do."""
        return None

    def _version(self) -> str:
        return self.asked.config_hash

    @abstractmethod
    def take(self, part: Part | Piece) -> bool:
        """Note a part; True from the one on that completes the answer, which waits for the ledger."""

    @abstractmethod
    def row(self, status: str, error: str = "") -> LedgerRow:
        """The ledger row: `status` is ok, partial or failed."""

    def leave(self) -> None:
        """The question is with a rung, or a part of the answer with the client."""
        self._mark = self._clock.monotonic()

    def come_back(self) -> None:
        """And is here again, if it was away."""
        if self._mark:
            self._elsewhere += self._clock.monotonic() - self._mark
            self._mark = 0.0

    def latency_ms(self) -> float:
        """Milliseconds since the question came in."""
        return (self._clock.monotonic() - self.asked.started) * 1000

    def overhead_ms(self) -> float:
        """Milliseconds of it that were ours: so far, or in the end once the question is settled."""
        if self._overhead_ms is not None:
            return self._overhead_ms
        return max(self.latency_ms() - self._elsewhere * 1000, 0.0)

    def answered(self, status: str) -> Answered:
        """It is over: the event that tells of it."""
        overhead = self._overhead_ms = self.overhead_ms()
        model = self.asked.request.model
        return Answered(
            self.task, model, self.answer, status, self.latency_ms(), overhead, self.top, self.cached
        )
