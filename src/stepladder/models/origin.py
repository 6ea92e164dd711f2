"""Where an upstream's calls go: one scheme, host and port, and the connections to it that wait for the next call."""

import asyncio
import ssl
from collections import deque
from collections.abc import Mapping

from yarl import URL

from stepladder.models.connection import Connection

_KEEP_SECONDS = 30.0


class Unreachable(Exception):
    """No connection can be made."""


class Origin:
    """A server's address. The connection that was used last is used first, and none waits for longer than half a minute."""

    def __init__(self, base_url: str, headers: Mapping[str, str], connect_seconds: float) -> None:
        self._url = URL(base_url.rstrip("/"))
        self._host, self._port = self._url.raw_host or "", self._url.port or 80
        given = {"Content-Type": "application/json", "Accept": "*/*", "User-Agent": "stepladder"}
        # Compressed events would come in lumps, so none are asked for.
        given |= {"Accept-Encoding": "identity", **headers}
        self._headers = "".join(f"{name}: {value}\r\n" for name, value in given.items())
        self._connect_seconds = connect_seconds
        self._heads: dict[str, bytes] = {}
        self._idle: deque[tuple[float, Connection]] = deque()
        self._sweep: asyncio.TimerHandle | None = None
        self._tls: ssl.SSLContext | None = None

    def request(self, path: str, body: bytes, once: str = "") -> bytes:
        """A POST of JSON to `path` below the base URL; `once` is its Idempotency-Key (printable ASCII)."""
        head = self._heads.get(path)
        if head is None:
            url = URL(f"{self._url}/{path}")
            host = url.raw_authority.rpartition("@")[2]
            lines = f"POST {url.raw_path_qs} HTTP/1.1\r\nHost: {host}\r\n{self._headers}Content-Length: "
            head = self._heads[path] = lines.encode()
        if once:
            return b"%b%d\r\nIdempotency-Key: %b\r\n\r\n%b" % (head, len(body), once.encode("ascii"), body)
        return b"%b%d\r\n\r\n%b" % (head, len(body), body)

    def take(self) -> Connection | None:
        """A connection that waits, None where there is none."""
        while self._idle:
            _, connection = self._idle.pop()
            if connection.reusable:
                return connection
        return None

    async def connect(self) -> Connection:
        """A new connection. Raises Unreachable, TimeoutError."""
        loop = asyncio.get_running_loop()
        tls = self._context() if self._url.scheme == "https" else None
        try:
            async with asyncio.timeout(self._connect_seconds):
                _, connection = await loop.create_connection(Connection, self._host, self._port, ssl=tls)
        except TimeoutError:
            raise
        except OSError as error:  # no such host, refused, no trust in its certificate
            raise Unreachable(type(error).__name__) from error
        return connection

    def give_back(self, connection: Connection) -> None:
        """Keep it for the next call where it can be used again, else close it."""
        if not connection.reusable:
            connection.close()
            return
        loop = asyncio.get_running_loop()
        self._idle.append((loop.time(), connection))
        if self._sweep is None:
            self._sweep = loop.call_later(_KEEP_SECONDS, self._close_old)

    def close(self) -> None:
        """Close the connections that wait."""
        if self._sweep is not None:
            self._sweep.cancel()
            self._sweep = None
        while self._idle:
            self._idle.pop()[1].close()

    def _close_old(self) -> None:
        """Those that wait the longest stand first."""
        loop = asyncio.get_running_loop()
        self._sweep = None
        while self._idle and self._idle[0][0] <= loop.time() - _KEEP_SECONDS:
            self._idle.popleft()[1].close()
        if self._idle:
            self._sweep = loop.call_at(self._idle[0][0] + _KEEP_SECONDS, self._close_old)

    def _context(self) -> ssl.SSLContext:
        if self._tls is None:
            self._tls = ssl.create_default_context()
            self._tls.set_alpn_protocols(["http/1.1"])
        return self._tls
