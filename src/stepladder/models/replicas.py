"""Which of a model's servers is asked: by weight, by how busy each is, and by where a conversation was before."""

import math
import random
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from types import TracebackType

from stepladder.core import UpstreamFailed
from stepladder.models.breaker import Breaker
from stepladder.models.upstream import Upstream

_LATER = "Ask again after the seconds in Retry-After, or give the model a fallback."
_MOST_LOAD = 1.25
"""A conversation's own server is passed over once it has so many times its share of the calls under way."""


@dataclass(slots=True, eq=False)
class Replica:
    """One server of a model, known there as `model`; `busy` counts its calls under way."""

    upstream: Upstream
    model: str
    weight: float = 1.0
    breaker: Breaker = field(default_factory=Breaker)
    busy: int = 0

    def call(self) -> "_Call":
        """Count a call, and tell the breaker how it ended. What the question is at fault for is no failure."""
        return _Call(self)

    def failed(self, error: UpstreamFailed) -> None:
        """An upstream's failure, as the breaker is to know of it."""
        if not error.elsewhere:
            self.breaker.succeeded()
        elif error.upstream_status == 429:
            # It is well and says so: no failure, but the wait that it asks for is given to it.
            self.breaker.left()
            if error.retry_after:
                self.breaker.pause(error.retry_after)
        else:
            self.breaker.failed()


class _Call:
    """A call that is under way; for every question, and a context made of a generator takes three times as long."""

    __slots__ = ("_replica",)

    def __init__(self, replica: Replica) -> None:
        self._replica = replica

    def __enter__(self) -> None:
        self._replica.busy += 1
        self._replica.breaker.begin()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        replica = self._replica
        replica.busy -= 1
        if error is None:
            replica.breaker.succeeded()
        elif isinstance(error, UpstreamFailed):
            replica.failed(error)
        else:  # the question was at fault, or whoever asked has gone
            replica.breaker.left()


class Replicas:
    """The servers of one model.

    Without a key the least busy for its weight is chosen. With one, the key's own: rendezvous hashing (Thaler and
    Ravishankar 1998) with weights, and bounded loads (Mirrokni, Thorup and Zadimoghaddam, arXiv:1608.01350), so that a
    server's cache stays warm for a conversation, and no server is flooded for it.
    """

    def __init__(self, name: str, replicas: Sequence[Replica]) -> None:
        self.name = name
        self.all = tuple(replicas)
        self._weight = sum(replica.weight for replica in replicas)

    def choose(self, key: str | bytes, tried: Collection[Replica] = ()) -> Replica:
        """One that may be asked, if possible none of `tried`. Raises UpstreamFailed, with the time to wait, for none."""
        if len(self.all) == 1:
            replica = self.all[0]
            if replica.breaker.allows:
                return replica
            raise self._resting()
        open_ = [replica for replica in self.all if replica.breaker.allows]
        if not open_:
            raise self._resting()
        fresh = [replica for replica in open_ if replica not in tried] or open_
        return self._by_key(key, fresh) if key else _least_busy(fresh)

    def _by_key(self, key: str | bytes, replicas: list[Replica]) -> Replica:
        calls = sum(replica.busy for replica in self.all) + 1
        for replica in sorted(replicas, key=lambda replica: self._distance(key, replica)):
            if replica.busy + 1 <= math.ceil(_MOST_LOAD * calls * replica.weight / self._weight):
                return replica
        return _least_busy(replicas)

    def _distance(self, key: str | bytes, replica: Replica) -> float:
        """An exponential variable of rate `weight`, the same for the same key and server: the smallest wins."""
        data = key if isinstance(key, bytes) else key.encode("utf-8", "replace")
        place = self.all.index(replica).to_bytes(4, "big")
        draw = int.from_bytes(blake2b(data, digest_size=8, key=place).digest(), "big")
        return -math.log((draw + 1) / 2**64) / replica.weight

    def _resting(self) -> UpstreamFailed:
        first = min(self.all, key=lambda replica: replica.breaker.resting)
        if first.breaker.state == "paused":
            error = UpstreamFailed(
                self.name, f"{self.name} asks for a pause.", remedy=_LATER, upstream_status=429
            )
        else:
            what = f"{self.name} has failed again and again, and rests."
            error = UpstreamFailed(self.name, what, remedy=_LATER)
            error.status = 503
        error.retry_after = max(first.breaker.resting, 1.0)
        return error


def _least_busy(replicas: list[Replica]) -> Replica:
    return min(replicas, key=lambda replica: ((replica.busy + 1) / replica.weight, random.random()))
