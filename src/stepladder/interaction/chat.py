"""POST /v1/chat/completions and what goes the same way, as plain ASGI: nothing between the socket and the gateway."""

import asyncio
import logging
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import aclosing
from dataclasses import replace
from time import time

from starlette.types import Message, Receive, Scope, Send

from stepladder.core import (
    Answer,
    BadRequest,
    Delta,
    Disclosure,
    Held,
    Part,
    Piece,
    StepladderError,
    Tenant,
    TooLarge,
)
from stepladder.gateway import Gateway
from stepladder.interaction import wire
from stepladder.interaction.disclosing import told
from stepladder.interaction.marking import MarkedStream, mark_for, mark_of, marked, without_marks
from stepladder.interaction.shapes import ChatShape, Shape
from stepladder.interaction.slow_clients import CLIENT
from stepladder.service import Course, Entry, TaskEntry, new_id

Identify = Callable[[bytes | None, str], Awaitable[Tenant]]
"""Turns an Authorization header and the client's address into a tenant."""

_log = logging.getLogger(__name__)
TRAINING = b"x-stepladder-training"
"""The header that says whether a question may be learnt from, for clients whose body says nothing of it."""
_DRAIN_SECONDS = 2.0
_SEND_LESS = "Send less, or raise server.max_body_kb."
_AGAIN_SECONDS = 0.5


class ClientGone(Exception):
    """The client hung up before its request was whole; there is nobody to tell."""


class BodyTooLarge(TooLarge):
    """The body is over the limit, and the client may still be sending it."""


class ChatCompletions:
    """The endpoint. `identify` turns an Authorization header into a tenant; `shape` is the API that is spoken."""

    def __init__(self, gateway: Gateway, identify: Identify, shape: Shape | None = None) -> None:
        self._gateway = gateway
        self._identify = identify
        self._shape = shape or ChatShape()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request. Every error leaves in the API's own shape."""
        reply = Reply(send, self._shape, self._gateway.snapshot.config.disclosure)
        try:
            entry = await self._admit(scope, receive)
            reply.entry = entry
            work = self._stream(entry, reply) if entry.asked.request.stream else self._plain(entry, reply)
            client = scope.get(CLIENT)
            if client is None:
                await _while_there(receive, work)
                return
            client.working = asyncio.current_task()
            try:
                await work
            finally:
                client.working = None
        except ClientGone:
            return
        except asyncio.CancelledError:
            # The client has gone, or the server's patience is at its end; swallowed, since the task ends here.
            await reply.error(_stopping())
        except BodyTooLarge as error:
            await reply.error(error, receive)
        except StepladderError as error:
            await reply.error(error)
        except Exception:  # noqa: BLE001 the edge: whatever is wrong with us, the client gets an answer
            _log.exception("The request %s failed for a reason of ours.", reply.id)
            await reply.error(StepladderError("Something is wrong with the server.", remedy="See its log."))

    async def _admit(self, scope: Scope, receive: Receive) -> Entry:
        limit = self._gateway.snapshot.config.server.max_body_kb * 1024
        authorization: bytes | None = None
        length, said = 0, b""
        for name, value in scope["headers"]:
            if name == b"authorization":
                authorization = value
            elif name == b"content-length":
                length = int(value)
            elif name == TRAINING:
                said = value
        client = scope.get("client")
        tenant = await self._identify(authorization or api_key(scope), client[0] if client else "")
        tenant = _consenting(tenant, said) if said else tenant
        data = await body_of(receive, length, limit)
        request, gateway = await self._shape.read(data, tenant), self._gateway
        config = gateway.snapshot.config
        request = without_marks(request, mark_of(config.disclosure))
        plan = config.plans.get(request.model)
        if plan is None:
            return gateway.admit(request, tenant)
        course = Course(
            plan,
            request,
            lambda step: gateway.admit(step, tenant),
            gateway.answer,
            config.tasks,
            tenant.service.concurrency,
        )
        return await course.lead()

    async def _plain(self, entry: Entry, reply: "Reply") -> None:
        data = b""
        async for part in entry.begun or self._gateway.answer(entry):
            if isinstance(part, Piece):
                data += part.data
            elif isinstance(part, Answer) and isinstance(entry, TaskEntry):
                data = wire.completion(entry, part)
        if entry.waits is not None:
            raise entry.waits
        mark = mark_for(entry, reply.disclosure)
        await reply.body(self._shape.plain(entry, marked(data, mark) if mark else data))

    async def _stream(self, entry: Entry, reply: "Reply") -> None:
        async with aclosing(entry.begun or self._gateway.answer(entry)) as parts:
            committed, events = b"", _as_events(entry, parts)
            mark = mark_for(entry, reply.disclosure)
            events = MarkedStream(mark).events(events) if mark else events
            async for data in self._shape.stream(entry, events):
                if entry.settled:  # the rest is here already, and goes out as one
                    committed += data
                else:
                    await reply.piece(data)
        if entry.waits is not None and not reply.begun:
            raise entry.waits
        await reply.end(committed)


