"""OpenAI's Responses API (and Open Responses, its open specification): requests into chat completions, answers back.

After platform.openai.com/docs/api-reference/responses and openresponses.org. Tools that run at OpenAI, background mode and
OpenAI's own conversations are refused by name. `previous_response_id` goes on from what the ledger holds: its text and tool
calls; pictures of earlier turns are not kept.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from dataclasses import field
from typing import Any

import msgspec

from stepladder.core import BadRequest, StepladderError, Tenant, Turn, record
from stepladder.interaction import wire
from stepladder.interaction.responses_input import messages_of, options_of
from stepladder.interaction.responses_stream import ResponseStream, response_of
from stepladder.interaction.shapes import chunks_of, parsed
from stepladder.models import read_back, text_of
from stepladder.service import ChatRequest, Entry, read
from stepladder.store import Ledger, LedgerRow

_PREFIX = "resp_"
_UNABLE = ("background", "conversation", "prompt")


@record
class ResponsesRequest(ChatRequest):
    """A chat request that came as a Responses request; `given` is what came."""

    given: Mapping[str, Any] = field(default_factory=dict)


class _Request(msgspec.Struct):
    model: str
    input: str | list[dict[str, Any]]
    instructions: str | None = None
    previous_response_id: str | None = None
    store: bool | None = None


class ResponsesShape:
    """`POST /v1/responses`."""

    done = wire.DONE

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    async def read(self, data: bytes, tenant: Tenant) -> ChatRequest:
        """The same as a chat completion. Raises BadRequest naming the field."""
        asked, given = parsed(data, _Request), msgspec.json.decode(data)
        for name in _UNABLE:
            if given.get(name):
                raise BadRequest(f"{name} is not supported.", param=name, remedy="Leave it out.")
        said = await self._before(asked.previous_response_id, tenant) + messages_of(asked.input)
        if not said:
            raise BadRequest("input is empty.", param="input", remedy="Say what to answer.")
        system = [{"role": "system", "content": asked.instructions}] if asked.instructions else []
        body = {"model": asked.model, "messages": system + said, **options_of(given)}
        chat = read(msgspec.json.encode(body))
        turns = tuple(map(_turn, said)) if asked.store is not False else ()
        return ResponsesRequest(
            chat.model, chat.body, chat.messages, chat.stream, chat.wants_usage, turns=turns, given=given
        )

    def plain(self, entry: Entry, body: bytes) -> bytes:
        """A completion as a response."""
        stream = self._begun(entry)
        completion = msgspec.json.decode(body)
        for choice in completion["choices"]:
            choice["delta"] = choice.pop("message", None) or {}
        stream.take(completion)
        stream.end()
        said = stream.response
        if "stepladder" in completion:
            said["stepladder"] = completion["stepladder"]
        return wire.encode(said)

    async def stream(self, entry: Entry, events: AsyncGenerator[bytes]) -> AsyncIterator[bytes]:
        """Chunks as a response's events."""
        stream = self._begun(entry)
        async for data in events:
            said = b"".join(stream.take(chunk) for chunk in chunks_of(data))
            if said or data.startswith(b":"):
                yield said or data
        yield stream.end()

    def error(self, error: StepladderError, id: str) -> dict[str, Any]:
        """OpenAI's error object."""
        return wire.error_body(error)

    def error_event(self, error: StepladderError, id: str) -> bytes:
        """The stream's `error` event; the SDKs know the object in it too."""
        told = wire.error_body(error)["error"]
        event = {"type": "error", "code": told["code"], "message": told["message"], "param": told["param"]}
        return wire.named_event("error", {**event, "error": told})

    def _begun(self, entry: Entry) -> ResponseStream:
        request = entry.asked.request
        given = request.given if isinstance(request, ResponsesRequest) else {}
        id = entry.asked.id
        return ResponseStream(id, response_of(f"{_PREFIX}{id}", entry.asked.at, request.model, given))

    async def _before(self, id: str | None, tenant: Tenant) -> list[dict[str, Any]]:
        """The messages up to and with the answer of an earlier response of this tenant."""
        if id is None:
            return []
        row = await asyncio.to_thread(self._ledger.get, id.removeprefix(_PREFIX))
        if row is None or row.tenant != tenant.name or row.status != "ok" or not _kept(row):
            raise BadRequest(
                f"There is no response {id[:80]!r} to go on from.",
                param="previous_response_id",
                remedy="It must be a stored one of yours (store is not false), and whole.",
            )
        return _conversation(row)


def _kept(row: LedgerRow) -> bool:
    """Whether the conversation is there: a task's row has what stood before the question, ours has the question too."""
    return bool(row.task) or any(turn == Turn("user", row.text) for turn in row.turns)


def _conversation(row: LedgerRow) -> list[dict[str, Any]]:
    last = [{"role": "user", "content": row.text}] if row.task else []
    return [*map(_message, row.turns), *last, read_back(row.answer)]


def _turn(message: Mapping[str, Any]) -> Turn:
    """A message as the ledger keeps it: its text, or JSON where it calls tools or is a tool's result."""
    content = text_of(message.get("content"))
    more = {key: message[key] for key in ("tool_calls", "tool_call_id") if key in message}
    if more:
        content = msgspec.json.encode({"content": content or None, **more}).decode()
    return Turn(message["role"], content)


def _message(turn: Turn) -> dict[str, Any]:
    if turn.role == "assistant":
        return read_back(turn.content)
    if turn.role == "tool":
        return {"role": "tool", **msgspec.json.decode(turn.content)}
    return {"role": turn.role, "content": turn.content}
