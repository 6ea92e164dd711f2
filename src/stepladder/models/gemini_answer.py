"""Gemini's candidates, whole and streamed, in the words of chat completions."""

import time
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

_REASONS = {"STOP": "stop", "MAX_TOKENS": "length", "FINISH_REASON_UNSPECIFIED": "stop"}
_FILTERED = ("SAFETY", "RECITATION", "BLOCKLIST", "PROHIBITED_CONTENT", "SPII", "LANGUAGE", "IMAGE_SAFETY")


def completion_of(data: bytes, id: str) -> bytes:
    """A whole answer as a completion. Raises msgspec.DecodeError for bytes that are none."""
    said = msgspec.json.decode(data, type=dict[str, Any])
    if "error" in said:
        return data
    choices = []
    for at, candidate in enumerate(_candidates(said)):
        message, finish = _Candidate(id, candidate.get("index", at)).take(candidate)
        text = message.pop("content", "")
        calls = message.get("tool_calls") or ()
        message |= {
            "role": "assistant",
            "content": text or (None if calls else ""),
            "refusal": None,
            "annotations": [],
        }
        for call in calls:
            del call["index"]
        index = candidate.get("index", at)
        choices.append(
            {"index": index, "message": message, "logprobs": None, "finish_reason": finish or "stop"}
        )
    usage = usage_of(said.get("usageMetadata") or {})
    return msgspec.json.encode({**_head(said, id, "chat.completion"), "choices": choices, "usage": usage})


class CandidateReader:
    """The events of one stream, each as the chunks that it makes. The stream's end is the connection's."""

    def __init__(self, id: str) -> None:
        self._id = id
        self._candidates: dict[int, _Candidate] = {}

    def __call__(self, data: bytes) -> Iterator[bytes]:
        """The chunks of an event's data. Raises msgspec.DecodeError."""
        said = msgspec.json.decode(data, type=dict[str, Any])
        if "error" in said:
            yield msgspec.json.encode({"error": said["error"]})
            return
        head, ended = _head(said, self._id, "chat.completion.chunk"), False
        for at, candidate in enumerate(_candidates(said)):
            index = candidate.get("index", at)
            known = index in self._candidates
            state = self._candidates.setdefault(index, _Candidate(self._id, index))
            delta, finish = state.take(candidate)
            if not known:
                delta = {"role": "assistant", "content": "", **delta}
            choice = {"index": index, "delta": delta, "logprobs": None, "finish_reason": finish}
            yield msgspec.json.encode({**head, "choices": [choice]})
            ended = ended or finish is not None
        if ended and "usageMetadata" in said:
            usage = usage_of(said["usageMetadata"])
            yield msgspec.json.encode({**head, "choices": [], "usage": usage})


class _Candidate:
    """One answer on its way: its calls are counted, since Gemini numbers none."""

    def __init__(self, id: str, index: int) -> None:
        self._id = f"call_{id}_{index}"
        self._calls = 0

    def take(self, candidate: Mapping[str, Any]) -> tuple[dict[str, Any], str | None]:
        """What a candidate says, as a message or a delta of one, and why it ended, None where it has not."""
        said: dict[str, Any] = {}
        for part in (candidate.get("content") or {}).get("parts") or ():
            if "functionCall" in part:
                said.setdefault("tool_calls", []).append(self._call(part))
            elif "text" in part:
                key = "reasoning_content" if part.get("thought") else "content"
                said[key] = said.get(key, "") + part["text"]
        return said, self._reason(candidate.get("finishReason"))

    def _reason(self, reason: Any) -> str | None:
        if reason is None or reason in _FILTERED:
            return None if reason is None else "content_filter"
        return "tool_calls" if self._calls and reason == "STOP" else _REASONS.get(reason, "stop")

    def _call(self, part: Mapping[str, Any]) -> dict[str, Any]:
        called, at = part["functionCall"], self._calls
        self._calls += 1
        arguments = msgspec.json.encode(called.get("args") or {}).decode()
        call: dict[str, Any] = {
            "index": at,
            "id": called.get("id") or f"{self._id}_{at}",
            "type": "function",
            "function": {"name": called.get("name", ""), "arguments": arguments},
        }
        if part.get("thoughtSignature"):
            call["extra_content"] = {"google": {"thought_signature": part["thoughtSignature"]}}
        return call


def usage_of(told: Mapping[str, Any]) -> dict[str, Any]:
    """Gemini's counts as OpenAI's usage: thoughts are tokens written."""
    read = int(told.get("promptTokenCount") or 0) + int(told.get("toolUsePromptTokenCount") or 0)
    thought = int(told.get("thoughtsTokenCount") or 0)
    written = int(told.get("candidatesTokenCount") or 0) + thought
    return {
        "prompt_tokens": read,
        "completion_tokens": written,
        "total_tokens": read + written,
        "prompt_tokens_details": {"cached_tokens": int(told.get("cachedContentTokenCount") or 0)},
        "completion_tokens_details": {"reasoning_tokens": thought},
    }


def _candidates(said: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The candidates; a question that was blocked has one that says nothing."""
    found = said.get("candidates") or []
    blocked = (said.get("promptFeedback") or {}).get("blockReason")
    return found or ([{"index": 0, "finishReason": "SAFETY"}] if blocked else [])


def _head(said: Mapping[str, Any], id: str, kind: str) -> dict[str, Any]:
    name = f"chatcmpl-{said.get('responseId') or id}"
    return {"id": name, "object": kind, "created": int(time.time()), "model": said.get("modelVersion") or ""}
