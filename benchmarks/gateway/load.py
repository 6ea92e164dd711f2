"""A load generator: raw asyncio, kept connections, closed loop (as fast as it goes) or open loop (at a rate)."""

import asyncio
import time
from dataclasses import dataclass, field
from itertools import count
from typing import cast

NUMBER = b"#########"
_numbers = count()


@dataclass
class Outcome:
    """Milliseconds of each good answer, counted from when it was due, and how many were not good."""

    taken: list[float] = field(default_factory=list)
    bad: int = 0

    def percentile(self, percent: float) -> float:
        """Nearest rank."""
        values = sorted(self.taken)
        return values[min(len(values) - 1, int(len(values) * percent / 100))]


@dataclass(frozen=True)
class Target:
    """Where to ask, and the request as bytes. A `NUMBER` in it is another one in every request."""

    host: str
    port: int
    request: bytes
    stream: bool

    def fresh(self) -> bytes:
        """The request as it is sent now."""
        return (
            self.request.replace(NUMBER, b"%09d" % next(_numbers)) if NUMBER in self.request else self.request
        )


class Connection(asyncio.Protocol):
    """A kept connection, on which one request follows the other."""

    def __init__(self, target: Target) -> None:
        self._target = target
        self._data = bytearray()
        self._done: asyncio.Future[bool] | None = None

    def close(self) -> None:
        """Hang up."""
        self.transport.close()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self.transport = cast(asyncio.Transport, transport)

    async def ask(self) -> bool:
        """Send the request; whether the answer was good and whole."""
        self._data.clear()
        self._done = asyncio.get_running_loop().create_future()
        self.transport.write(self._target.fresh())
        return await self._done

    def data_received(self, data: bytes) -> None:
        """Note what came."""
        self._data += data
        if self._done is not None and not self._done.done() and self._whole():
            good = self._data.startswith(b"HTTP/1.1 200")
            self._done.set_result(good and (not self._target.stream or b"[DONE]" in self._data))

    def connection_lost(self, error: Exception | None) -> None:
        """What was under way is not whole."""
        if self._done is not None and not self._done.done():
            self._done.set_result(False)

    def _whole(self) -> bool:
        head = self._data.find(b"\r\n\r\n")
        if head < 0:
            return False
        lower = bytes(self._data[:head]).lower()
        at = lower.find(b"content-length:")
        if at < 0:
            return self._data.endswith(b"0\r\n\r\n")
        return len(self._data) >= head + 4 + int(lower[at + 15 :].split(b"\r\n", 1)[0])


async def connect(target: Target) -> Connection:
    """A connection that is kept."""
    loop = asyncio.get_running_loop()
    _, connection = await loop.create_connection(lambda: Connection(target), target.host, target.port)
    return connection


async def closed(target: Target, connections: int, seconds: float) -> Outcome:
    """Each connection asks again as soon as it has its answer."""
    outcome, end = Outcome(), time.perf_counter() + seconds

    async def client() -> None:
        connection = await connect(target)
        while time.perf_counter() < end:
            begun = time.perf_counter()
            if await connection.ask():
                outcome.taken.append((time.perf_counter() - begun) * 1000)
            else:
                outcome.bad += 1
        connection.transport.close()

    await asyncio.gather(*(client() for _ in range(connections)))
    return outcome


async def opened(target: Target, rate: float, seconds: float, connections: int = 32) -> Outcome:
    """At a constant rate, whatever the answers do."""
    outcome = Outcome()
    free: asyncio.Queue[Connection] = asyncio.Queue()
    for _ in range(connections):
        free.put_nowait(await connect(target))
    begun = time.perf_counter() + 0.1

    async def ask(due: float) -> None:
        connection = await free.get()
        good = await connection.ask()
        if good:
            outcome.taken.append((time.perf_counter() - due) * 1000)
        outcome.bad += not good
        free.put_nowait(connection)

    asking = []
    for number in range(int(rate * seconds)):
        due = begun + number / rate
        await asyncio.sleep(max(0.0, due - time.perf_counter()))
        asking.append(asyncio.create_task(ask(due)))
    await asyncio.gather(*asking)
    while not free.empty():
        free.get_nowait().transport.close()
    return outcome
