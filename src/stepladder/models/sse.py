"""Server-sent events (WHATWG HTML, section 9.2): one incremental reader, and the writing of an event."""

import re
from typing import NamedTuple

from stepladder.core import StepladderError

DONE = b"[DONE]"
_BLANK_LINE = re.compile(
    rb"(?>\r\n|\n|\r)(?>\r\n|\n|\r)"
)  # atomic, or CRLF alone would count as two line ends
_LINE_END = re.compile(rb"\r\n|\n|\r")
_BOM = b"\xef\xbb\xbf"


class EventTooLong(StepladderError):
    """An event is over the limit; the rest of the stream cannot be trusted."""


class Event(NamedTuple):
    """One event: `raw` as it came, without the blank line, and its data lines joined. Comments have empty data."""

    raw: bytes
    data: bytes


class EventReader:
    """Cuts bytes into events, wherever they were split and whatever ends their lines.

    An event that the stream's end cuts off is never returned, as the specification asks.
    """

    __slots__ = ("_begun", "_buffer", "_limit")

    def __init__(self, limit: int = 1 << 20) -> None:
        self._buffer = b""
        self._begun = False
        self._limit = limit

    def feed(self, data: bytes) -> list[Event]:
        """The events that are complete now. Raises EventTooLong for one over `limit` bytes."""
        buffer = self._buffer + data if self._buffer else data
        if not self._begun:
            if len(buffer) < len(_BOM) and _BOM.startswith(buffer):
                self._buffer = buffer
                return []
            buffer = buffer.removeprefix(_BOM)
            self._begun = True
        if b"\r" in buffer:
            events, self._buffer = self._any_ends(buffer)
        else:  # what servers send, and far quicker to cut
            *whole, self._buffer = buffer.split(b"\n\n")
            events = [Event(raw, _data(raw)) for raw in (part.lstrip(b"\n") for part in whole) if raw]
        if len(buffer) > self._limit:
            self._check(events)
        return events

    def lines(self, data: bytes) -> list[bytes] | None:
        """The data of the events that these bytes are, where they are whole events of one line each, as most servers write them
        and most reads bring them; None, and nothing is taken, where they are anything else (`feed` takes that).
        """
        if self._buffer or len(data) > self._limit or b"\r" in data:
            return None
        if not (data.startswith(b"data: ") and data.endswith(b"\n\n")):
            return None
        found = data[6:-2].split(b"\n\ndata: ")
        if data.count(b"\n") != 2 * len(found):
            return None
        self._begun = True
        return found

    def _any_ends(self, buffer: bytes) -> tuple[list[Event], bytes]:
        events, start = [], 0
        # What was looked at before holds no blank line; only its last three bytes may be the beginning of one.
        for end in _BLANK_LINE.finditer(buffer, max(len(self._buffer) - 3, 0)):
            raw = buffer[start : end.start()].lstrip(b"\r\n")
            start = end.end()
            if raw:
                events.append(Event(raw, _data(raw)))
        return events, buffer[start:]

    def _check(self, events: list[Event]) -> None:
        if any(len(event.raw) > self._limit for event in events) or len(self._buffer) > self._limit:
            raise EventTooLong(f"An event is longer than {self._limit} bytes.")

    @property
    def pending(self) -> bool:
        """Whether an event has begun and not ended."""
        return bool(self._buffer.strip(b"\r\n"))


def write_event(data: bytes) -> bytes:
    """An event that says `data`."""
    return b"".join(b"data: " + line + b"\n" for line in _LINE_END.split(data)) + b"\n"


def _data(raw: bytes) -> bytes:
    if b"\n" not in raw and b"\r" not in raw:
        if raw.startswith(b"data: "):
            return raw[6:]
        return raw[5:] if raw.startswith(b"data:") else b""
    lines = (line for line in _LINE_END.split(raw) if line.startswith(b"data:") or line == b"data")
    return b"\n".join(line[5:].removeprefix(b" ") for line in lines)
