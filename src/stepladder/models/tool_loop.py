"""A model that uses tools: it is asked, what it calls is done, and it is asked again with what came of that.

To whoever listens this is one answer. What a model says on its way to a call is streamed like everything else; calls of
our tools, and what ends only a round, stay here.
"""

from collections.abc import AsyncGenerator, Iterator, Mapping
from contextlib import aclosing
from dataclasses import replace
from typing import Any

import msgspec

from stepladder.core import BadRequest, ChatCall, Hands, Model, Piece, RungFailed, Usage
from stepladder.models.sse import EventReader, write_event
from stepladder.models.tool_calls import assembled
from stepladder.models.wire import UNREADABLE, usage_body

_MESSAGES: msgspec.json.Decoder[list[msgspec.Raw]] = msgspec.json.Decoder(list[msgspec.Raw])
_THEIRS = ("tools", "functions", "tool_choice", "function_call")
_WORDS = ("content", "reasoning_content", "reasoning", "refusal")
_NONE = b'"none"'
_APART = "\n\n"


async def chat_with(model: Model, call: ChatCall, hands: Hands) -> AsyncGenerator[Piece]:
    """The pieces of the answer, tools used on the way. Raises BadRequest for a call that brings tools of its own.

    `hands.spent` is what the rounds that are over took; the usage of the last piece that has one is that of all. Raises
    what the model raises, with the bill of the rounds before.
    """
    offered = await hands.offered()
    if not offered:
        async with aclosing(model.chat(call)) as pieces:  # type: ignore[type-var]
            async for piece in pieces:
                yield piece
        return
    asked = _Asked(call, msgspec.json.encode(list(offered)))
    for number in range(hands.rounds + 1):
        turn = _Turn(asked, hands.spent)
        async with aclosing(_round(model, asked.call(last=number == hands.rounds), turn)) as pieces:
            async for piece in pieces:
                yield piece
        calls = turn.calls()
        if not calls:
            return
        hands.spent += turn.usage
        if number < hands.rounds:
            asked.add(turn.text, calls, await hands.use(calls))
    raise RungFailed(
        model.name,
        f"{model.name} called tools {hands.rounds + 1} times and has not answered.",
        remedy="Allow more rounds, or ask a model that can do without.",
    )


async def _round(model: Model, call: ChatCall, turn: "_Turn") -> AsyncGenerator[Piece]:
    """One question to the model. Raises what it raises, with what was spent before added to its bill."""
    try:
        async with aclosing(model.chat(call)) as pieces:  # type: ignore[type-var]
            async for piece in pieces:
                for mine in turn.take(piece):
                    yield mine
    except RungFailed as error:
        error.usage, error.cost = turn.before + error.usage, model.cost(turn.before) + error.cost
        raise


class _Asked:
    """The conversation as it grows."""

    def __init__(self, call: ChatCall, tools: bytes) -> None:
        _check(call)
        self._call = call
        self._tools = tools
        self._messages = list(_MESSAGES.decode(call.body.get("messages", b"[]")))
        self.stream = call.stream
        self.said = False
        self.frame: dict[str, Any] = {}

    def call(self, *, last: bool) -> ChatCall:
        """The next call; the `last` one may use no tools."""
        body = {name: value for name, value in self._call.body.items() if name != "n"}
        body |= {"messages": msgspec.json.encode(self._messages), "tools": self._tools}
        return replace(self._call, body=body | ({"tool_choice": _NONE} if last else {}))

    def add(self, said: str, calls: list[dict[str, Any]], results: Any) -> None:
        """What the model said, and what came of it."""
        self.said = self.said or bool(said)
        told: list[Mapping[str, Any]] = [{"role": "assistant", "content": said or None, "tool_calls": calls}]
        self._messages += [msgspec.Raw(msgspec.json.encode(message)) for message in [*told, *results]]


class _Turn:
    """One round: what goes out of it, and what is called in it."""

    def __init__(self, asked: _Asked, before: Usage) -> None:
        self._asked = asked
        self.before = before
        self._calls: list[bytes] = []
        self._reader = EventReader(8 << 20)
        self._apart = (
            _APART if asked.stream and asked.said else ""
        )  # what is said now from what was said before
        self.text = ""
        self.usage = Usage()

    def calls(self) -> list[dict[str, Any]]:
        """The tools that were called."""
        return assembled(self._calls)

    def take(self, piece: Piece) -> Iterator[Piece]:
        """The piece as it may go out, if it may."""
        self.text += piece.text
        self._calls += piece.calls
        self.usage = piece.usage or self.usage
        over = bool(self._calls)
        if piece.idle:
            yield piece
        elif self._asked.stream:
            yield from self._streamed(piece, over=over)
        elif not over:
            yield replace(piece, data=self._whole(piece.data), usage=self._sum(piece))

    def _sum(self, piece: Piece) -> Usage | None:
        return None if piece.usage is None else self.before + piece.usage

    def _streamed(self, piece: Piece, *, over: bool) -> Iterator[Piece]:
        if piece.text and self._apart:
            piece = replace(piece, text=self._apart + piece.text)
        data = b"".join(self._events(piece.data))
        if not over:
            yield replace(piece, data=data, usage=self._sum(piece))
        elif piece.text:
            yield replace(piece, data=data, last=False, usage=None, finish_reason=None, calls=())

    def _events(self, data: bytes) -> Iterator[bytes]:
        for event in self._reader.feed(data):
            try:
                chunk = msgspec.json.decode(event.data)
            except UNREADABLE:
                yield event.raw + b"\n\n"
                continue
            if isinstance(chunk, dict) and self._mended(chunk):
                yield write_event(msgspec.json.encode(chunk))

    def _mended(self, chunk: dict[str, Any]) -> bool:
        """One answer has one id, one role and one bill. False where nothing of a chunk is left."""
        frame = self._asked.frame
        if not frame:
            frame |= {name: chunk[name] for name in ("id", "created", "model") if name in chunk}
        chunk |= frame
        if isinstance(chunk.get("usage"), dict):
            chunk["usage"] = {**chunk["usage"], **usage_body(self.before + self.usage)}
        self._set_apart(chunk)
        if not self._calls:
            return True
        choices = [one for one in chunk.get("choices") or () if isinstance(one, dict)]
        for choice in choices:
            delta = choice.get("delta") or {}
            choice["delta"] = {name: delta[name] for name in _WORDS if delta.get(name)}
            choice["finish_reason"] = None
        chunk["choices"] = [choice for choice in choices if choice["delta"]]
        chunk.pop("usage", None)
        return bool(chunk["choices"])

    def _set_apart(self, chunk: Mapping[str, Any]) -> None:
        for choice in chunk.get("choices") or () if self._apart else ():
            delta = choice.get("delta") if isinstance(choice, dict) else None
            if isinstance(delta, dict) and isinstance(delta.get("content"), str) and delta["content"]:
                delta["content"], self._apart = self._apart + delta["content"], ""
                return

    def _whole(self, data: bytes) -> bytes:
        """The body with the bill of all rounds."""
        if self.before == Usage():
            return data
        body = msgspec.json.decode(data)
        told = body.get("usage") if isinstance(body.get("usage"), dict) else {}
        return msgspec.json.encode({**body, "usage": {**told, **usage_body(self.before + self.usage)}})


def _check(call: ChatCall) -> None:
    for name in _THEIRS:
        if name in call.body:
            raise BadRequest(
                f"{name} cannot be given here: tools are used for this question already.",
                param=name,
                remedy="Leave it out, or ask the model by its own name.",
            )
