"""Any OpenAI-compatible upstream over HTTP: chats pass through as they are, tasks become prompts."""

import time
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import urlsplit

import msgspec

from stepladder.core import (
    Answer,
    BadRequest,
    ChatCall,
    ConfigError,
    Delta,
    Part,
    Piece,
    Question,
    RungFailed,
    Task,
    UpstreamFailed,
    Usage,
    config,
)
from stepladder.models.contract import parse_answer, prompt_for, response_format
from stepladder.models.sse import DONE, Event, EventReader, EventTooLong
from stepladder.models.upstream import Exchange, Patience, Upstream
from stepladder.models.wire import UNREADABLE, Peek, peek

_OURS = ("model", "stepladder")
_TASKS_OWN = ("messages", "model", "stream", "stream_options")
_NOTHING = Peek()
_MOST_BYTES = 32 << 20
_MOST_EVENT = 4 << 20


@dataclass(frozen=True, slots=True)
class ChatSettings:
    """`[models.x]` of kind chat. Prices are per million tokens, timeouts in seconds; `extra` joins every task's request.

    `api_key` is "env:NAME" or "file:PATH", and so may be a value of `headers` that is a secret.
    """

    base_url: str
    model: str
    api_key: str = ""
    price_in: float = 0.0
    price_out: float = 0.0
    concurrency: int = 256
    connect_timeout: float = 5.0
    first_byte_timeout: float = 120.0
    between_timeout: float = 60.0
    total_timeout: float = 600.0
    headers: Mapping[str, str] = field(default_factory=dict)
    extra: Mapping[str, Any] = field(default_factory=dict)


class ChatModel:
    """An upstream: its own session and its own bound on calls at a time."""

    source = "live"

    def __init__(self, name: str, settings: ChatSettings, api_key: str) -> None:
        self.name = name
        self.settings = settings
        self._model = msgspec.json.encode(settings.model)
        headers = dict(settings.headers)
        if api_key:
            headers["Authorization"] = f"Bearer {api_key}"
        patience = Patience(
            settings.connect_timeout,
            settings.first_byte_timeout,
            settings.between_timeout,
            settings.total_timeout,
        )
        url = settings.base_url.rstrip("/") + "/chat/completions"
        self._upstream = Upstream(name, url, headers, patience, settings.concurrency)

    @classmethod
    def open(cls, name: str, settings: Mapping[str, Any]) -> "ChatModel":
        """Check the settings and resolve the key; nothing is connected yet. Raises ConfigError."""
        where = f"models.{name}"
        chosen = config.settings(settings, ChatSettings, where)
        _check(chosen, where)
        headers = {
            header: config.secret(value, f"{where}.headers.{header}")
            if value.startswith(("env:", "file:"))
            else value
            for header, value in chosen.headers.items()
        }
        key = config.secret(chosen.api_key, f"{where}.api_key") if chosen.api_key else ""
        for param, value in {
            "api_key": key,
            **{f"headers.{h}": value for h, value in headers.items()},
        }.items():
            if value and not (value.isascii() and value.isprintable()):
                raise ConfigError(
                    f"{where}.{param} cannot be sent in an HTTP header.",
                    param=f"{where}.{param}",
                    remedy="It may hold printable ASCII only; is there a line break at its end?",
                )
        return cls(name, replace(chosen, headers=headers), key)

    def cost(self, usage: Usage) -> float:
        """What so many tokens cost."""
        chosen = self.settings
        return (usage.prompt_tokens * chosen.price_in + usage.completion_tokens * chosen.price_out) / 1e6

    async def chat(self, call: ChatCall) -> AsyncGenerator[Piece]:
        """Pass a chat through, fields as they came. Raises UpstreamFailed, and BadRequest for odd `stream_options`."""
        body = self._body(call)
        async with self._upstream.post(body) as exchange:
            if not call.stream:
                yield self._plain(await exchange.whole(_MOST_BYTES))
                return
            if exchange.response.content_type != "text/event-stream":
                raise self._upstream.failed("did not answer with a stream", _typed(exchange))
            async with aclosing(self._events(exchange, call.wants_usage)) as pieces:
                async for piece in pieces:
                    yield piece

    def rung(self, task: Task) -> "ChatRung":
        """This model as a rung of a task."""
        return ChatRung(self, task)

    async def close(self) -> None:
        """Close the connections."""
        await self._upstream.close()

    def _body(self, call: ChatCall) -> bytes:
        fields = {name: msgspec.Raw(value) for name, value in call.body.items() if name not in _OURS}
        fields["model"] = msgspec.Raw(self._model)
        if call.stream:
            fields["stream_options"] = msgspec.Raw(_with_usage(call.body.get("stream_options")))
        return msgspec.json.encode(fields)

    def _plain(self, data: bytes) -> Piece:
        seen = self._peek(data)
        if not seen.choices:
            raise self._upstream.failed(
                "answered without choices", "Is it an OpenAI-compatible chat endpoint?"
            )
        return Piece(data, seen.text, last=True, usage=seen.used, finish_reason=seen.finish_reason)

    async def _events(self, exchange: Exchange, wants_usage: bool) -> AsyncGenerator[Piece]:
        reader, finish, done = EventReader(_MOST_EVENT), None, False
        while not done:
            try:
                data = await exchange.read()
            except UpstreamFailed:
                if finish is None:
                    raise
                return  # The answer was whole: what is missing is the usage at most.
            if not data:
                break
            piece, done = self._piece(self._cut(reader, data), finish, wants_usage)
            finish = piece.finish_reason
            if piece.data or piece.usage:
                yield piece
        if finish is None:
            raise self._upstream.failed("broke off in the middle of its answer")
        await exchange.finish()

    def _piece(self, events: list[Event], finish: str | None, wants_usage: bool) -> tuple[Piece, bool]:
        """What one read brought as one piece, and whether that was all. Each event is decoded once, and never written."""
        kept: list[bytes] = []
        text, usage, done = "", None, False
        for event in events:
            if event.data == DONE:
                done = True
                break
            seen = self._peek(event.data) if event.data else _NOTHING
            finish = finish or seen.finish_reason
            text += seen.text
            usage = seen.used or usage
            if wants_usage or not seen.usage or seen.choices:
                kept += (event.raw, b"\n\n")
        return Piece(b"".join(kept), text, last=finish is not None, usage=usage, finish_reason=finish), done

    def _cut(self, reader: EventReader, data: bytes) -> list[Event]:
        try:
            return reader.feed(data)
        except EventTooLong as error:
            raise self._upstream.failed("sent an endless event") from error

    def _peek(self, data: bytes) -> Peek:
        try:
            seen = peek(data)
        except UNREADABLE as error:
            raise self._upstream.failed(
                "answered with something that is no chat completion",
                f"Does models.{self.name}.base_url end where its API begins, as in http://HOST/v1?",
            ) from error
        if seen.error is not None:
            raise self._upstream.failed("reported an error in its answer", self._upstream.quoted(seen.error))
        return seen


