"""Anthropic's Messages API, spoken to its clients: requests into chat completions, answers back into messages.

After docs.anthropic.com/en/api/messages. What chat completions have no place for (thinking, citations, cache marks) is left
out; a kind of content that cannot be put is refused by name.
"""

from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Mapping
from typing import Any

import msgspec

from stepladder.core import BadRequest, StepladderError, Tenant
from stepladder.interaction import wire
from stepladder.interaction.messages_stream import (
    MessageStream,
    message_of,
    stop_reason,
    text_block,
    tool_block,
)
from stepladder.interaction.shapes import chunks_of, parsed
from stepladder.models import text_of
from stepladder.service import ChatRequest, Entry, read

_SAME = ("model", "temperature", "top_p", "top_k", "stream", "max_tokens", "stepladder")
_CHOICES = {"auto": "auto", "any": "required", "none": "none"}
_ERRORS = {
    400: "invalid_request_error",
    401: "authentication_error",
    402: "billing_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    429: "rate_limit_error",
    503: "overloaded_error",
    504: "timeout_error",
}
_IGNORED = ("thinking", "redacted_thinking")


class _Message(msgspec.Struct):
    role: str
    content: str | list[dict[str, Any]]


class _Tool(msgspec.Struct):
    name: str
    description: str | None = None
    input_schema: dict[str, Any] | None = None
    type: str = "custom"


class _Choice(msgspec.Struct):
    type: str
    name: str = ""
    disable_parallel_tool_use: bool = False


class _Request(msgspec.Struct):
    model: str
    messages: list[_Message]
    system: str | list[dict[str, Any]] | None = None
    stop_sequences: list[str] | None = None
    tools: list[_Tool] | None = None
    tool_choice: _Choice | None = None
    metadata: dict[str, Any] | None = None


class MessagesShape:
    """`POST /v1/messages`."""

    done = b""

    async def read(self, data: bytes, tenant: Tenant) -> ChatRequest:
        """The same as a chat completion. Raises BadRequest naming the field."""
        return read(msgspec.json.encode(to_chat(data)))

    def plain(self, entry: Entry, body: bytes) -> bytes:
        """A completion as a message."""
        completion = msgspec.json.decode(body)
        choice = completion["choices"][0]
        message, finish = choice.get("message") or {}, choice.get("finish_reason")
        content = list(_blocks(message))
        said = message_of(entry.asked.id, entry.asked.request.model, content, completion.get("usage"))
        said["stop_reason"] = stop_reason(finish)
        if "stepladder" in completion:
            said["stepladder"] = completion["stepladder"]
        return wire.encode(said)

    async def stream(self, entry: Entry, events: AsyncGenerator[bytes]) -> AsyncIterator[bytes]:
        """Chunks as a message's events."""
        message = MessageStream(entry.asked.id, entry.asked.request.model)
        async for data in events:
            said = b"".join(message.take(chunk) for chunk in chunks_of(data))
            if said:
                yield said
            elif data.startswith(b":"):
                yield wire.named_event("ping", {"type": "ping"})
        yield message.end()

    def error(self, error: StepladderError, id: str) -> dict[str, Any]:
        """Anthropic's error object."""
        kind = _ERRORS.get(error.status, "invalid_request_error" if error.status < 500 else "api_error")
        told: dict[str, Any] = {"type": "error", "error": {"type": kind, "message": str(error)}}
        return {**told, "request_id": id}

    def error_event(self, error: StepladderError, id: str) -> bytes:
        """The same as an event."""
        return wire.named_event("error", self.error(error, id))


def to_chat(data: bytes) -> dict[str, Any]:
    """A request for a message as one for a chat completion. Raises BadRequest naming the field."""
    asked, given = parsed(data, _Request), msgspec.json.decode(data)
    body: dict[str, Any] = {key: given[key] for key in _SAME if given.get(key) is not None}
    system = _text(asked.system, "system") if asked.system else ""
    body["messages"] = [{"role": "system", "content": system}] if system else []
    for at, message in enumerate(asked.messages):
        body["messages"] += _messages(message, f"messages[{at}]")
    if asked.messages == []:
        raise BadRequest("messages is empty.", param="messages", remedy="Send at least one message.")
    if asked.stop_sequences:
        body["stop"] = asked.stop_sequences
    if asked.tools:
        body["tools"] = [_tool(tool, f"tools[{at}]") for at, tool in enumerate(asked.tools)]
    if asked.tool_choice is not None:
        body |= _tool_choice(asked.tool_choice)
    if body.get("stream"):
        body["stream_options"] = {"include_usage": True}
    user = (asked.metadata or {}).get("user_id")
    return {**body, "user": user} if user else body


