"""A plain model's answer on its way out: whole bodies and streamed chunks, cleared by guards, and restored for the asker."""

from collections.abc import AsyncGenerator, Hashable
from dataclasses import replace
from typing import Any

import msgspec

from stepladder.core import Blocked, Part, Piece, json_texts
from stepladder.models import text_of, written
from stepladder.privacy import Restorer, Vault
from stepladder.safety.answers import FILTERED, Instead
from stepladder.safety.chunks import Chunks
from stepladder.safety.outgoing import Outgoing, Stopped, stopped

_WORDS = ("content", "text", "reasoning_content", "reasoning", "refusal")


class Clearing:
    """The hand that takes out what guards object to."""

    def __init__(self, out: Outgoing) -> None:
        self.feed = out.streamed.feed
        self.finish = out.streamed.finish
        self._out = out

    def whole(self, text: str, name: str = "") -> str:
        """A text that came at once: nothing is held back of it. Raises Stopped."""
        return self._out.piece(text)


class Restoring:
    """The hand that puts back what placeholders stand for."""

    def __init__(self, vault: Vault) -> None:
        self._vault = vault
        self._restorers: dict[Hashable, Restorer] = {}

    def feed(self, key: Hashable, text: str) -> str:
        """What cannot be the beginning of a placeholder."""
        return self._restorers.setdefault(key, self._vault.restorer()).feed(text)

    def finish(self, key: Hashable) -> str:
        """The rest."""
        return self._restorers.pop(key, self._vault.restorer()).finish()

    def whole(self, text: str, name: str = "") -> str:
        """All of it."""
        return self._vault.restore(text)


async def clear_body(
    out: Outgoing, parts: AsyncGenerator[Part | Piece], instead: Instead
) -> AsyncGenerator[Part | Piece]:
    """The whole completion, as it may leave."""
    async for part in parts:
        if isinstance(part, Piece) and part.data:
            yield await _cleared(out, part, instead)
        else:
            yield part


async def clear_chunks(
    out: Outgoing, parts: AsyncGenerator[Part | Piece], instead: Instead, seen: str = ""
) -> AsyncGenerator[Part | Piece]:
    """The chunks as they may leave. Where guards need the whole answer, they wait for it, or cut it off.

    `seen` is what had left before the first of them.
    """
    chunks, waiting, whole = Chunks(Clearing(out)), list[Piece](), False
    try:
        async for part in parts:
            assert isinstance(part, Piece)
            if part.idle:
                yield part
                continue
            seen, whole = seen + written(part.text, part.calls), whole or part.last
            data = chunks.take(part.data, last=part.last)
            waiting.append(replace(part, data=data, text=chunks.text, calls=tuple(chunks.calls)))
            if out.buffers and not whole:
                continue
            await out.grown(chunks.words, last=part.last)
            if part.last:
                await out.observe(seen)
            for one in waiting:
                yield one
            chunks.left()
            waiting = []
    except (Stopped, Blocked) as error:
        data = chunks.stop(instead(stopped(error), seen), FILTERED)
        yield Piece(data, chunks.text, last=True, finish_reason=FILTERED)


async def observe_pieces(out: Outgoing, parts: AsyncGenerator[Part | Piece]) -> AsyncGenerator[Part | Piece]:
    """The pieces as they came; guards look at the whole answer before its end leaves."""
    seen, calls = "", list[bytes]()
    async for part in parts:
        if isinstance(part, Piece):
            seen += part.text
            calls += part.calls
            if part.last:
                await out.observe(written(seen, calls) if calls else seen)
        yield part


async def restore_pieces(
    vault: Vault, parts: AsyncGenerator[Part | Piece], *, stream: bool
) -> AsyncGenerator[Part | Piece]:
    """The pieces with what placeholders stand for."""
    hand = Restoring(vault)
    chunks = Chunks(hand)
    async for part in parts:
        if not isinstance(part, Piece) or not (part.data or part.last):
            yield part
        elif stream:
            yield replace(part, data=chunks.take(part.data, last=part.last))
        else:
            yield replace(part, data=_restored(part.data, hand))


def _restored(data: bytes, hand: Restoring) -> bytes:
    if b'"choices"' not in data and b'"results"' not in data:  # vectors say nothing, at length
        return data
    body = msgspec.json.decode(data)
    key = (
        next((name for name in ("choices", "results") if name in body), "") if isinstance(body, dict) else ""
    )
    return json_texts.encoded({**body, key: json_texts.changed(body[key], hand.whole)}) if key else data


async def _cleared(out: Outgoing, piece: Piece, instead: Instead) -> Piece:
    body = msgspec.json.decode(piece.data) if b'"choices"' in piece.data else None
    if not isinstance(body, dict) or not isinstance(body.get("choices"), list):
        return piece
    choices = body["choices"]
    await out.observe(written(piece.text, piece.calls))
    texts = _texts(choices)
    try:
        given = iter([await out.text(text, whole=whole) for text, whole in texts])
    except Stopped as error:
        return _refused(piece, body, instead(stopped(error), piece.text))
    said = _changed(choices, lambda text, name: next(given))
    if said == choices:
        return piece
    first = next((each for each in said if each.get("index", 0) == 0), said[0])
    message = first.get("message") or {}
    calls = (json_texts.encoded(message["tool_calls"]),) if message.get("tool_calls") else ()
    text = text_of(message.get("content")) if message else text_of(first.get("text"))
    return replace(piece, data=json_texts.encoded({**body, "choices": said}), text=text, calls=calls)


def _texts(choices: list[dict[str, Any]]) -> list[tuple[str, bool]]:
    """Each text, and whether it is one of words, which guards judge as a whole."""
    found: list[tuple[str, bool]] = []

    def note(text: str, name: str) -> str:
        found.append((text, name in _WORDS))
        return text

    _changed(choices, note)
    return found


def _changed(choices: list[dict[str, Any]], change: json_texts.Change) -> list[dict[str, Any]]:
    """The choices with their texts changed; what each token was tells the same again, and is left out then."""
    found = []
    for choice in choices:
        rest = {key: value for key, value in choice.items() if key not in ("finish_reason", "logprobs")}
        said = json_texts.changed(rest, change)
        same = said == rest
        found.append(
            choice if same else {**choice, **said, **({"logprobs": None} if "logprobs" in choice else {})}
        )
    return found


def _refused(piece: Piece, body: dict[str, Any], said: str) -> Piece:
    """The same completion with a refusal in every choice."""
    choices = []
    for choice in body["choices"]:
        message = (
            {"message": {"role": "assistant", "content": said, "refusal": said}}
            if "message" in choice
            else {}
        )
        text = {"text": said} if "text" in choice else {}
        choices.append(
            {"index": choice.get("index", 0), **message, **text, "logprobs": None, "finish_reason": FILTERED}
        )
    data = json_texts.encoded({**body, "choices": choices})
    return replace(piece, data=data, text=said, calls=(), finish_reason=FILTERED)
