"""Any OpenAI-compatible upstream over HTTP: chats pass through as they are, tasks become prompts."""

import asyncio
import json
import time
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import msgspec

from stepladder.core import (
    Answer,
    ChatCall,
    ConfigError,
    Delta,
    Part,
    Piece,
    Question,
    Task,
    UpstreamFailed,
    Usage,
    config,
)
from stepladder.models.contract import parse_answer, prompt_for, response_format
from stepladder.models.sse import DONE, Event, EventReader, EventTooLong
from stepladder.models.wire import Peek, peek

_OURS = ("model", "stepladder")
_MOST_BYTES = 32 << 20


@dataclass(frozen=True, slots=True)
class ChatSettings:
    """`[models.x]` of kind chat. Prices are per million tokens, timeouts in seconds; `extra` joins every task's request."""

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
        self._url = settings.base_url.rstrip("/") + "/chat/completions"
        self._headers = {**settings.headers, "Content-Type": "application/json"}
        if api_key:
            self._headers["Authorization"] = f"Bearer {api_key}"
        self._model = msgspec.json.encode(settings.model)
        self._session: aiohttp.ClientSession | None = None
        self._gate = asyncio.Semaphore(settings.concurrency)

    @classmethod
    def open(cls, name: str, settings: Mapping[str, Any]) -> "ChatModel":
        """Check the settings and resolve the key; nothing is connected yet. Raises ConfigError."""
        where = f"models.{name}"
        chosen = config.settings(settings, ChatSettings, where)
        if urlsplit(chosen.base_url).scheme not in ("http", "https"):
            raise ConfigError(
                f"{where}.base_url is {chosen.base_url!r}.",
                param=f"{where}.base_url",
                remedy="Write http(s)://HOST/v1.",
            )
        if chosen.concurrency < 1:
            raise ConfigError(f"{where}.concurrency is {chosen.concurrency}.", remedy="Give 1 or more.")
        return cls(name, chosen, config.secret(chosen.api_key, f"{where}.api_key") if chosen.api_key else "")

    def cost(self, usage: Usage) -> float:
        """What so many tokens cost."""
        return (
            usage.prompt_tokens * self.settings.price_in + usage.completion_tokens * self.settings.price_out
        ) / 1e6

    async def chat(self, call: ChatCall) -> AsyncGenerator[Piece]:
        """Pass a chat through, fields as they came. Raises UpstreamFailed."""
        fields = {name: value for name, value in call.body.items() if name not in _OURS}
        fields["model"] = self._model
        if call.stream:
            options = json.loads(fields.get("stream_options") or b"{}") or {}
            fields["stream_options"] = json.dumps({**options, "include_usage": True}).encode()
        body = msgspec.json.encode({name: msgspec.Raw(value) for name, value in fields.items()})
        async with aclosing(self._pieces(body, call)) as pieces:
            async for piece in pieces:
                yield piece

    def rung(self, task: Task) -> "ChatRung":
        """This model as a rung of a task."""
        return ChatRung(self, task)

    async def close(self) -> None:
        """Close the connections."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def _pieces(self, body: bytes, call: ChatCall) -> AsyncGenerator[Piece]:
        async with self._response(body) as response:
            if not call.stream:
                yield await self._plain(response)
                return
            if "text/event-stream" not in response.content_type:
                raise self._failed("did not answer with a stream", f"It said {response.content_type}.")
            async with aclosing(self._events(response, call.wants_usage)) as pieces:
                async for piece in pieces:
                    yield piece

    @asynccontextmanager
    async def _response(self, body: bytes) -> AsyncIterator[aiohttp.ClientResponse]:
        try:
            async with self._gate, asyncio.timeout(self.settings.total_timeout):
                async with asyncio.timeout(self.settings.first_byte_timeout + self.settings.connect_timeout):
                    response = await self._open_session().post(self._url, data=body, headers=self._headers)
                async with response:
                    if response.status != 200:
                        raise await self._refusal(response)
                    yield response
        except TimeoutError as error:
            raise self._failed("is too slow", "Raise its timeouts, or see why.", status=504) from error
        except aiohttp.ClientConnectorError as error:
            raise self._failed(
                "cannot be reached", f"Check models.{self.name}.base_url and the server there."
            ) from error
        except aiohttp.ClientError as error:
            raise self._failed("broke off", f"({type(error).__name__})") from error

    def _open_session(self) -> aiohttp.ClientSession:
        if self._session is None:
            limits = aiohttp.ClientTimeout(
                total=None,
                sock_connect=self.settings.connect_timeout,
                sock_read=max(self.settings.between_timeout, self.settings.first_byte_timeout),
            )
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=30),
                timeout=limits,
                cookie_jar=aiohttp.DummyCookieJar(),
                trust_env=False,
                read_bufsize=1 << 18,
            )
        return self._session

    async def _plain(self, response: aiohttp.ClientResponse) -> Piece:
        data = await response.content.read(_MOST_BYTES)
        while not response.content.at_eof():
            if len(data) >= _MOST_BYTES:
                raise self._failed("answered with too many bytes", "")
            data += await response.content.read(_MOST_BYTES - len(data))
        seen = self._peek(data)
        if not seen.choices:
            raise self._failed("answered without choices", "Is it an OpenAI-compatible chat endpoint?")
        return Piece(data, seen.text, last=True, usage=seen.used, finish_reason=seen.finish_reason)

    async def _events(self, response: aiohttp.ClientResponse, wants_usage: bool) -> AsyncGenerator[Piece]:
        reader, seen = EventReader(), _Seen()
        chunks = aiter(response.content.iter_any())
        while not seen.done:
            async with asyncio.timeout(self.settings.between_timeout):
                data = await anext(chunks, b"")
            if not data:
                break
            try:
                events = reader.feed(data)
            except EventTooLong as error:
                raise self._failed("sent an endless event", "") from error
            piece = self._piece(events, seen, wants_usage)
            if piece is not None:
                yield piece
        if seen.finish is None:
            raise self._failed("broke off in the middle of its answer", "")

    def _piece(self, events: list[Event], seen: "_Seen", wants_usage: bool) -> Piece | None:
        """What these events say, to be passed on as they came; None where nothing is left to pass on."""
        kept, text, usage = b"", "", None
        for event in events:
            if event.data == DONE:
                seen.done = True
                break
            if event.data:
                told = self._peek(event.data)
                seen.finish = told.finish_reason or seen.finish
                text += told.text
                usage = told.used or usage
                if told.used and not told.choices and not wants_usage:
                    continue
            kept += event.raw + b"\n\n"
        if not kept and usage is None:
            return None
        return Piece(kept, text, last=seen.finish is not None, usage=usage, finish_reason=seen.finish)

    def _peek(self, data: bytes) -> Peek:
        try:
            seen = peek(data)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise self._failed("answered with something that is no chat completion", "") from error
        if seen.error is not None:
            raise self._failed("reported an error in its answer", _said(seen.error))
        return seen

    async def _refusal(self, response: aiohttp.ClientResponse) -> UpstreamFailed:
        data = await response.content.read(65536)
        try:
            said = _said(peek(data).error)
        except (msgspec.DecodeError, UnicodeDecodeError):
            said = ""
        message = f"{self.name} answered with HTTP {response.status}."
        if response.status in (401, 403):
            # About our key for it, not the caller's for us; and its words may quote the key.
            return UpstreamFailed(
                self.name, message, remedy=f"Check models.{self.name}.api_key.", retryable=False
            )
        retryable = response.status in (408, 409, 429) or response.status >= 500
        return UpstreamFailed(
            self.name, message, remedy=said, retryable=retryable, upstream_status=response.status
        )

    def _failed(self, what: str, remedy: str, *, status: int | None = None) -> UpstreamFailed:
        error = UpstreamFailed(self.name, f"{self.name} {what}.", remedy=remedy)
        if status:
            error.status = status
        return error


@dataclass(slots=True)
class _Seen:
    """How far a stream is: the finish reason, and whether it said that it is done."""

    finish: str | None = None
    done: bool = False


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
            body["response_format"] = shape
        if stream:
            body["stream"] = True
        encoded = {name: msgspec.json.encode(value) for name, value in body.items()}
        return ChatCall(question.id, encoded, stream, wants_usage=False)


def _said(error: Any) -> str:
    """The upstream's own words, shortened; only its message, which providers keep free of secrets and prompts."""
    message = error.get("message") if isinstance(error, dict) else error
    return f"It said: {message[:200]}" if isinstance(message, str) and message else ""
