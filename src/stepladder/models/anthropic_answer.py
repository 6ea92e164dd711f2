"""Anthropic's messages and their events, in the words of chat completions."""

import time
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from stepladder.models.sse import DONE

_REASONS = {
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "tool_use": "tool_calls",
    "refusal": "content_filter",
}


def completion_of(data: bytes) -> bytes:
    """A message as a completion. Raises msgspec.DecodeError for bytes that are none."""
    said = msgspec.json.decode(data, type=dict[str, Any])
    if said.get("type") == "error" or "error" in said:
        return data
    message: dict[str, Any] = {"role": "assistant", "content": None, "refusal": None, "annotations": []}
    texts, thoughts, calls = [], [], []
    for block in said.get("content") or ():
        match block.get("type"):
            case "text":
                texts.append(block.get("text", ""))
            case "thinking":
                thoughts.append(block.get("thinking", ""))
            case "tool_use":
                arguments = msgspec.json.encode(block.get("input") or {}).decode()
                function = {"name": block.get("name", ""), "arguments": arguments}
                calls.append({"id": block.get("id", ""), "type": "function", "function": function})
    message["content"] = "".join(texts) if texts or not calls else None
    if thoughts:
        message["reasoning_content"] = "".join(thoughts)
    if calls:
        message["tool_calls"] = calls
    finish = _reason(said.get("stop_reason"))
    choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": finish}
    head = _head(said, "chat.completion")
    return msgspec.json.encode({**head, "choices": [choice], "usage": usage_of(said.get("usage") or {})})


class MessageReader:
    """The events of one message, each as the chunks that it makes."""

    def __init__(self) -> None:
        self._head: dict[str, Any] = {}
        self._usage: dict[str, Any] = {}
        self._tools = -1

    def __call__(self, data: bytes) -> Iterator[bytes]:
        """The chunks of an event's data, `[DONE]` at the end. Raises msgspec.DecodeError."""
        event = msgspec.json.decode(data, type=dict[str, Any])
        match event.get("type"):
            case "error":
                yield msgspec.json.encode({"error": event.get("error") or {}})
            case "message_start":
                message = event.get("message") or {}
                self._head = _head(message, "chat.completion.chunk")
                self._usage = dict(message.get("usage") or {})
                yield self._chunk({"role": "assistant", "content": ""})
            case "content_block_start":
                yield from self._begin(event.get("content_block") or {})
            case "content_block_delta":
                yield from self._delta(event.get("delta") or {})
            case "message_delta":
                told = event.get("usage") or {}
                self._usage |= {key: value for key, value in told.items() if value is not None}
                reason = (event.get("delta") or {}).get("stop_reason")
                if reason is not None:
                    yield self._chunk({}, _reason(reason))
            case "message_stop":
                usage = usage_of(self._usage)
                yield msgspec.json.encode({**self._head, "choices": [], "usage": usage})
                yield DONE

    def _begin(self, block: Mapping[str, Any]) -> Iterator[bytes]:
        if block.get("type") != "tool_use":
            return
        self._tools += 1
        function = {"name": block.get("name", ""), "arguments": ""}
        call = {"index": self._tools, "id": block.get("id", ""), "type": "function", "function": function}
        yield self._chunk({"tool_calls": [call]})

    def _delta(self, delta: Mapping[str, Any]) -> Iterator[bytes]:
        match delta.get("type"):
            case "text_delta":
                yield self._chunk({"content": delta.get("text", "")})
            case "thinking_delta":
                yield self._chunk({"reasoning_content": delta.get("thinking", "")})
            case "input_json_delta":
                function = {"arguments": delta.get("partial_json", "")}
                yield self._chunk({"tool_calls": [{"index": self._tools, "function": function}]})

    def _chunk(self, delta: dict[str, Any], finish: str | None = None) -> bytes:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}
        return msgspec.json.encode({**self._head, "choices": [choice]})


def usage_of(told: Mapping[str, Any]) -> dict[str, Any]:
    """Anthropic's usage as OpenAI's: tokens read from or into its cache are tokens read."""
    cached = int(told.get("cache_read_input_tokens") or 0)
    read = int(told.get("input_tokens") or 0) + cached + int(told.get("cache_creation_input_tokens") or 0)
    written = int(told.get("output_tokens") or 0)
    return {
        "prompt_tokens": read,
        "completion_tokens": written,
        "total_tokens": read + written,
        "prompt_tokens_details": {"cached_tokens": cached},
    }


def _head(message: Mapping[str, Any], kind: str) -> dict[str, Any]:
    id, model = message.get("id") or "", message.get("model") or ""
    return {"id": f"chatcmpl-{id}", "object": kind, "created": int(time.time()), "model": model}


def _reason(reason: Any) -> str:
    return _REASONS.get(reason, "stop")
