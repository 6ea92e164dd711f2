"""uvicorn's HTTP protocol with fewer system calls: what is written in one turn of the event loop goes out as one.

uvicorn writes a response's head, each piece of its body and its end one by one, and uvloop hands each to the kernel at
once; on a fast answer that is most of the time spent.
"""

import asyncio
from typing import Any, cast

from stepladder.interaction.slow_clients import BoundedProtocol


class Coalescing:
    """A transport that gathers writes until the event loop's next turn. Everything else is the transport's own."""

    __slots__ = ("_loop", "_transport", "_waiting")

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self._transport = transport
        self._loop = loop
        self._waiting: list[bytes] = []

    def write(self, data: bytes) -> None:
        """Write it at the end of this turn."""
        if not self._waiting:
            self._loop.call_soon(self._flush)
        self._waiting.append(data)

    def close(self) -> None:
        """Close once everything is written."""
        self._flush()
        self._transport.close()

    def _flush(self) -> None:
        waiting, self._waiting = self._waiting, []
        if waiting and not self._transport.is_closing():
            self._transport.write(waiting[0] if len(waiting) == 1 else b"".join(waiting))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)


class CoalescingProtocol(BoundedProtocol):
    """The protocol that `serve` gives to uvicorn."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """A client has connected."""
        super().connection_made(cast(asyncio.Transport, Coalescing(transport, self.loop)))