class ChatRung:
    """A model as a rung: asked with the task's prompt, checked against its contract.

    Its confidence is 1: a top rung is what the promise is measured against, so there is nothing to be unsure of.
    """

    release = ""

    def __init__(self, model: ChatModel, task: Task) -> None:
        self.name = model.name
        self._model = model
        self._task = task

    async def answer(self, question: Question) -> AsyncIterator[Part]:
        """Ask the model; prose comes as deltas, labels and JSON whole. Raises RungFailed."""
        started = time.perf_counter()
        prose = not self._task.labels and self._task.schema is None
        text, usage, finish = "", Usage(), "stop"
        async with aclosing(self._model.chat(self._call(question, stream=prose))) as pieces:
            async for piece in pieces:
                text += piece.text
                usage = piece.usage or usage
                finish = piece.finish_reason or finish
                if prose and piece.text:
                    yield Delta(piece.text)
        yield Answer(
            text if prose else parse_answer(self._task, text, self.name),
            1.0,
            self.name,
            usage=usage,
            cost=self._model.cost(usage),
            latency_ms=(time.perf_counter() - started) * 1000,
            finish_reason=finish,
        )

    def _call(self, question: Question, *, stream: bool) -> ChatCall:
        body: dict[str, Any] = {"messages": prompt_for(self._task, question), **self._model.settings.extra}
        shape = response_format(self._task)
        if shape is not None:
            body.setdefault("response_format", shape)
        if stream:
            body["stream"] = True
        try:
            encoded = {name: msgspec.json.encode(value) for name, value in body.items()}
        except UnicodeEncodeError as error:
            raise RungFailed(
                self.name, "The question is no valid Unicode (half a surrogate pair).", retryable=False
            ) from error
        return ChatCall(question.id, encoded, stream, wants_usage=False)


def _check(chosen: ChatSettings, where: str) -> None:
    address = urlsplit(chosen.base_url)
    if address.scheme not in ("http", "https") or not address.hostname:
        raise ConfigError(
            f"{where}.base_url is {chosen.base_url!r}.",
            param=f"{where}.base_url",
            remedy="Write http(s)://HOST/v1.",
        )
    if address.username is not None or address.query:
        raise ConfigError(
            f"{where}.base_url may hold neither a password nor a query.",
            param=f"{where}.base_url",
            remedy='Write api_key = "env:NAME", or a header = "env:NAME" under headers.',
        )
    if chosen.concurrency < 1:
        raise ConfigError(
            f"{where}.concurrency is {chosen.concurrency}.",
            param=f"{where}.concurrency",
            remedy="Give 1 or more.",
        )
    for key in ("connect_timeout", "first_byte_timeout", "between_timeout", "total_timeout"):
        if not getattr(chosen, key) > 0:
            raise ConfigError(
                f"{where}.{key} is {getattr(chosen, key)}.",
                param=f"{where}.{key}",
                remedy="Give seconds, more than 0.",
            )
    for key in _TASKS_OWN:
        if key in chosen.extra:
            raise ConfigError(
                f"{where}.extra.{key} is written by Stepladder.",
                param=f"{where}.extra.{key}",
                remedy="Leave it out.",
            )


def _with_usage(options: bytes | None) -> bytes:
    """The caller's `stream_options`, and the wish to be told the usage."""
    try:
        given = msgspec.json.decode(options or b"null", type=dict[str, msgspec.Raw] | None)
    except UNREADABLE as error:
        raise BadRequest(
            "stream_options is not an object.",
            param="stream_options",
            remedy='Give an object such as {"include_usage": true}.',
        ) from error
    return msgspec.json.encode({**(given or {}), "include_usage": True})


def _typed(exchange: Exchange) -> str:
    return f"Its answer is of type {exchange.response.content_type}."