class Reply:
    """One response. The headers leave with the first bytes, so that they can tell as much as is known by then."""

    def __init__(self, send: Send, shape: Shape, disclosure: Disclosure) -> None:
        self.entry: Entry | None = None
        self.disclosure = disclosure
        self._send = send
        self._shape = shape
        self._started = False
        self._id = ""

    @property
    def id(self) -> str:
        """The request's; where it was not let in, of this response alone."""
        if self.entry is not None:
            return self.entry.asked.id
        self._id = self._id or new_id(time())
        return self._id

    @property
    def begun(self) -> bool:
        """Whether something has left, so that the status cannot be another any more."""
        return self._started

    async def body(self, data: bytes, status: int = 200) -> None:
        """A whole JSON response."""
        await self._start(status, [wire.JSON, (b"content-length", str(len(data)).encode())])
        await self._send({"type": "http.response.body", "body": data})

    async def piece(self, data: bytes) -> None:
        """Some events of a stream."""
        if not self._started:
            await self._start(200, list(wire.EVENTS))
        await self._send({"type": "http.response.body", "body": data, "more_body": True})

    async def end(self, data: bytes = b"") -> None:
        """The last events of a stream that is whole."""
        if not self._started:
            await self._start(200, list(wire.EVENTS))
        await self._send({"type": "http.response.body", "body": data + self._shape.done})

    async def error(self, error: StepladderError, receive: Receive | None = None) -> None:
        """An error: as the response, or as the last event of a stream that has begun, which then has no `[DONE]`.

        With `receive`, what the client is still sending is read and thrown away, so that it gets to read the error.
        """
        id = self.id
        if self._started:
            await self._send({"type": "http.response.body", "body": self._shape.error_event(error, id)})
            return
        data = wire.encode(wire.held_body(error) if isinstance(error, Held) else self._shape.error(error, id))
        extra = [*wire.come_back(error), *([(b"connection", b"close")] if receive else [])]
        extra += wire.named(id)
        await self._start(error.status, [wire.JSON, (b"content-length", str(len(data)).encode()), *extra])
        await self._send({"type": "http.response.body", "body": data, "more_body": receive is not None})
        if receive is not None:
            await _drain(receive)
            await self._send({"type": "http.response.body", "body": b""})

    async def _start(self, status: int, headers: wire.Headers) -> None:
        self._started = True
        facts = wire.headers(self.entry, self.entry.answer) if self.entry else []
        if self.entry and status == 200:
            asked, written = self.entry.asked, bool(mark_for(self.entry, self.disclosure))
            facts += told(self.disclosure, asked.request.route, asked.id, written=written)
        await self._send({"type": "http.response.start", "status": status, "headers": headers + facts})


def _consenting(tenant: Tenant, said: bytes) -> Tenant:
    """The tenant for this question, which may be learnt from or not. Raises BadRequest."""
    if said not in (b"yes", b"no"):
        name = TRAINING.decode()
        raise BadRequest(f"{name} is neither yes nor no.", param=name, remedy="Send one of them, or none.")
    return replace(tenant, training=said == b"yes")


def api_key(scope: Scope) -> bytes | None:
    """Anthropic's clients send their key in a header of its own."""
    key: bytes | None = next((value for name, value in scope["headers"] if name == b"x-api-key"), None)
    return b"Bearer " + key if key is not None else None


async def body_of(receive: Receive, length: int, limit: int, remedy: str = _SEND_LESS) -> bytes:
    """The request's body. Raises BodyTooLarge once it is known to be over `limit` bytes, ClientGone when it ends early."""
    if length > limit:
        raise _too_large(length, limit, remedy)
    message = await receive()
    data: bytes = message.get("body", b"")
    while message.get("more_body", False) or message["type"] == "http.disconnect":
        if message["type"] == "http.disconnect":
            raise ClientGone
        if len(data) > limit:
            raise _too_large(len(data), limit, remedy)
        message = await receive()
        data += message.get("body", b"")
    if len(data) > limit:
        raise _too_large(len(data), limit, remedy)
    return data


def _stopping() -> StepladderError:
    error = StepladderError("The server is stopping and could not wait for the answer.", remedy="Ask again.")
    error.status = 503
    return error


def _too_large(length: int, limit: int, remedy: str) -> BodyTooLarge:
    return BodyTooLarge(
        f"The body has {length} bytes or more; {limit} are allowed.",
        remedy=remedy,
    )


async def _as_events(entry: Entry, parts: AsyncIterator[Part | Piece]) -> AsyncGenerator[bytes]:
    begun = False
    async for part in parts:
        if isinstance(part, Piece):
            if part.data:
                yield part.data if entry.waits is None else wire.waiting(part.data, entry.waits)
            continue
        assert isinstance(entry, TaskEntry)
        lead = b"" if begun else wire.first_chunk(entry)
        if isinstance(part, Delta):
            yield lead + wire.text_chunk(entry, part.text)
        else:
            whole = b"" if begun else wire.whole_chunk(entry, part)
            last = b"".join(wire.last_chunks(entry, part))
            yield lead + whole + (last if entry.waits is None else wire.waiting(last, entry.waits))
        begun = True


async def _while_there(receive: Receive, work: Awaitable[None]) -> None:
    """Do the work as long as the client listens; when it hangs up, the work is cancelled, and settles what it had."""
    working = asyncio.current_task()
    assert working is not None
    listening = asyncio.ensure_future(_gone(receive))
    listening.add_done_callback(lambda done: None if done.cancelled() else working.cancel())
    try:
        await work
    except asyncio.CancelledError:
        if not listening.done() or listening.cancelled():
            raise
        working.uncancel()
        raise ClientGone from None
    finally:
        listening.cancel()


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":  # noqa: ASYNC110 it is a message, and no flag
        await asyncio.sleep(_AGAIN_SECONDS)  # who says the same at once again must not take the loop


async def _drain(receive: Receive) -> None:
    async def read_on() -> None:
        message: Message = {"more_body": True}
        while message.get("more_body", False):
            message = await receive()

    try:
        await asyncio.wait_for(read_on(), _DRAIN_SECONDS)
    except TimeoutError:
        return
