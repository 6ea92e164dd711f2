"""What an MCP server that is started here says beside the protocol: its standard error, and stray lines on its output."""

import asyncio
import logging
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from contextvars import ContextVar
from typing import TextIO

_log = logging.getLogger(__name__)
_LIBRARYS = logging.getLogger("mcp.client.stdio")
_LONGEST = 500  # characters of a line that are shown
_LAST_SECONDS = 0.5
"""How long what is left is waited for, once a server is gone: a child of its own may hold the pipe open for ever."""


class ServerWords:
    """The lines of a tool's server, however often it is started. Until it is `ready` only the `last` one is kept, for
    whoever tells why it is not; from then on each is a line of the log, which says whose it is.
    """

    def __init__(self, name: str) -> None:
        self.ready = False
        self.last = ""
        self._name = name
        self._strayed = False

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[TextIO]:
        """What the server is given as its standard error."""
        self.ready, self.last = False, ""
        _SPEAKING.set(self)
        _LIBRARYS.addFilter(_with_name)
        reading, writing = os.pipe()
        reader = asyncio.StreamReader()
        transport, _ = await asyncio.get_running_loop().connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(reading, "rb", buffering=0)
        )
        listener = asyncio.create_task(self._listen(reader), name=f"words of {self._name}")
        try:
            with os.fdopen(writing, "w", encoding="utf-8") as given:
                yield given
        finally:
            await asyncio.wait([listener], timeout=_LAST_SECONDS)
            listener.cancel()
            await asyncio.gather(listener, return_exceptions=True)
            transport.close()

    def stray(self) -> None:
        """It wrote a line to its standard output that is no message; said once."""
        if not self._strayed:
            self._strayed = True
            _log.warning(
                "The MCP server of the tool %s writes to its standard output what is no message of the protocol. "
                "Such lines are passed over; let it log to its standard error.",
                self._name,
            )

    def told(self, record: logging.LogRecord) -> bool:
        """Whether a line of the library's log is to be written; in one line, and with the tool's name."""
        trouble = record.exc_info[1] if record.exc_info else None
        if isinstance(trouble, ValueError):
            self.stray()
            return False
        record.msg, record.args = f"The tool {self._name}: {record.getMessage()}", ()
        record.exc_info, record.exc_text = None, None
        return True

    async def _listen(self, reader: asyncio.StreamReader) -> None:
        rest = b""
        while data := await reader.read(1 << 14):
            *lines, rest = (rest + data).split(b"\n")
            rest = rest[: 4 * _LONGEST]  # of a line without an end
            for line in lines:
                self._hear(line)
        self._hear(rest)

    def _hear(self, line: bytes) -> None:
        said = line.decode("utf-8", "replace").strip()[:_LONGEST]
        if said:
            self.last = said
            if self.ready:
                _log.info("The MCP server of the tool %s says: %s", self._name, said)


_SPEAKING: ContextVar[ServerWords | None] = ContextVar("speaking", default=None)
"""Whose lines the library reads: it reads them in tasks that the session's own has started."""


def _with_name(record: logging.LogRecord) -> bool:
    words = _SPEAKING.get()
    return words is None or words.told(record)
