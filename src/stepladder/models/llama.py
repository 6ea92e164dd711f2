"""One llama.cpp, in a process of its own, and how to talk to it.

Why not in this process: xllamacpp holds the interpreter's lock while it loads and frees a model (0.4 s for
135 million parameters, many seconds for billions: the event loop would stand still), takes SIGINT and
SIGTERM away from the server, and ends the whole process where an assertion of llama.cpp fails. Its loopback
server gives what its in-process calls do not: a caller who hangs up stops the generation. The process starts
with the first question, starts again if it died, and ends with its parent.
"""

import asyncio
import json
import os
import secrets
import subprocess
import sys
import threading
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import aclosing, asynccontextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from stepladder.core import RungFailed, UpstreamFailed
from stepladder.models.llama_whole import whole
from stepladder.models.sse import DONE, EventReader

if TYPE_CHECKING:
    import aiohttp

_WORKER = Path(__file__).with_name("llama_worker.py")


@dataclass(frozen=True, slots=True)
class Launch:
    """What to load: a GGUF file, tokens one conversation may have, threads, conversations at once, and the GGUF files of
    LoRA adapters that are laid over it."""

    name: str
    path: str
    context: int
    threads: int
    parallel: int
    connections: int
    adapters: tuple[str, ...] = ()


def cores() -> int:
    """How many cores this process may use."""
    affinity = getattr(os, "sched_getaffinity", None)
    return len(affinity(0)) if affinity is not None else os.cpu_count() or 1


