"""A streamed chat completion as it comes in: cut into events, looked at once, and handed on as it came."""

import time
from collections.abc import Callable, Iterable, Iterator

import msgspec

from stepladder.core import ChatCall, Piece, UpstreamFailed, Usage
from stepladder.models.estimate import estimate_call
from stepladder.models.sse import DONE, Event, EventReader, EventTooLong, write_event
from stepladder.models.upstream import Exchange
from stepladder.models.wire import UNREADABLE, Peek, peek, usage_body

Mend = Callable[[bytes], Iterable[bytes]]
"""Turns an event's data into what OpenAI would have sent: none, one or several chunks, or `[DONE]`."""

_MOST_EVENT = 4 << 20
_END = b"\n\n"
_NOTHING = Peek()


class ChunkStream:
    """What has come of one stream. One piece is made of each read, and each event is decoded once.

    Until something is said (a word, a tool call, a reason to finish) nothing but comments is handed on, so that another
    server may still be asked. `finished` when every choice has its finish reason, `done` when nothing more will come.
    """

    __slots__ = (
        "_broken",
        "_call",
        "_calls",
        "_ended",
        "_exchange",
        "_finish",
        "_held",
        "_mend",
        "_most",
        "_over",
        "_reader",
        "_said",
        "_seen",
        "_unsaid",
        "done",
        "model",
        "usage",
    )

    def __init__(self, exchange: Exchange, call: ChatCall, mend: Mend | None) -> None:
        self._exchange = exchange
        self._call = call
        self._calls: tuple[bytes, ...] = ()
        self._reader = EventReader(_MOST_EVENT)
        self._mend = mend
        self._most = _choices(call)
        self._seen: set[int] = set()
        self._ended: set[int] = set()
        self._held: list[bytes] | None = []
        self._finish: str | None = None
        self._broken: UpstreamFailed | None = None
        self._over = False
        self.done = False
        self._said: list[str] = []
        self._unsaid = 0
        self.usage: Usage | None = None
        self.model: object = None

    @property
    def finished(self) -> bool:
        """Whether every choice that was asked for has ended."""
        return len(self._ended) >= self._most and self._ended >= self._seen

    @property
    def _whole(self) -> bool:
        """Whether every choice that came has ended: a server may give fewer than were asked for."""
        return bool(self._ended) and self._ended >= self._seen

    async def piece(self, due: float) -> Piece | None:
        """The piece that the next read makes, None where it makes none. Raises UpstreamFailed."""
        if self._broken is not None:
            raise self._broken
        try:
            data = await self._exchange.read(due)
            if data:
                return self._take(data)
        except UNREADABLE as error:
            raise no_completion(self._exchange) from error
        except UpstreamFailed:
            if not self.finished:
                raise  # else the answer was whole: what is missing is the usage at most
        self.done = self._over = True
        return None

    def end(self) -> Iterator[Piece]:
        """What is left to say when nothing more comes. Raises UpstreamFailed for an answer that is not whole."""
        if not self.finished:
            if self._over or not self._whole:
                raise self._exchange.upstream.failed("broke off in the middle of its answer")
            yield Piece(b"", last=True)
        if self.usage is None:
            usage = estimate_call(self._call, "".join(self._said), self._unsaid)
            yield Piece(_usage_event(self._call, usage) if self._call.wants_usage else b"", usage=usage)

    def _take(self, data: bytes) -> Piece | None:
        lines = self._reader.lines(data) if self._mend is None else None
        if lines is None or (seen := _peeked(lines)) is None:
            return self._take_events(data)
        said, usage, unsaid, self._calls = "", None, self._unsaid, ()
        wants, left = self._call.wants_usage, 0
        for one in seen:
            if one.choices:
                said += self._note(one)
                self.model = one.model
            if one.usage is not None:
                usage = self.usage = one.used
                if not one.choices and not wants:
                    left += 1
        if left or len(seen) < len(lines):
            self.done = len(seen) < len(lines)
            told = [
                line
                for one, line in zip(seen, lines, strict=False)
                if wants or one.choices or one.usage is None
            ]
            data = b"data: " + b"\n\ndata: ".join(told) + _END if told else b""
        return self._piece([data] if data else [], said, usage, self._unsaid - unsaid)

    def _take_events(self, data: bytes) -> Piece | None:
        """The same for events of any kind, one after the other."""
        kept: list[bytes] = []
        said, usage, unsaid = "", None, self._unsaid
        self._calls = ()
        for event in self._cut(data):
            if event.data == DONE:
                self.done = True
                break
            seen = peek(event.data) if event.data else _NOTHING
            if seen.error is not None:
                self._break(seen, begun=self._held is None and bool(kept))
                break
            if seen.choices:
                said += self._note(seen)
                self.model = seen.model
            if seen.usage is not None:
                usage = self.usage = seen.used
                if not seen.choices and not self._call.wants_usage:
                    continue
            kept += (event.raw, _END)
        return self._piece(kept, said, usage, self._unsaid - unsaid)

    def _break(self, seen: Peek, *, begun: bool) -> None:
        """An error among the events. What came before it in the same read goes out first, unless that is the first."""
        said = self._exchange.quoted(seen.error)
        self._broken = self._exchange.upstream.failed("reported an error in its answer", said)
        if not begun:
            raise self._broken

    def _note(self, seen: Peek) -> str:
        """Take in what the choices say; the first one's words."""
        text = ""
        for choice in seen.choices:
            index = choice.index
            if index not in self._seen:
                self._seen.add(index)
            if index == 0:
                text = choice.words
                if calls := choice.calls:
                    self._calls += calls
            if choice.finish_reason is not None:
                self._ended.add(index)
                self._finish = choice.finish_reason if index == 0 else self._finish
            if not text:
                self._unsaid += choice.unsaid + (len(choice.words) if index else 0)
        return text

    def _piece(self, kept: list[bytes], text: str, usage: Usage | None, unsaid: int) -> Piece | None:
        if text:
            self._said.append(text)
        if self._held is not None:
            if not (text or unsaid or self._ended):
                return self._not_yet(kept)
            kept, self._held = self._held + kept, None
        if not kept and usage is None:
            return None
        return Piece(b"".join(kept), text, self.finished, usage, self._finish, unsaid, self._calls)

    def _not_yet(self, kept: list[bytes]) -> Piece | None:
        """Nothing was said. Comments go on, since they keep the line open; everything else waits."""
        assert self._held is not None
        if kept and not self._held and all(part == _END or part.startswith(b":") for part in kept):
            return Piece(b"".join(kept), idle=True)
        self._held += kept
        return None

    def _cut(self, data: bytes) -> list[Event]:
        try:
            events = self._reader.feed(data)
        except EventTooLong as error:
            raise self._exchange.upstream.failed("sent an endless event") from error
        return events if self._mend is None else [one for event in events for one in self._mended(event)]

    def _mended(self, event: Event) -> Iterator[Event]:
        if not event.data or event.data == DONE or self._mend is None:
            yield event
            return
        for chunk in self._mend(event.data):
            yield event if chunk is event.data else Event(write_event(chunk)[:-2], chunk)


