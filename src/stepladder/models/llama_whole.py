"""Makes one whole completion out of a stream's chunks.

llama.cpp's server notices that a caller has left only where it streams: a plain reply is written to its end,
in a slot that nobody else gets. So we always ask for a stream, and put a plain reply together here.
"""

from collections.abc import Iterable
from typing import Any

import msgspec

from stepladder.core import UpstreamFailed


def whole(name: str, chunks: Iterable[bytes]) -> bytes:
    """The `chat.completion` object that `chunks` (JSON of `chat.completion.chunk`) amount to.

    Raises UpstreamFailed where a chunk is no such thing or the last word is missing.
    """
    reply: dict[str, Any] = {}
    choices: dict[int, dict[str, Any]] = {}
    try:
        for chunk in map(msgspec.json.decode, chunks):
            for choice in chunk.pop("choices", ()):
                _add_choice(choices, choice)
            reply |= chunk
    except (msgspec.DecodeError, AttributeError, KeyError, TypeError) as error:
        raise UpstreamFailed(name, f"{name} answered something that is no completion.") from error
    if not choices or any(choice["finish_reason"] is None for choice in choices.values()):
        raise UpstreamFailed(name, f"{name} broke off in the middle of its answer.")
    reply |= {"object": "chat.completion", "choices": [choices[index] for index in sorted(choices)]}
    return msgspec.json.encode(reply)


def _add_choice(choices: dict[int, dict[str, Any]], piece: dict[str, Any]) -> None:
    index = piece["index"]
    fresh = {"index": index, "message": {"refusal": None}, "logprobs": None, "finish_reason": None}
    choice = choices.setdefault(index, fresh)
    _add_delta(choice["message"], piece["delta"])
    choice["finish_reason"] = piece["finish_reason"] or choice["finish_reason"]
    if piece.get("logprobs"):
        choice["logprobs"] = known = choice["logprobs"] or {"content": []}
        known["content"] += piece["logprobs"].get("content") or []


def _add_delta(message: dict[str, Any], delta: dict[str, Any]) -> None:
    """Texts grow, calls of tools grow each by its index, everything else is said once."""
    for key, value in delta.items():
        if key == "tool_calls":
            calls = message.setdefault(key, [])
            for call in value:
                while len(calls) <= call["index"]:
                    calls.append({})
                _add_delta(
                    calls[call["index"]], {name: said for name, said in call.items() if name != "index"}
                )
        elif isinstance(value, dict):
            _add_delta(message.setdefault(key, {}), value)
        elif isinstance(value, str) and key not in ("role", "id", "type"):
            message[key] = (message.get(key) or "") + value
        else:
            message.setdefault(key, value)