class LlamaProcess:
    """Starts and ends the process. Its methods block: call them in a thread."""

    def __init__(self, launch: Launch) -> None:
        self._launch = launch
        self._key = secrets.token_hex(32)
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._address = ""

    def __del__(self) -> None:
        """Nobody can ask it any more."""
        self.stop()

    @property
    def headers(self) -> dict[str, str]:
        """What a request must carry, so that nobody else on this machine can ask or read."""
        return {"authorization": f"Bearer {self._key}"}

    @property
    def pid(self) -> int | None:
        """The process's id while it runs."""
        return self._process.pid if self._process is not None and self._process.poll() is None else None

    def start(self) -> str:
        """The address it listens on; loads the model first where it is not loaded. Raises RungFailed."""
        with self._lock:
            if self.pid is None:
                self._process = self._spawn()
                try:
                    self._address = self._handshake(self._process)
                except RungFailed:
                    self.stop()
                    raise
            return self._address

    def stop(self) -> None:
        """End it and give its memory back."""
        process, self._process = self._process, None
        if process is None:
            return
        process.kill()  # It holds nothing worth saving.
        process.wait()
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                pipe.close()

    def _spawn(self) -> subprocess.Popen[bytes]:
        self.stop()
        environment = dict(os.environ)
        # It helps training; llama.cpp's threads would sleep between two tokens (122 -> 49 tokens/s).
        environment.pop("OMP_WAIT_POLICY", None)
        return subprocess.Popen(
            [sys.executable, "-P", str(_WORKER)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=environment,
        )

    def _handshake(self, process: subprocess.Popen[bytes]) -> str:
        assert process.stdin is not None and process.stdout is not None
        try:
            process.stdin.write(json.dumps({**asdict(self._launch), "key": self._key}).encode() + b"\n")
            process.stdin.flush()
            said: dict[str, str] = json.loads(process.stdout.readline() or b"{}")
        except OSError:
            said = {}
        if "address" in said:
            return said["address"]
        raise RungFailed(
            self._launch.name,
            f"llama.cpp could not load {self._launch.path}: {said.get('error', 'its process ended')}",
            remedy="Check that it is a whole GGUF file of a kind this xllamacpp knows, that there is memory "
            "enough, and that the system has libgomp (package libgomp1).",
            retryable=False,
        )


class _Refusal(msgspec.Struct):
    type: str = ""
    message: str = ""
    n_prompt_tokens: int = 0
    n_ctx: int = 0


class _Refused(msgspec.Struct):
    error: _Refusal = msgspec.field(default_factory=_Refusal)


class _Tokens(msgspec.Struct):
    tokens: list[int]


class LlamaClient:
    """Asks a LlamaProcess from the event loop, at most `limit` requests at a time (running and waiting)."""

    def __init__(self, launch: Launch, *, limit: int, timeout_seconds: float) -> None:
        self._name = launch.name
        self.process = LlamaProcess(launch)
        self._limit = limit
        self._timeout = timeout_seconds
        self._asked = 0
        self._starting: asyncio.Task[str] | None = None
        self._session: aiohttp.ClientSession | None = None

    async def tokens(self, text: str) -> list[int]:
        """What the model reads `text` as, taken by itself. Raises RungFailed, UpstreamFailed."""
        async with self._asking("/tokenize", msgspec.json.encode({"content": text})) as response:
            return msgspec.json.decode(await response.read(), type=_Tokens).tokens

    async def complete(self, fields: Mapping[str, Any]) -> bytes:
        """A chat completion, whole. Cancelling it stops the generation. Raises RungFailed, UpstreamFailed."""
        async with aclosing(self.stream(fields)) as events:
            return whole(self._name, [event async for event in events])

    async def stream(self, fields: Mapping[str, Any]) -> AsyncGenerator[bytes, None]:
        """A chat completion's chunks (JSON), usage in the last. Closing it stops the generation."""
        body = {**fields, "stream": True, "stream_options": {"include_usage": True}}
        async with self._asking("/v1/chat/completions", msgspec.json.encode(body)) as response:
            reader = EventReader()
            async for block in response.content.iter_any():
                for event in reader.feed(block):
                    if event.data.startswith(b'{"error"'):
                        raise self._refused(500, event.data)
                    if event.data and event.data != DONE:
                        yield event.data

    async def close(self) -> None:
        """Hang up on whatever runs and end the process. Asking again would start it anew."""
        if self._session is not None:
            await self._session.close()
            self._session = None
        starting, self._starting = self._starting, None
        await asyncio.to_thread(self.process.stop)
        if starting is not None:
            # A start that had not come as far as a process was not stopped.
            await asyncio.gather(starting, return_exceptions=True)
            await asyncio.to_thread(self.process.stop)

    @asynccontextmanager
    async def _asking(self, path: str, body: bytes) -> "AsyncIterator[aiohttp.ClientResponse]":
        import aiohttp

        if self._asked >= self._limit:
            raise RungFailed(
                self._name,
                f"{self._name} is busy: {self._asked} questions are running or waiting.",
                remedy="Try again later, or raise its `queue` or `parallel`.",
            )
        self._asked += 1
        try:
            address = await self._start()
            async with self._open_session().post(address + path, data=body) as response:
                if response.status != 200:
                    raise self._refused(response.status, await response.read())
                yield response
        except TimeoutError as error:
            raise UpstreamFailed(
                self._name,
                f"{self._name} was silent for {self._timeout:g} s.",
                remedy="Raise its `timeout_seconds`, or ask for less text.",
            ) from error
        except (aiohttp.ClientError, OSError) as error:
            raise UpstreamFailed(
                self._name,
                f"llama.cpp's process broke off ({type(error).__name__}); it starts anew when asked.",
            ) from error
        finally:
            self._asked -= 1

    async def _start(self) -> str:
        """One start for all who wait for it; a caller who gives up meanwhile does not stop it."""
        running = self.process.pid is not None
        if self._starting is None or (self._starting.done() and not running):
            self._starting = asyncio.create_task(asyncio.to_thread(self.process.start))
        return await asyncio.shield(self._starting)

    def _open_session(self) -> "aiohttp.ClientSession":
        import aiohttp

        if self._session is None:
            self._session = aiohttp.ClientSession(
                headers={**self.process.headers, "content-type": "application/json"},
                # A connection a request: hanging up is what stops a generation.
                connector=aiohttp.TCPConnector(limit=0, force_close=True),
                cookie_jar=aiohttp.DummyCookieJar(),
                timeout=aiohttp.ClientTimeout(total=None, sock_read=self._timeout),
                trust_env=False,
            )
        return self._session

    def _refused(self, status: int, body: bytes) -> UpstreamFailed:
        """llama.cpp's refusal in our words: its own may quote the caller's text, which no error may hold."""
        try:
            refusal = msgspec.json.decode(body, type=_Refused).error
        except msgspec.DecodeError:
            refusal = _Refusal()
        if refusal.type == "exceed_context_size_error":
            what = f"The question has {refusal.n_prompt_tokens} tokens; {self._name} holds {refusal.n_ctx}."
            remedy = "Shorten it, or raise the model's `context`."
        else:
            what = f"{self._name} refused the request ({status} {refusal.type or 'error'})."
            remedy = "Check messages, response_format, tools and sampling fields; this model reads text only."
        return UpstreamFailed(
            self._name,
            what,
            remedy=remedy,
            retryable=status >= 500,
            upstream_status=status,
        )
