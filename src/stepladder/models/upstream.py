"""The HTTP side of a chat upstream: one session, a bound on calls at a time, patience, and what its failures mean."""

import asyncio
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any

import aiohttp

from stepladder.core import UpstreamFailed
from stepladder.models.wire import UNREADABLE, peek

_MOST_REFUSAL = 65536
_MOST_QUOTED = 200
_LINGER = 0.05


@dataclass(frozen=True, slots=True)
class Patience:
    """Seconds to wait: for a connection, for the answer's first byte, between two reads, and for all of it."""

    connect: float
    first_byte: float
    between: float
    total: float


class Upstream:
    """A server that answers POSTs. Its errors never quote `headers`, where the keys are."""

    def __init__(
        self, name: str, url: str, headers: Mapping[str, str], patience: Patience, concurrency: int
    ) -> None:
        self.name = name
        self._url = url
        self._headers = headers
        self._patience = patience
        self._gate = asyncio.Semaphore(concurrency)
        self._session: aiohttp.ClientSession | None = None

    @asynccontextmanager
    async def post(self, body: bytes) -> AsyncGenerator["Exchange"]:
        """Send `body`; the answer, once its status is known to be 200. Raises UpstreamFailed."""
        begun = asyncio.get_running_loop().time()
        due = begun + self._patience.total
        try:
            async with asyncio.timeout_at(due):
                await self._gate.acquire()
        except TimeoutError as error:
            remedy = f"Raise models.{self.name}.concurrency, or send less."
            raise self.failed("is busy with other calls", remedy, status=504) from error
        try:
            first = min(due, begun + self._patience.connect + self._patience.first_byte)
            async with await self._sent(body, first) as response:
                exchange = Exchange(self, response, first, due, self._patience.between)
                if response.status != 200:
                    raise await self._refusal(exchange)
                yield exchange
        finally:
            self._gate.release()

    async def close(self) -> None:
        """Close the connections."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    def failed(self, what: str, remedy: str = "", *, status: int | None = None) -> UpstreamFailed:
        """An error about this upstream; `status` is ours, where it is not 502."""
        error = UpstreamFailed(self.name, f"{self.name} {what}.", remedy=remedy)
        error.status = status or error.status
        return error

    def broken(self, error: Exception) -> UpstreamFailed:
        """What a failed connection, or one that was waited for too long, is to us."""
        if isinstance(error, TimeoutError):
            return self.failed("is too slow", "Raise its timeouts, or see why.", status=504)
        if isinstance(error, aiohttp.ClientConnectorError):
            return self.failed(
                "cannot be reached", f"Check models.{self.name}.base_url and the server there."
            )
        return self.failed("broke off", f"({type(error).__name__})")

    def quoted(self, error: Any) -> str:
        """The upstream's own words, shortened: only its message, and that only where it holds nothing of our headers."""
        message = error.get("message") if isinstance(error, dict) else error
        if not isinstance(message, str) or not message:
            return ""
        secrets = (value.removeprefix("Bearer ")[:8] for value in self._headers.values())
        return "" if any(secret in message for secret in secrets) else f"It said: {message[:_MOST_QUOTED]}"

    async def _sent(self, body: bytes, due: float) -> aiohttp.ClientResponse:
        try:
            async with asyncio.timeout_at(due):
                # Never to another place than the configured one: a redirect is refused as what it is, no answer.
                return await self._open_session().post(
                    self._url, data=body, headers=self._headers, allow_redirects=False
                )
        except (TimeoutError, aiohttp.ClientError) as error:
            raise self.broken(error) from error

    def _open_session(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=30),
                timeout=aiohttp.ClientTimeout(total=None, sock_connect=self._patience.connect),
                cookie_jar=aiohttp.DummyCookieJar(),
                headers={"Content-Type": "application/json"},
                trust_env=False,
                read_bufsize=1 << 18,
            )
        return self._session

    async def _refusal(self, exchange: "Exchange") -> UpstreamFailed:
        status = exchange.response.status
        message = f"{self.name} answered with HTTP {status}."
        if status in (401, 403):
            # About our key for it, not the caller's for us; and its words may quote the key.
            return UpstreamFailed(
                self.name, message, remedy=f"Check models.{self.name}.api_key.", retryable=False
            )
        remedy = ""
        with suppress(UpstreamFailed, *UNREADABLE):
            remedy = self.quoted(peek(await exchange.whole(_MOST_REFUSAL)).error)
        retryable = status in (408, 409, 429) or status >= 500
        return UpstreamFailed(self.name, message, remedy=remedy, retryable=retryable, upstream_status=status)


@dataclass(slots=True)
class Exchange:
    """An answer on its way in. Every wait has a timer of its own and none lives on between two reads: it would then
    cancel whatever the reader is doing meanwhile, such as writing to a slow client of ours.
    """

    upstream: Upstream
    response: aiohttp.ClientResponse
    first_due: float | None
    due: float
    between: float

    async def read(self) -> bytes:
        """The next bytes, b"" at the end. Raises UpstreamFailed where they do not come in time."""
        now = asyncio.get_running_loop().time()
        due = min(self.due, self.first_due or now + self.between)
        try:
            async with asyncio.timeout_at(due):
                data = await self.response.content.readany()
        except (TimeoutError, aiohttp.ClientError) as error:
            raise self.upstream.broken(error) from error
        self.first_due = None
        return data

    async def whole(self, most: int) -> bytes:
        """All that is left to read. Raises UpstreamFailed where it is more than `most` bytes."""
        parts, size = [], 0
        while data := await self.read():
            parts.append(data)
            size += len(data)
            if size > most:
                raise self.upstream.failed("answered with too many bytes")
        return b"".join(parts)

    async def finish(self) -> None:
        """Read the end where it is there already: a connection is only used again once it was read out."""
        with suppress(TimeoutError, aiohttp.ClientError):
            async with asyncio.timeout(_LINGER):
                while await self.response.content.readany():
                    pass