def _tool(tool: _Tool, where: str) -> dict[str, Any]:
    if tool.type != "custom":
        raise BadRequest(
            f"{where} is of type {tool.type!r}, which runs at Anthropic only.",
            param=f"{where}.type",
            remedy="Give tools with an input_schema.",
        )
    function: dict[str, Any] = {"name": tool.name, "parameters": tool.input_schema or {"type": "object"}}
    if tool.description:
        function["description"] = tool.description
    return {"type": "function", "function": function}


def _tool_choice(choice: _Choice) -> dict[str, Any]:
    if choice.type == "tool":
        wish: Any = {"type": "function", "function": {"name": choice.name}}
    elif choice.type in _CHOICES:
        wish = _CHOICES[choice.type]
    else:
        raise BadRequest(
            f"tool_choice.type is {choice.type!r}.",
            param="tool_choice.type",
            remedy="Write auto, any, tool or none.",
        )
    return {
        "tool_choice": wish,
        **({"parallel_tool_calls": False} if choice.disable_parallel_tool_use else {}),
    }


def _messages(message: _Message, where: str) -> list[dict[str, Any]]:
    """A message may become several: the results of tools are messages of their own."""
    if message.role not in ("user", "assistant", "system"):
        raise BadRequest(
            f"{where}.role is {message.role!r}.", param=f"{where}.role", remedy="Write user or assistant."
        )
    if isinstance(message.content, str):
        return [{"role": message.role, "content": message.content}]
    results, parts, calls = [], [], []
    for at, block in enumerate(message.content):
        kind = block.get("type")
        if kind == "tool_result":
            results.append(_result(block, f"{where}.content[{at}]"))
        elif kind == "tool_use":
            calls.append(_call(block))
        elif kind not in _IGNORED:
            parts.append(_part(block, f"{where}.content[{at}]"))
    if parts or calls:
        results.append(
            {"role": message.role, "content": _joined(parts), **({"tool_calls": calls} if calls else {})}
        )
    return results


def _joined(parts: list[dict[str, Any]]) -> Any:
    """Texts alone as one text, nothing as None."""
    if all(part["type"] == "text" for part in parts):
        return "\n".join(part["text"] for part in parts) or None
    return parts


def _result(block: Mapping[str, Any], where: str) -> dict[str, Any]:
    content = block.get("content") or ""
    if not isinstance(content, str):
        content = _text(content, f"{where}.content")
    return {"role": "tool", "tool_call_id": block.get("tool_use_id", ""), "content": content}


def _call(block: Mapping[str, Any]) -> dict[str, Any]:
    arguments = msgspec.json.encode(block.get("input") or {}).decode()
    return {
        "id": block.get("id", ""),
        "type": "function",
        "function": {"name": block.get("name", ""), "arguments": arguments},
    }


def _part(block: Mapping[str, Any], where: str) -> dict[str, Any]:
    kind, source = block.get("type"), block.get("source")
    if kind == "text":
        return {"type": "text", "text": str(block.get("text", ""))}
    if kind == "image" and isinstance(source, dict):
        inline = f"data:{source.get('media_type')};base64,{source.get('data')}"
        url = inline if source.get("type") == "base64" else source.get("url", "")
        return {"type": "image_url", "image_url": {"url": url}}
    if kind == "document" and isinstance(source, dict) and source.get("type") == "text":
        return {"type": "text", "text": str(source.get("data", ""))}
    raise BadRequest(
        f"{where} is of type {kind!r}, which is not supported.",
        param=f"{where}.type",
        remedy="Send text, image, tool_use or tool_result.",
    )


def _text(content: Any, where: str) -> str:
    """The text of a string, or of text blocks; pictures among a tool's results are told as left out."""
    if isinstance(content, str):
        return content
    blocks = [block for block in content if isinstance(block, dict)]
    return "\n".join(
        str(block.get("text", "")) if block.get("type") == "text" else f"[{block.get('type')} left out]"
        for block in blocks
    )


def _blocks(message: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    text = text_of(message.get("content")) or message.get("refusal")
    if text:
        yield text_block(text)
    for call in message.get("tool_calls") or ():
        yield tool_block(call, _arguments((call.get("function") or {}).get("arguments")))


def _arguments(text: Any) -> Any:
    try:
        return msgspec.json.decode(text or "{}")
    except (msgspec.DecodeError, UnicodeDecodeError):
        return {"arguments": text}
