"""A streamed chat completion, rewritten as it goes by: every text of every choice through a hand of its own.

The words of a choice (its content, reasoning, refusal) go through piece by piece. The arguments of a tool call are JSON
that may say a thing in escapes or in a number, and nobody can use them before they are whole: they are kept until the
choice ends, and then leave at once.
"""

from collections.abc import Hashable
from typing import Any, Protocol

import msgspec

from stepladder.core import json_texts
from stepladder.models import DONE, EventReader, text_of, write_event

_AS_THEY_ARE = frozenset(("role", "id", "type", "index", "name"))


class Hand(Protocol):
    """What texts go through: `feed` and `finish` by key, `whole` for texts that come at once."""

    def feed(self, key: Hashable, text: str) -> str:
        """What may leave now."""
        ...

    def finish(self, key: Hashable) -> str:
        """What is left."""
        ...

    def whole(self, text: str, name: str = "") -> str:
        """A whole text as it may leave."""
        ...


class _Choice:
    """One choice: the texts that have begun, the tool calls that wait, and what was let go of its words.

    `heard` and `closed` are what the client knows: that something was said, and that it has ended.
    """

    def __init__(self) -> None:
        self.open: dict[str, None] = {}
        self.arguments: dict[int | str, str] = {}
        self.said = ""
        self.ended = False
        self.heard = False
        self.closed = False


class Chunks:
    """The chunks of one completion. After each `take`, `text` and `calls` are what left of the first choice."""

    def __init__(self, hand: Hand) -> None:
        self.choices: dict[int, _Choice] = {}
        self.text = ""
        self.calls: list[bytes] = []
        self._hand = hand
        self._frame: dict[str, Any] = {"object": "chat.completion.chunk"}

    def take(self, data: bytes, *, last: bool = False) -> bytes:
        """The events as they may leave; with the `last` of them goes what was held back."""
        self.text, self.calls = "", []
        events = []
        for event in EventReader(1 << 26).feed(data):
            chunk = msgspec.json.decode(event.data) if event.data and event.data != DONE else None
            if not isinstance(chunk, dict) or not chunk.get("choices"):
                events.append(event.raw + b"\n\n")
            else:
                events += self._chunk(chunk)
        if last:
            left = [
                self._flushed(index, choice) for index, choice in self.choices.items() if not choice.ended
            ]
            events += self._event(list(filter(None, left)))
        return b"".join(events)

    def stop(self, said: str, reason: str) -> bytes:
        """The event that ends every choice that the client has not seen end; one that it has heard nothing of says `said`."""
        self.text, self.calls = "", []
        found = []
        for index, choice in (self.choices or {0: _Choice()}).items():
            if not choice.closed:
                words = "" if choice.heard else said
                self.text += words if index == 0 else ""
                delta = {"role": "assistant", "content": words} if words else {}
                found.append({"index": index, "delta": delta, "logprobs": None, "finish_reason": reason})
        return b"".join(self._event(found))

    def left(self) -> None:
        """What was taken has left: a choice that ended has ended for the client too."""
        for choice in self.choices.values():
            choice.heard, choice.closed = bool(choice.said), choice.ended

    @property
    def words(self) -> str:
        """What was let go of all choices so far."""
        return "\n".join(choice.said for choice in self.choices.values() if choice.said)

    def _chunk(self, chunk: dict[str, Any]) -> list[bytes]:
        self._frame = {key: value for key, value in chunk.items() if key not in ("choices", "usage")}
        before, now = [], []
        for given in chunk["choices"]:
            index = given.get("index", 0)
            choice = self.choices.setdefault(index, _Choice())
            delta = given.get("delta")
            said = self._delta(index, choice, delta if isinstance(delta, dict) else {})
            words = self._words(index, choice, "text", given["text"]) if "text" in given else None
            if given.get("finish_reason") is not None and (left := self._flushed(index, choice)):
                before.append(left)
            if any(said.values()) or words or given.get("finish_reason") is not None:
                told = {**given, **({"delta": said} if "delta" in given else {})}
                told |= {"text": words} if words is not None else {}
                now.append(told | ({"logprobs": None} if "logprobs" in given else {}))
        events = self._event(before)
        if now or chunk.get("usage"):
            events.append(write_event(json_texts.encoded({**chunk, "choices": now})))
        return events

    def _delta(self, index: int, choice: _Choice, delta: dict[str, Any]) -> dict[str, Any]:
        said: dict[str, Any] = {}
        for key, value in delta.items():
            if key in _AS_THEY_ARE or not value:
                said[key] = value
            elif key == "tool_calls" and isinstance(value, list):
                said[key] = [self._call(choice, at, call) for at, call in enumerate(value)]
                said[key] = [call for call in said[key] if call]
                self._noted(index, said[key])
            elif key == "function_call" and isinstance(value, dict):
                said[key] = self._kept(choice, key, value)
            elif isinstance(value, str) or key == "content":
                said[key] = self._words(index, choice, key, text_of(value))
            else:
                said[key] = json_texts.changed(value, self._hand.whole)
        return said

    def _words(self, index: int, choice: _Choice, key: str, text: str) -> str:
        choice.open[key] = None
        return self._let_go(index, choice, key, self._hand.feed((index, key), text))

    def _let_go(self, index: int, choice: _Choice, key: str, text: str) -> str:
        choice.said += text
        if index == 0 and key in ("content", "text"):
            self.text += text
        return text

    def _call(self, choice: _Choice, at: int, call: Any) -> dict[str, Any]:
        """A tool call without its arguments; nothing where it had nothing else."""
        if not isinstance(call, dict):
            return {}
        index = call.get("index", at)
        function = self._kept(choice, index, call.get("function") or {})
        known = {key: value for key, value in call.items() if key not in ("index", "function")}
        if not any(known.values()) and not function.get("name"):
            return {}
        return {"index": index, **known, "function": {"arguments": "", **function}}

    @staticmethod
    def _kept(choice: _Choice, index: int | str, function: dict[str, Any]) -> dict[str, Any]:
        arguments = function.get("arguments")
        choice.arguments[index] = choice.arguments.get(index, "") + (
            arguments if isinstance(arguments, str) else ""
        )
        return {key: value for key, value in function.items() if key != "arguments"}

    def _flushed(self, index: int, choice: _Choice) -> dict[str, Any] | None:
        """What was held back of a choice that ends."""
        choice.ended = True
        delta: dict[str, Any] = {}
        for key in choice.open:
            left = self._let_go(index, choice, key, self._hand.finish((index, key)))
            if left:
                delta[key] = left
        calls: list[dict[str, Any]] = []
        for number, arguments in choice.arguments.items():
            whole = {"arguments": json_texts.nested(arguments, self._hand.whole)}
            if number == "function_call":
                delta["function_call"] = whole
            elif arguments:
                calls.append({"index": number, "function": whole})
        choice.said += "".join(call["function"]["arguments"] for call in calls)
        if calls:
            delta["tool_calls"] = calls
            self._noted(index, calls)
        text = delta.pop("text", None)
        if not delta and text is None:
            return None
        told = {"delta": delta} if text is None else {"text": text}
        return {"index": index, **told, "logprobs": None, "finish_reason": None}

    def _noted(self, index: int, calls: list[dict[str, Any]]) -> None:
        if index == 0 and calls:
            self.calls.append(json_texts.encoded(calls))

    def _event(self, choices: list[dict[str, Any]]) -> list[bytes]:
        return [write_event(json_texts.encoded({**self._frame, "choices": choices}))] if choices else []
