"""A streamed chat completion as a response's events: items are added, written and done, each event numbered."""

import time
from collections.abc import Mapping, Sequence
from typing import Any

from stepladder.interaction import wire
from stepladder.models import text_of

_CUT = {"length": "max_output_tokens", "content_filter": "content_filter"}


def response_of(id: str, at: float, model: str, given: Mapping[str, Any]) -> dict[str, Any]:
    """A response that has begun: what was asked, repeated, and what is not known yet."""
    defaults: dict[str, Any] = {
        "instructions": None,
        "previous_response_id": None,
        "max_output_tokens": None,
        "max_tool_calls": None,
        "temperature": 1.0,
        "top_p": 1.0,
        "presence_penalty": 0.0,
        "frequency_penalty": 0.0,
        "top_logprobs": 0,
        "tool_choice": "auto",
        "parallel_tool_calls": True,
        "truncation": "disabled",
        "store": True,
        "background": False,
        "service_tier": "default",
        "metadata": {},
        "user": None,
        "safety_identifier": None,
        "prompt_cache_key": None,
    }
    text, reasoning = given.get("text") or {}, given.get("reasoning") or {}
    tools = given.get("tools") or []
    return {
        "id": id,
        "object": "response",
        "created_at": int(at),
        "completed_at": None,
        "status": "in_progress",
        "error": None,
        "incomplete_details": None,
        "model": model,
        "output": [],
        "usage": None,
        "text": {"format": {"type": "text"}, **text},
        "reasoning": {"effort": None, "summary": None, **reasoning},
        "tools": [{"description": None, "strict": None, "parameters": None, **tool} for tool in tools],
        **{key: given.get(key) if given.get(key) is not None else known for key, known in defaults.items()},
    }


class ResponseStream:
    """Takes chunks, gives events. `response` is what it comes to."""

    def __init__(self, id: str, response: dict[str, Any]) -> None:
        self.response = response
        self._id = id
        self._number = 0
        self._text: dict[str, Any] | None = None
        self._calls: dict[int, dict[str, Any]] = {}
        self._finish: str | None = None

    def take(self, chunk: dict[str, Any]) -> bytes:
        """The events that a chunk makes."""
        if chunk.get("usage"):
            self.response["usage"] = _usage(chunk["usage"])
        self.response |= wire.held_in(chunk, self._id)
        out = self._begin()
        for choice in chunk.get("choices") or ():
            if choice.get("index", 0) != 0:
                continue
            delta = choice.get("delta") or {}
            for kind, key in (("output_text", "content"), ("refusal", "refusal")):
                text, odds = text_of(delta.get(key)), (choice.get("logprobs") or {}).get(key) or []
                out += self._write(kind, text, odds) if text else b""
            for at, call in enumerate(delta.get("tool_calls") or ()):
                out += self._call(call.get("index", at) or 0, call)
            self._finish = choice.get("finish_reason") or self._finish
        return out

    def end(self) -> bytes:
        """The events that end it."""
        out = self._begin()
        for at, item in enumerate(self.response["output"]):
            out += self._done(at, item)
        cut = _CUT.get(self._finish or "")
        self.response["status"] = status = "incomplete" if cut else "completed"
        self.response["incomplete_details"] = {"reason": cut} if cut else None
        self.response["completed_at"] = int(time.time())
        return out + self._told(f"response.{status}")

    def _begin(self) -> bytes:
        """The events that open the stream: with the first chunk, since a refusal before it is no stream at all."""
        return b"" if self._number else self._told("response.created") + self._told("response.in_progress")

    def _write(self, kind: str, text: str, odds: Sequence[Any]) -> bytes:
        item, out = self._text, b""
        if item is None or item["content"][-1]["type"] != kind:
            out, item = self._part(kind)
        part, key = item["content"][-1], "text" if kind == "output_text" else "refusal"
        part[key] += text
        more: dict[str, Any] = {}
        if kind == "output_text":
            part["logprobs"] += odds
            more = {"logprobs": odds}
        return out + self._event(f"response.{kind}.delta", {**self._place(item), "delta": text, **more})

    def _part(self, kind: str) -> tuple[bytes, dict[str, Any]]:
        """A new part of the message, which is begun where there is none."""
        out, item = b"", self._text
        if item is None:
            item = {"type": "message", "id": f"msg_{self._id}", "status": "in_progress", "role": "assistant"}
            item["content"] = []
            out = self._add(item)
            self._text = item
        part: dict[str, Any] = {"type": kind, **({"refusal": ""} if kind == "refusal" else {"text": ""})}
        if kind == "output_text":
            part |= {"annotations": [], "logprobs": []}
        item["content"].append(part)
        return out + self._event("response.content_part.added", {**self._place(item), "part": part}), item

    def _call(self, index: int, call: dict[str, Any]) -> bytes:
        function, out = call.get("function") or {}, b""
        item = self._calls.get(index)
        if item is None:
            item = self._calls[index] = {
                "type": "function_call",
                "id": f"fc_{self._id}_{index}",
                "call_id": call.get("id") or f"call_{self._id}_{index}",
                "name": function.get("name", ""),
                "arguments": "",
                "status": "in_progress",
            }
            out = self._add(item)
        if not function.get("arguments"):
            return out
        item["arguments"] += function["arguments"]
        place = {"item_id": item["id"], "output_index": self.response["output"].index(item)}
        delta = {**place, "delta": function["arguments"]}
        return out + self._event("response.function_call_arguments.delta", delta)

    def _add(self, item: dict[str, Any]) -> bytes:
        self.response["output"].append(item)
        at = len(self.response["output"]) - 1
        return self._event("response.output_item.added", {"output_index": at, "item": item})

    def _done(self, at: int, item: dict[str, Any]) -> bytes:
        item["status"] = "incomplete" if self._finish in _CUT else "completed"
        out = b""
        if item["type"] == "function_call":
            done = {
                "item_id": item["id"],
                "output_index": at,
                "arguments": item["arguments"],
                "name": item["name"],
            }
            out += self._event("response.function_call_arguments.done", done)
        for n, part in enumerate(item.get("content", ())):
            place = {"item_id": item["id"], "output_index": at, "content_index": n}
            kind, key = part["type"], "refusal" if part["type"] == "refusal" else "text"
            more: dict[str, Any] = {"logprobs": part["logprobs"]} if key == "text" else {}
            out += self._event(f"response.{kind}.done", {**place, key: part[key], **more})
            out += self._event("response.content_part.done", {**place, "part": part})
        return out + self._event("response.output_item.done", {"output_index": at, "item": item})

    def _place(self, item: dict[str, Any]) -> dict[str, Any]:
        return {
            "item_id": item["id"],
            "output_index": self.response["output"].index(item),
            "content_index": len(item["content"]) - 1,
        }

    def _told(self, name: str) -> bytes:
        return self._event(name, {"response": self.response})

    def _event(self, name: str, data: dict[str, Any]) -> bytes:
        self._number += 1
        return wire.named_event(name, {"type": name, "sequence_number": self._number - 1, **data})


def _usage(told: Mapping[str, Any]) -> dict[str, Any]:
    read, written = int(told.get("prompt_tokens") or 0), int(told.get("completion_tokens") or 0)
    cached = (told.get("prompt_tokens_details") or {}).get("cached_tokens") or 0
    thought = (told.get("completion_tokens_details") or {}).get("reasoning_tokens") or 0
    return {
        "input_tokens": read,
        "input_tokens_details": {"cached_tokens": cached},
        "output_tokens": written,
        "output_tokens_details": {"reasoning_tokens": thought},
        "total_tokens": read + written,
    }
