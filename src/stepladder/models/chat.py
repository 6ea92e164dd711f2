"""Any OpenAI-compatible upstream over HTTP: chats pass through as they are, tasks become prompts."""

from collections.abc import AsyncGenerator, Mapping
from functools import partial
from hashlib import blake2b
from typing import Any

import msgspec

from stepladder.core import BadRequest, ChatCall, Piece, Task, Usage
from stepladder.models.attempts import Attempts
from stepladder.models.chat_rung import ChatRung
from stepladder.models.chat_settings import ChatSettings, attempts_of, read_settings
from stepladder.models.chat_stream import ChunkStream, Mend, no_completion
from stepladder.models.estimate import estimate_call
from stepladder.models.heard import Heard
from stepladder.models.quirks import Mender, adapted, of_vendor
from stepladder.models.replicas import Replica
from stepladder.models.wire import UNREADABLE, peek

ROUTES = ("chat/completions", "completions", "embeddings", "rerank", "moderations", "score", "classify")
"""What is passed on to a server; whether it has them is its to say."""
_CHAT = ROUTES[0]
_WITH_CHOICES = ROUTES[:2]
_OURS = ("model", "stepladder")
_MOST_BYTES = 32 << 20
_STREAM = "text/event-stream"
_MESSAGES: msgspec.json.Decoder[list[msgspec.Raw]] = msgspec.json.Decoder(list[msgspec.Raw])


