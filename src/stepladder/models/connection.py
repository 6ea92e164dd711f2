"""One HTTP/1.1 connection to a server (RFC 9112), with one call on it at a time; llhttp reads what comes."""

import asyncio
import zlib
from typing import cast

import httptools

_MOST_WAITING = 1 << 18
_MOST_HEAD = 1 << 17
_GZIP_OR_ZLIB = 47
_NO_BODY = (204, 304)


class BrokeOff(Exception):
    """The server has closed the connection, or has said what is no HTTP."""


class Connection(asyncio.Protocol):
    """A call is `send`, then `head`, then `read` until `complete`. `status` and `headers` (small letters) are the answer's.

    What fails is raised to the one who waits, now or at the next wait: BrokeOff, or what was given to `fail`.
    """

    def __init__(self) -> None:
        self.status = 0
        self.headers: dict[str, str] = {}
        self.complete = True
        self.lost = False
        self._transport: asyncio.Transport
        self._loop = asyncio.get_running_loop()
        self._parser = httptools.HttpResponseParser(self)
        self._waiter: asyncio.Future[None] | None = None
        self._error: BaseException | None = None
        self._parts: list[bytes] = []
        self._waiting = 0
        self._head_size = 0
        self._begun = False
        self._paused = False
        self._kept = True
        self._inflate: zlib._Decompress | None = None

    @property
    def reusable(self) -> bool:
        """Whether another call may be sent: the last answer has been read to its end, and the server keeps the line open."""
        return self.complete and self._kept and not self.lost and self._error is None

    def send(self, data: bytes) -> None:
        """A whole request."""
        self.status, self.headers, self.complete = 0, {}, False
        self._begun, self._head_size, self._inflate = False, 0, None
        self._parts, self._waiting = [], 0
        if self.lost:
            self._error = BrokeOff("the connection was closed")
            return
        self._transport.write(data)

    async def head(self) -> None:
        """Return when status and headers are there. Raises BrokeOff."""
        while not self._begun:
            await self._wait()

    def read_nowait(self) -> bytes:
        """What has come of the body, b"" for nothing. Raises BrokeOff after the last of it where the rest will not come."""
        parts = self._parts
        if not parts:
            if self._error is not None and not self.complete:
                raise self._error
            return b""
        data = parts[0] if len(parts) == 1 else b"".join(parts)
        self._parts, self._waiting = [], 0
        if self._paused:
            self._paused = False
            self._transport.resume_reading()
        return data

    async def read(self) -> bytes:
        """The same, but it waits for some; b"" at the body's end."""
        while True:
            data = self.read_nowait()
            if data or self.complete:
                return data
            await self._wait()

    def fail(self, error: BaseException) -> None:
        """Nothing more is waited for: the call ends with this error, and the connection with it."""
        if self._error is None:
            self._error = error
        self._wake()

    def close(self) -> None:
        """Close the connection, in the middle of an answer too."""
        self._kept = False
        if not self.lost:
            self._transport.abort()

    async def _wait(self) -> None:
        if self._error is not None:
            raise self._error
        waiter = self._waiter = self._loop.create_future()
        try:
            await waiter
        finally:
            self._waiter = None

    def _wake(self) -> None:
        waiter = self._waiter
        if waiter is not None and not waiter.done():
            waiter.set_result(None)

    def _break(self, why: str) -> None:
        self.fail(BrokeOff(why))
        self.close()

    # asyncio's side

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The transport to write to."""
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        """Bytes of an answer; those that nobody has asked for end the connection."""
        if self.complete:
            self.close()
            return
        if not self._begun:
            self._head_size += len(data)
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError:  # a callback's error comes as one too
            self._break("what it said is no HTTP")
            return
        except httptools.HttpParserUpgrade:
            self._break("it wanted another protocol")
            return
        if not self._begun and self._head_size > _MOST_HEAD:
            self._break("its headers have no end")
        elif self._waiting > _MOST_WAITING and not self._paused and not self.complete:
            self._paused = True
            self._transport.pause_reading()

    def connection_lost(self, exc: Exception | None) -> None:
        """The end of an answer that has no length; else it breaks off."""
        self.lost = True
        if self.complete:
            return
        if exc is None and self._begun and self._ends_with_connection():
            self.complete, self._kept = True, False
            self._wake()
        else:
            self.fail(BrokeOff("the connection was closed"))

    def _ends_with_connection(self) -> bool:
        return "content-length" not in self.headers and "transfer-encoding" not in self.headers

    # llhttp's side; `complete` there means bytes after the answer, which are nobody's

    def on_message_begin(self) -> None:
        """An answer, or what nobody has asked for."""
        if self.complete:
            self._kept = False

    def on_header(self, name: bytes, value: bytes) -> None:
        """A header; of several with one name the last counts."""
        if not self.complete:
            self.headers[name.decode("latin-1").lower()] = value.decode("latin-1")

    def on_headers_complete(self) -> None:
        """Status and headers are whole; what is only a notice (RFC 9110, 15.2) is left aside."""
        status = self._parser.get_status_code()
        if self.complete:
            return
        if status < 200:
            self.headers = {}
            return
        self.status, self._begun = status, True
        if self.headers.get("content-encoding", "identity").lower() != "identity" and status not in _NO_BODY:
            self._inflate = zlib.decompressobj(_GZIP_OR_ZLIB)
        self._wake()

    def on_body(self, data: bytes) -> None:
        """A part of the body. Raises zlib.error for what is not packed as it says."""
        if self.complete:
            return
        if self._inflate is not None:
            data = self._inflate.decompress(data)
        if data:
            self._parts.append(data)
            self._waiting += len(data)
            self._wake()

    def on_message_complete(self) -> None:
        """The answer is whole."""
        if self._begun and not self.complete:
            self.complete = True
            self._kept = self._parser.should_keep_alive()
            self._wake()