def _peeked(lines: list[bytes]) -> list[Peek] | None:
    """What events say, up to `[DONE]`; None where one is no chunk, or tells an error."""
    lines = lines[: lines.index(DONE)] if DONE in lines else lines
    try:
        seen = [peek(line) for line in lines]
    except UNREADABLE:
        return None
    return None if any(one.error is not None for one in seen) else seen


def no_completion(exchange: Exchange) -> UpstreamFailed:
    """The error for bytes that are none."""
    upstream = exchange.upstream
    return upstream.failed(
        "answered with something that is no chat completion",
        f"Does models.{upstream.name}.base_url end where its API begins, as in http://HOST/v1?",
    )


def _usage_event(call: ChatCall, usage: Usage) -> bytes:
    """The chunk that tells an estimated usage, for an upstream that tells none."""
    chunk = {
        "id": f"chatcmpl-{call.id}",
        "object": "chat.completion.chunk",
        "created": int(time.time()),
        "model": "",
        "choices": [],
        "usage": usage_body(usage),
        "stepladder": {"estimated": usage.estimated},
    }
    return write_event(msgspec.json.encode(chunk))


def _choices(call: ChatCall) -> int:
    """How many answers are asked for."""
    given = call.body.get("n")
    if given is None:
        return 1
    try:
        return max(msgspec.json.decode(given, type=int | None) or 1, 1)
    except msgspec.DecodeError:
        return 1
