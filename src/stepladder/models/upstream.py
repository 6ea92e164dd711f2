"""The HTTP side of one upstream server: a bound on calls at a time, patience, and what its failures mean."""

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from math import inf
from time import time
from types import TracebackType
from typing import Any

from stepladder.core import UpstreamFailed
from stepladder.models.connection import BrokeOff, Connection
from stepladder.models.origin import Origin, Unreachable
from stepladder.models.quote import quoted
from stepladder.models.wire import UNREADABLE, peek

_MOST_REFUSAL = 65536
_LINGER = 0.05
_AGAIN = (408, 409, 429)


@dataclass(frozen=True, slots=True)
class Patience:
    """Seconds to wait: for a connection, for the first token, between two tokens, and for all of it, retries included."""

    connect: float
    first_token: float
    between: float
    total: float


class Upstream:
    """A server that answers POSTs. Its errors never quote `headers`, where the keys are."""

    def __init__(
        self, name: str, base_url: str, headers: Mapping[str, str], patience: Patience, concurrency: int
    ) -> None:
        self.name = name
        self.patience = patience
        self.origin = Origin(base_url, headers, patience.connect)
        self._headers = headers
        self._gate = asyncio.Semaphore(concurrency)

    def post(self, path: str, body: bytes, due: float = inf, once: str = "") -> "Exchange":
        """A call of `path` below the base URL, to be entered with `async with`; over by `due` (the loop's time).

        `once` goes along as the Idempotency-Key: a server that knows the header bills what has the same one only once.
        """
        return Exchange(self, path, body, due, once)

    async def close(self) -> None:
        """Close the connections that wait; those in use close after their call."""
        self.origin.close()

    def failed(self, what: str, remedy: str = "", *, status: int | None = None) -> UpstreamFailed:
        """An error about this upstream; `status` is ours, where it is not 502."""
        error = UpstreamFailed(self.name, f"{self.name} {what}.", remedy=remedy)
        error.status = status or error.status
        return error

    def broken(self, error: Exception) -> UpstreamFailed:
        """What a failed connection, or one that was waited for too long, is to us."""
        if isinstance(error, TimeoutError):
            return self.failed("is too slow", "Raise its timeouts, or see why.", status=504)
        if isinstance(error, Unreachable):
            remedy = f"Check models.{self.name}.base_url and the server there ({error})."
            return self.failed("cannot be reached", remedy)
        return self.failed("broke off", f"({error})")

    def quoted(self, error: Any, body: bytes) -> str:
        """The upstream's own words to this request, as far as they may be repeated."""
        secrets = (value.removeprefix("Bearer ") for value in self._headers.values())
        said = quoted(error, secrets, body)
        return f"It said: {said}" if said else ""

    async def enter(self, due: float) -> None:
        """Take a place among the calls at a time. Raises UpstreamFailed where none becomes free by `due`."""
        if not self._gate.locked():
            await self._gate.acquire()
            return
        try:
            async with asyncio.timeout_at(due):
                await self._gate.acquire()
        except TimeoutError as error:
            remedy = f"Raise models.{self.name}.concurrency, or send less."
            raise self.failed("is busy with other calls", remedy, status=504) from error

    def leave(self) -> None:
        """Give the place back."""
        self._gate.release()


