"""A model's tool calls: put together from the deltas of a stream, and written down beside its words."""

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec


def assembled(deltas: Iterable[bytes]) -> list[dict[str, Any]]:
    """Whole tool calls out of raw lists of them, or of a stream's deltas: same index, same call."""
    calls: dict[int, dict[str, Any]] = {}
    for raw in deltas:
        for at, delta in enumerate(msgspec.json.decode(raw) or ()):
            if isinstance(delta, dict):
                index = delta.get("index")
                _add(calls.setdefault(index if isinstance(index, int) else at, _empty()), delta)
    return [calls[index] for index in sorted(calls)]


def written(text: str, deltas: Iterable[bytes]) -> str:
    """An answer for the ledger: its text, or where it calls tools the message as JSON."""
    calls = assembled(deltas)
    if not calls:
        return text
    return msgspec.json.encode({"content": text or None, "tool_calls": calls}).decode()


def read_back(answer: str) -> dict[str, Any]:
    """The assistant's message that `written` wrote down."""
    if answer.startswith('{"content":') and '"tool_calls":[' in answer:
        try:
            found = msgspec.json.decode(answer)
        except msgspec.DecodeError:
            found = {}
        if set(found) == {"content", "tool_calls"}:
            return {"role": "assistant", **found}
    return {"role": "assistant", "content": answer}


def _empty() -> dict[str, Any]:
    return {"id": "", "type": "function", "function": {"name": "", "arguments": ""}}


def _add(call: dict[str, Any], delta: Mapping[str, Any]) -> None:
    call["id"] = delta.get("id") or call["id"]
    told = delta.get("function")
    for key, value in told.items() if isinstance(told, dict) else ():
        if isinstance(value, str):
            call["function"][key] = call["function"].get(key, "") + value
