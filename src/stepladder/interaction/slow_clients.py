"""Clients that keep a connection busy without using it: heads and bodies that never end, answers that nobody takes.

uvicorn waits for all of them for ever. Here a request must be whole within a time, its head within a size, and an answer
must be taken from time to time; and what is done for a client that has gone is stopped.
"""

import asyncio
from collections.abc import Callable, Iterable
from typing import Any, cast

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

_LOOK_SECONDS = 1.0
_MOST_HEAD = 65_536
_TIMEOUT = b"HTTP/1.1 408 Request Timeout\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"
_TOO_LARGE = b"HTTP/1.1 431 Request Header Fields Too Large\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"


CLIENT = "stepladder.client"
"""In a request's scope: the protocol that its client speaks to."""


class BoundedProtocol(HttpToolsProtocol):
    """uvicorn's protocol, which knows since when its client owes it something."""

    owing: float | None = None
    """Since when a request is not whole; None while none has begun, or it is answered."""
    stuck: tuple[float, int] | None = None
    """Since when the client has taken nothing, and how many bytes wait for it."""
    working: asyncio.Task[Any] | None = None
    """What is being done for the client, and is to be stopped when it goes."""
    _head = -1
    _begun = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """A client has connected, and owes us a request."""
        self.owing = self.loop.time()
        super().connection_made(transport)

    def data_received(self, data: bytes) -> None:
        """Some of a request, or of several."""
        super().data_received(data)
        if self._head >= 0:
            self._head += len(data)
            if self._head > _MOST_HEAD:
                self._refuse(_TOO_LARGE)

    def on_message_begin(self) -> None:
        """A request begins."""
        self.owing = self.loop.time()
        self._head, self._begun = 0, True
        super().on_message_begin()
        cast(dict[str, Any], self.scope)[CLIENT] = self

    def connection_lost(self, exc: Exception | None) -> None:
        """The client has gone."""
        super().connection_lost(exc)
        scope = cast(dict[str, Any] | None, getattr(self, "scope", None))
        if scope is not None:
            scope.pop(CLIENT, None)  # the two hold each other
        if self.working is not None:
            self.working.cancel()

    def on_headers_complete(self) -> None:
        """Its head is whole."""
        self._head = -1
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """It is whole."""
        self.owing = None
        super().on_message_complete()

    def look(self, now: float, request_seconds: float, stalled_seconds: float) -> None:
        """Close the connection where its client has been waited for long enough."""
        if self.owing is not None and now - self.owing > request_seconds:
            self._refuse(_TIMEOUT)
            return
        waiting = self.transport.get_write_buffer_size() if self.flow.write_paused else 0
        if not waiting:
            self.stuck = None
        elif self.stuck is None or self.stuck[1] != waiting:
            self.stuck = (now, waiting)
        elif now - self.stuck[0] > stalled_seconds:
            self.transport.abort()

    def _refuse(self, said: bytes) -> None:
        self.owing, self._head = None, -1
        if self.transport.is_closing():
            return
        answering = cast(RequestResponseCycle | None, self.cycle)
        if self._begun and (answering is None or answering.response_complete):
            self.transport.write(said)
        self.transport.close()


async def sweep(
    connections: Callable[[], Iterable[object]], patience: Callable[[], tuple[float, float]]
) -> None:
    """Until cancelled: look at every connection now and then. `patience` is for requests, and for answers, in seconds."""
    loop = asyncio.get_running_loop()
    while True:
        await asyncio.sleep(_LOOK_SECONDS)
        now, (request_seconds, stalled_seconds) = loop.time(), patience()
        for connection in list(connections()):
            cast(BoundedProtocol, connection).look(now, request_seconds, stalled_seconds)
