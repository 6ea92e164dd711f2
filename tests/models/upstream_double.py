"""A loopback HTTP server that behaves, or misbehaves, as a test tells it to."""

import asyncio
import json
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any


@dataclass
class Asked:
    """One request, and the ways to answer it."""

    headers: Mapping[str, str]
    raw: bytes
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    path: str = ""

    @property
    def body(self) -> dict[str, Any]:
        """The request's JSON."""
        return json.loads(self.raw)

    async def say(
        self, body: Any, status: int = 200, *, kind: str = "application/json", **headers: str
    ) -> None:
        """A whole answer: bytes as they are, anything else as JSON."""
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        await self.head(status, kind, **{"Content-Length": str(len(data)), **headers})
        await self.write(data)

    async def head(self, status: int = 200, kind: str = "text/event-stream", **headers: str) -> None:
        """The status line and headers; chunked where no length is given."""
        given = {"Content-Type": kind, **headers}
        if "Content-Length" not in given:
            given["Transfer-Encoding"] = "chunked"
        lines = [f"HTTP/1.1 {status} Said", *(f"{name}: {value}" for name, value in given.items())]
        await self.write("\r\n".join([*lines, "", ""]).encode())

    async def chunk(self, data: bytes) -> None:
        """One chunk of a chunked body."""
        await self.write(f"{len(data):x}\r\n".encode() + data + b"\r\n")

    async def end(self) -> None:
        """The end of a chunked body."""
        await self.write(b"0\r\n\r\n")

    async def stream(self, *events: Any) -> None:
        """A whole stream of events, one a chunk: bytes are sent raw, anything else as a JSON event."""
        await self.head()
        for event in events:
            await self.chunk(event if isinstance(event, bytes) else chunk_event(event))
        await self.end()

    async def write(self, data: bytes) -> None:
        """Raw bytes."""
        self.writer.write(data)
        await self.writer.drain()

    def cut(self) -> None:
        """Break the connection off."""
        self.writer.close()

    async def gone(self) -> None:
        """Return when the asker has closed the connection."""
        with suppress(ConnectionError):
            await self.reader.read()


Behaviour = Callable[[Asked], Awaitable[None]]


@dataclass
class Upstream:
    """What was asked, over how many connections, and how many of them are open."""

    port: int = 0
    asked: list[Asked] = field(default_factory=list)
    connections: int = 0
    open: int = 0
    left: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def url(self) -> str:
        """The base URL."""
        return f"http://127.0.0.1:{self.port}/v1"

    async def left_alone(self) -> None:
        """Wait until a connection has been closed."""
        async with asyncio.timeout(5):
            await self.left.wait()


@asynccontextmanager
async def upstream(behave: Behaviour) -> AsyncIterator[Upstream]:
    """A server on a free port whose every request is answered by `behave`."""
    seen = Upstream()
    tasks: set[asyncio.Task[Any]] = set()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        tasks.add(asyncio.current_task())  # type: ignore[arg-type]
        seen.connections += 1
        seen.open += 1
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode()
                headers = dict(line.split(": ", 1) for line in head.split("\r\n")[1:] if line)
                raw = await reader.readexactly(int(headers.get("Content-Length", 0)))
                seen.asked.append(Asked(headers, raw, reader, writer, head.split(" ")[1]))
                await behave(seen.asked[-1])
        except (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            pass  # the asker went, or the test is over
        finally:
            seen.open -= 1
            seen.left.set()
            writer.close()

    server = await asyncio.start_server(connected, "127.0.0.1", 0)
    seen.port = server.sockets[0].getsockname()[1]
    try:
        yield seen
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


@asynccontextmanager
async def upstream_apart(behave: Behaviour) -> AsyncIterator[Upstream]:
    """The same in a thread and event loop of its own, for tests that count the tasks of theirs."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    serving = upstream(behave)
    try:
        yield await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(serving.__aenter__(), loop))
    finally:
        await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(serving.__aexit__(None, None, None), loop))
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


async def until(holds: Callable[[], object], seconds: float = 10.0) -> None:
    """Wait until it holds."""
    async with asyncio.timeout(seconds):
        while not holds():  # noqa: ASYNC110 what is waited for is in another task's hands and has no event
            await asyncio.sleep(0.005)


def chunk_event(body: Any) -> bytes:
    """A server-sent event of JSON, written as providers do."""
    return b"data: " + json.dumps(body, ensure_ascii=False).encode() + b"\n\n"


def said(text: str, finish: str | None = None, **more: Any) -> dict[str, Any]:
    """A chunk of a streamed chat completion."""
    return {
        "id": "c1",
        "object": "chat.completion.chunk",
        "choices": [{"index": 0, "delta": {"content": text}, "finish_reason": finish}],
        **more,
    }


def counted(prompt: int = 7, completion: int = 2) -> dict[str, Any]:
    """The chunk that tells the usage."""
    usage = {"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": prompt + completion}
    return {"id": "c1", "object": "chat.completion.chunk", "choices": [], "usage": usage}


def completion(text: str | None, **more: Any) -> dict[str, Any]:
    """A whole chat completion."""
    return {
        "id": "c1",
        "object": "chat.completion",
        "choices": [{"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}],
        "usage": counted()["usage"],
        **more,
    }


DONE = b"data: [DONE]\n\n"


async def echo(asked: Asked) -> None:
    """Behave: say the last user message back, streamed word by word where that is asked."""
    text = [message["content"] for message in asked.body["messages"] if message["role"] == "user"][-1]
    if not asked.body.get("stream"):
        await asked.say(completion(text))
        return
    words = [word for word in text.replace(" ", " \0").split("\0") if word]
    usage = [counted()] if asked.body.get("stream_options", {}).get("include_usage") else []
    await asked.stream(*(said(word) for word in words), said("", "stop"), *usage, DONE)