class ChatModel:
    """An upstream: one server or several, each with its own session and its own bound on calls at a time."""

    source = "live"
    uses_tools = True

    def __init__(self, name: str, settings: ChatSettings, attempts: Attempts) -> None:
        self.name = name
        self.settings = settings
        self._attempts = attempts
        self._quirks = of_vendor(settings.vendor, settings.host)
        self.heard = Heard()

    @classmethod
    def open(cls, name: str, settings: Mapping[str, Any]) -> "ChatModel":
        """Check the settings and resolve the key; nothing is connected yet. Raises ConfigError."""
        chosen = read_settings(name, settings)
        return cls(name, chosen, attempts_of(name, chosen))

    @property
    def private(self) -> bool:
        """Whether confidential questions may go there."""
        return self.settings.private

    def cost(self, usage: Usage) -> float:
        """What so many tokens cost."""
        chosen = self.settings
        return (usage.prompt_tokens * chosen.price_in + usage.completion_tokens * chosen.price_out) / 1e6

    def chat(self, call: ChatCall) -> AsyncGenerator[Piece]:
        """Pass a chat through, fields as they came. Raises UpstreamFailed, and BadRequest for odd `stream_options`."""
        if call.confidential and not self.private:
            raise refuse_confidential(self.name)
        once = self._streamed if call.stream else self._whole
        return self._attempts.run(self._key(call), partial(once, call))

    def forward(self, call: ChatCall) -> AsyncGenerator[Piece]:
        """The same for the other endpoints of `ROUTES`. Raises BadRequest for any other."""
        if call.route not in ROUTES:
            raise BadRequest(
                f"{self.name!r} has no {call.route}.", param="model", remedy="Ask another model."
            )
        return self.chat(call)

    def rung(self, task: Task) -> ChatRung:
        """This model as a rung of a task."""
        return ChatRung(self, task, self.settings.extra)

    async def close(self) -> None:
        """Close the connections."""
        for replica in self._attempts.replicas.all:
            await replica.upstream.close()

    def _key(self, call: ChatCall) -> str | bytes:
        """What a server's cache would know the call by: its conversation, or else its messages up to the first question."""
        if len(self._attempts.replicas.all) == 1:
            return b""
        return call.conversation or _beginning(call)

    def _body(self, call: ChatCall, model: str) -> bytes:
        fields = {name: msgspec.Raw(value) for name, value in call.body.items() if name not in _OURS}
        if call.route == _CHAT and self._quirks.changes_request:
            fields = adapted(self._quirks, fields)
        fields["model"] = msgspec.Raw(msgspec.json.encode(model))
        if call.stream and self._quirks.tells_usage:
            fields["stream_options"] = msgspec.Raw(_with_usage(call.body.get("stream_options")))
        return msgspec.json.encode(fields)

    def _path(self, call: ChatCall, model: str) -> str:
        """Where below the base URL the server's `model` is asked."""
        return call.route

    def _once(self, call: ChatCall) -> str:
        """The call's Idempotency-Key, where it is to have one."""
        wanted = self.settings.idempotency and call.id.isascii() and call.id.isprintable()
        return call.id if wanted else ""

    def _completion(self, call: ChatCall, data: bytes) -> bytes:
        """A whole answer in OpenAI's words. Raises what `msgspec` raises for bytes that are none."""
        return data

    def _mend(self, call: ChatCall) -> Mend | None:
        """What turns a stream's events into OpenAI's, where they are not."""
        return Mender(self._quirks) if self._quirks.changes_stream else None

    async def _whole(self, call: ChatCall, replica: Replica, due: float) -> AsyncGenerator[Piece]:
        upstream = replica.upstream
        path, body = self._path(call, replica.model), self._body(call, replica.model)
        async with upstream.post(path, body, due, self._once(call)) as exchange:
            data = await exchange.whole(_MOST_BYTES)
        try:
            data = self._completion(call, data)
            seen = peek(data)
        except UNREADABLE as error:
            raise no_completion(exchange) from error
        if seen.error is not None:
            raise upstream.failed("reported an error in its answer", exchange.quoted(seen.error))
        if not seen.choices and call.route in _WITH_CHOICES:
            raise upstream.failed("answered without choices", "Is it an OpenAI-compatible chat endpoint?")
        self._hear(call, seen.model)
        usage = seen.used or estimate_call(call, seen.text, seen.unsaid)
        yield Piece(
            data, seen.text, last=True, usage=usage, finish_reason=seen.finish_reason, calls=seen.calls
        )

    async def _streamed(self, call: ChatCall, replica: Replica, due: float) -> AsyncGenerator[Piece]:
        path, body = self._path(call, replica.model), self._body(call, replica.model)
        async with replica.upstream.post(path, body, due, self._once(call)) as exchange:
            kind = exchange.response.headers.get("content-type", "").partition(";")[0].strip().lower()
            if kind != _STREAM:
                remedy = f"Its answer is of type {kind or 'unknown'}."
                raise exchange.upstream.failed("did not answer with a stream", remedy)
            stream = ChunkStream(exchange, call, self._mend(call))
            due = exchange.first_due
            while not stream.done:
                piece = await stream.piece(due)
                if piece is not None:
                    yield piece
                    due = due if piece.idle else exchange.next_due
            for piece in stream.end():
                yield piece
            self._hear(call, stream.model)
            await exchange.finish()

    def _hear(self, call: ChatCall, name: object) -> None:
        """Several servers may each have a name of their own for the model: then none of them says anything."""
        if call.route == _CHAT and len(self._attempts.replicas.all) == 1:
            self.heard.hear(name)


def refuse_confidential(name: str) -> BadRequest:
    """A confidential question may not go to this model."""
    return BadRequest(
        f"{name} may be another's machine, so it gets no confidential questions.",
        param="stepladder.confidential",
        remedy="Ask a private model (private = true, or kind local), or leave confidential out.",
    )


def _beginning(call: ChatCall) -> bytes:
    digest = blake2b(digest_size=16)
    try:
        for message in _MESSAGES.decode(call.body.get("messages", b"[]")):
            digest.update(message)
            if b'"user"' in bytes(message):
                break
    except UNREADABLE:
        pass
    return digest.digest()


def _with_usage(options: bytes | None) -> bytes:
    """The caller's `stream_options`, and the wish to be told the usage."""
    if options is None:
        return b'{"include_usage":true}'
    try:
        given = msgspec.json.decode(options, type=dict[str, msgspec.Raw] | None)
    except UNREADABLE as error:
        raise BadRequest(
            "stream_options is not an object.",
            param="stream_options",
            remedy='Give an object such as {"include_usage": true}.',
        ) from error
    return msgspec.json.encode({**(given or {}), "include_usage": True})
