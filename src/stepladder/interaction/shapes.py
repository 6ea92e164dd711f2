"""The APIs that are spoken: each reads its own requests into a chat request, and writes answers in its own words.

Inside, everything is OpenAI's chat completions: an API of another shape is a translation at the door, and goes the same
way through the gateway, the ledger and the metrics.
"""

from collections.abc import AsyncGenerator, AsyncIterator
from typing import Any, Protocol, TypeVar

import msgspec

from stepladder.core import BadRequest, StepladderError, Tenant
from stepladder.interaction import wire
from stepladder.service import ChatRequest, Entry, read, read_forwarded

T = TypeVar("T")


class Shape(Protocol):
    """One API. `done` ends a stream that is whole."""

    done: bytes

    async def read(self, data: bytes, tenant: Tenant) -> ChatRequest:
        """What a request's body asks. Raises BadRequest naming the parameter that is wrong."""
        ...

    def plain(self, entry: Entry, body: bytes) -> bytes:
        """A whole answer, out of OpenAI's."""
        ...

    def stream(self, entry: Entry, events: AsyncGenerator[bytes]) -> AsyncIterator[bytes]:
        """A streamed answer, out of OpenAI's events."""
        ...

    def error(self, error: StepladderError, id: str) -> dict[str, Any]:
        """An error's body; `id` is the request's."""
        ...

    def error_event(self, error: StepladderError, id: str) -> bytes:
        """An error as the last event of a stream that has begun."""
        ...


class ChatShape:
    """OpenAI's chat completions: nothing to translate."""

    done = wire.DONE

    async def read(self, data: bytes, tenant: Tenant) -> ChatRequest:
        """The request as it came."""
        return read(data)

    def plain(self, entry: Entry, body: bytes) -> bytes:
        """As it is."""
        return body

    def stream(self, entry: Entry, events: AsyncGenerator[bytes]) -> AsyncIterator[bytes]:
        """As they are."""
        return events

    def error(self, error: StepladderError, id: str) -> dict[str, Any]:
        """OpenAI's error object; the request's id is in the headers."""
        return wire.error_body(error)

    def error_event(self, error: StepladderError, id: str) -> bytes:
        """The same as an event."""
        return wire.event(wire.error_body(error))


class ForwardedShape(ChatShape):
    """Another endpoint of OpenAI's, such as embeddings, which goes to a model as it came."""

    def __init__(self, route: str) -> None:
        self._route = route

    async def read(self, data: bytes, tenant: Tenant) -> ChatRequest:
        """The request as it came, for that endpoint."""
        return read_forwarded(data, self._route)


def parsed(data: bytes, kind: type[T]) -> T:
    """A JSON body as `kind`. Raises BadRequest naming the field."""
    try:
        return msgspec.json.decode(data, type=kind)
    except msgspec.ValidationError as error:
        reason, _, path = str(error).partition(" - at `$")
        param = path.strip("`.") or None
        raise BadRequest(f"{param or 'The body'}: {reason}.", param=param, remedy="Mend it.") from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise BadRequest(
            f"The body is not valid JSON: {error}.", remedy="Check quotes and commas."
        ) from error


def chunks_of(events: bytes) -> list[dict[str, Any]]:
    """The JSON of whole OpenAI events; comments and `[DONE]` say nothing. They are ours, or were decoded before."""
    found = []
    for event in events.split(b"\n\n"):
        for line in event.splitlines():
            if line.startswith(b"data:") and (data := line[5:].strip()) != b"[DONE]":
                found.append(msgspec.json.decode(data))
    return [chunk for chunk in found if isinstance(chunk, dict)]
