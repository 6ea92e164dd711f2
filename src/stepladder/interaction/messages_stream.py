"""A streamed chat completion as Anthropic's events: a message of blocks, each begun, written and ended in turn."""

from collections.abc import Mapping
from typing import Any

from stepladder.interaction import wire
from stepladder.models import text_of

_REASONS = {
    "stop": "end_turn",
    "length": "max_tokens",
    "tool_calls": "tool_use",
    "function_call": "tool_use",
    "content_filter": "refusal",
}
_TEXT = -1


def stop_reason(finish: Any) -> str:
    """OpenAI's finish reason in Anthropic's words."""
    return _REASONS.get(finish, "end_turn")


def usage_of(usage: Any) -> dict[str, Any]:
    """OpenAI's usage in Anthropic's words."""
    told = usage if isinstance(usage, dict) else {}
    cached = (told.get("prompt_tokens_details") or {}).get("cached_tokens") or 0
    thought = (told.get("completion_tokens_details") or {}).get("reasoning_tokens") or 0
    return {
        "input_tokens": max(int(told.get("prompt_tokens") or 0) - cached, 0),
        "output_tokens": int(told.get("completion_tokens") or 0),
        "output_tokens_details": {"thinking_tokens": thought},
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": cached,
        "cache_creation": None,
        "server_tool_use": None,
        "service_tier": None,
        "inference_geo": None,
    }


def message_of(id: str, model: str, content: list[dict[str, Any]], usage: Any = None) -> dict[str, Any]:
    """A message, without the reason why it ended."""
    return {
        "id": f"msg_{id}",
        "type": "message",
        "role": "assistant",
        "model": model,
        "content": content,
        "stop_reason": None,
        "stop_sequence": None,
        "stop_details": None,
        "container": None,
        "usage": usage_of(usage),
    }


def text_block(text: str) -> dict[str, Any]:
    """A block of text."""
    return {"type": "text", "text": text, "citations": None}


def tool_block(call: Mapping[str, Any], arguments: Any) -> dict[str, Any]:
    """A tool call as a block."""
    name = (call.get("function") or {}).get("name", "")
    direct = {"type": "direct"}
    return {"type": "tool_use", "id": call.get("id", ""), "name": name, "input": arguments, "caller": direct}


class MessageStream:
    """Takes chunks, gives events. A block must end before the next one begins, but a stream may mix its tool calls.

    So the text and the first call are written as they come, and what comes beside that call waits for the end.
    """

    def __init__(self, id: str, model: str) -> None:
        self._id = id
        self._model = model
        self._begun = False
        self._blocks = 0
        self._open: int | None = None
        self._waiting: dict[int, list[dict[str, Any]]] = {}
        self._finish: str | None = None
        self._usage: Any = None
        self._told: dict[str, Any] = {}

    def take(self, chunk: dict[str, Any]) -> bytes:
        """The events that a chunk makes."""
        self._usage = chunk.get("usage") or self._usage
        self._told = wire.held_in(chunk, self._id) or self._told
        out = self._begin()
        for choice in chunk.get("choices") or ():
            if choice.get("index", 0) != 0:
                continue
            delta = choice.get("delta") or {}
            text = text_of(delta.get("content")) or delta.get("refusal")
            if text:
                out += self._take(_TEXT, {"text": text})
            for at, call in enumerate(delta.get("tool_calls") or ()):
                out += self._take(call.get("index", at) or 0, call)
            self._finish = choice.get("finish_reason") or self._finish
        return out

    def end(self) -> bytes:
        """The events that end the message."""
        out = self._begin() + self._close()
        for index, parts in self._waiting.items():
            out += self._start(index, parts[0])
            out += b"".join(self._write(index, part) for part in parts)
            out += self._close()
        delta = {"stop_reason": stop_reason(self._finish), "stop_sequence": None}
        out += _event({"type": "message_delta", "delta": delta, "usage": usage_of(self._usage), **self._told})
        return out + _event({"type": "message_stop"})

    def _begin(self) -> bytes:
        if self._begun:
            return b""
        self._begun = True
        return _event({"type": "message_start", "message": message_of(self._id, self._model, [])})

    def _take(self, index: int, part: dict[str, Any]) -> bytes:
        if self._open == index:
            return self._write(index, part)
        if self._open in (None, _TEXT) and index not in self._waiting:
            return self._close() + self._start(index, part) + self._write(index, part)
        self._waiting.setdefault(index, []).append(part)
        return b""

    def _start(self, index: int, part: dict[str, Any]) -> bytes:
        self._open = index
        block = text_block("") if index == _TEXT else tool_block(part, {})
        return _event({"type": "content_block_start", "index": self._blocks, "content_block": block})

    def _write(self, index: int, part: dict[str, Any]) -> bytes:
        if index == _TEXT:
            delta = {"type": "text_delta", "text": part["text"]}
        elif arguments := (part.get("function") or {}).get("arguments"):
            delta = {"type": "input_json_delta", "partial_json": arguments}
        else:
            return b""
        return _event({"type": "content_block_delta", "index": self._blocks, "delta": delta})

    def _close(self) -> bytes:
        if self._open is None:
            return b""
        self._open = None
        self._blocks += 1
        return _event({"type": "content_block_stop", "index": self._blocks - 1})


def _event(data: dict[str, Any]) -> bytes:
    return wire.named_event(data["type"], data)