class Exchange:
    """One call, and its answer on its way in.

    All waiting for bytes shares one timer, which looks when the time of its oldest question has come; nothing of it runs
    while the reader is busy elsewhere, such as with writing to a slow client of ours.
    """

    __slots__ = (
        "_body",
        "_due",
        "_loop",
        "_once",
        "_path",
        "_patience",
        "_timer",
        "_wanted",
        "response",
        "upstream",
    )

    response: Connection

    def __init__(self, upstream: Upstream, path: str, body: bytes, due: float, once: str = "") -> None:
        self.upstream = upstream
        self._once = once
        self._path = path
        self._body = body
        self._loop = asyncio.get_running_loop()
        self._patience = upstream.patience
        self._due = due
        self._wanted = inf
        self._timer: asyncio.TimerHandle | None = None

    async def __aenter__(self) -> "Exchange":
        """Send, and wait until the status is known to be 200. Raises UpstreamFailed."""
        patience, begun = self._patience, self._loop.time()
        self._due = min(self._due, begun + patience.total)
        await self.upstream.enter(self._due)
        try:
            await self._connected()
            try:
                await self._head(self._loop.time() + patience.first_token)
                # Never to another place than the configured one: a redirect is refused as what it is, no answer.
                if self.response.status != 200:
                    raise await self._refusal()
            except BaseException:
                self._end()
                raise
        except BaseException:
            self.upstream.leave()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Let go of the connection: it is used again where the answer was read out, else it is closed."""
        self._end()
        self.upstream.leave()

    @property
    def first_due(self) -> float:
        """When the first token is due, counted from now."""
        return self._loop.time() + self._patience.first_token

    @property
    def next_due(self) -> float:
        """When the next token is due, counted from now."""
        return self._loop.time() + self._patience.between

    async def read(self, due: float) -> bytes:
        """The next bytes, b"" at the end. Raises UpstreamFailed where there are none by `due`."""
        connection = self.response
        try:
            data = connection.read_nowait()
            if data or connection.complete:
                return data
            self._want(due)
            return await connection.read()
        except (TimeoutError, BrokeOff) as error:
            raise self.upstream.broken(error) from error
        finally:
            self._wanted = inf

    async def whole(self, most: int) -> bytes:
        """All that is left to read. Raises UpstreamFailed where it is more than `most` bytes."""
        parts, size = [], 0
        due = self.first_due
        while data := await self.read(due):
            parts.append(data)
            size += len(data)
            due = self.next_due
            if size > most:
                raise self.upstream.failed("answered with too many bytes")
        return b"".join(parts)

    async def finish(self) -> None:
        """Read the end where it is there already: a connection is only used again once it was read out."""
        connection = self.response
        if connection.complete:
            return
        with suppress(TimeoutError, BrokeOff):
            async with asyncio.timeout(_LINGER):
                while await connection.read():
                    pass

    def quoted(self, error: Any) -> str:
        """The upstream's own words, as far as they may be repeated."""
        return self.upstream.quoted(error, self._body)

    async def _connected(self) -> None:
        origin = self.upstream.origin
        connection = origin.take()
        if connection is None:
            try:
                async with asyncio.timeout_at(self._due):
                    connection = await origin.connect()
            except (TimeoutError, Unreachable) as error:
                raise self.upstream.broken(error) from error
        self.response = connection
        connection.send(origin.request(self._path, self._body, self._once))

    async def _head(self, due: float) -> None:
        try:
            self._want(due)
            await self.response.head()
        except (TimeoutError, BrokeOff) as error:
            raise self.upstream.broken(error) from error
        finally:
            self._wanted = inf

    def _want(self, due: float) -> None:
        self._wanted = min(due, self._due)
        if self._timer is None or self._wanted < self._timer.when():
            self._look_at(self._wanted)

    def _look_at(self, when: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._loop.call_at(when, self._look)

    def _look(self) -> None:
        """Whether what is waited for has not come in time."""
        self._timer = None
        if self._wanted == inf:
            return
        if self._wanted <= self._loop.time():
            self.response.fail(TimeoutError())
        else:
            self._look_at(self._wanted)

    def _end(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self.upstream.origin.give_back(self.response)

    async def _refusal(self) -> UpstreamFailed:
        status = self.response.status
        name = self.upstream.name
        message = f"{name} answered with HTTP {status}."
        if status in (401, 403):
            # About our key for it, not the caller's for us; and its words may quote the key.
            return UpstreamFailed(name, message, remedy=f"Check models.{name}.api_key.", retryable=False)
        remedy = ""
        with suppress(UpstreamFailed, *UNREADABLE):
            remedy = self.quoted(peek(await self.whole(_MOST_REFUSAL)).error)
        retryable = status in _AGAIN or status >= 500
        error = UpstreamFailed(name, message, remedy=remedy, retryable=retryable, upstream_status=status)
        error.retry_after = _retry_after(self.response.headers) if retryable else None
        return error


def _retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds that the server asks to wait: `Retry-After` (RFC 9110, 10.2.3), or the finer `retry-after-ms`."""
    given = headers.get("retry-after-ms"), headers.get("retry-after")
    try:
        if given[0] is not None:
            return max(float(given[0]) / 1000, 0.0)
        if given[1] is None:
            return None
        if given[1].strip()[:1].isalpha():
            return max(parsedate_to_datetime(given[1]).timestamp() - time(), 0.0)
        return max(float(given[1]), 0.0)
    except (ValueError, OverflowError):
        return None
