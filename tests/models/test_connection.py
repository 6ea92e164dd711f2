"""A connection reads any answer, however it comes in pieces, and is used again only when nothing is left on it."""

import asyncio
import gzip
import ssl
import zlib
from contextlib import asynccontextmanager

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stepladder.models.connection import BrokeOff, Connection
from stepladder.models.origin import Origin, Unreachable

BODY = "你好, hello there".encode() * 3


class Wire(asyncio.Transport):
    """What a connection does to its transport."""

    def __init__(self):
        super().__init__()
        self.sent = b""
        self.paused = self.gone = False

    def write(self, data):
        self.sent += data

    def pause_reading(self):
        self.paused = True

    def resume_reading(self):
        self.paused = False

    def abort(self):
        self.gone = True


def wired():
    connection, wire = Connection(), Wire()
    connection.connection_made(wire)
    return connection, wire


def chunked(data, size):
    parts = [data[at : at + size] for at in range(0, len(data), size)]
    return b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in [*parts, b""])


def answer(body, *headers, status="200 OK"):
    return "\r\n".join([f"HTTP/1.1 {status}", *headers, "", ""]).encode() + body


FRAMED = {
    "length": answer(BODY, f"Content-Length: {len(BODY)}"),
    "chunks": answer(chunked(BODY, 7), "Transfer-Encoding: chunked"),
    "notice first": b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n"
    + answer(BODY, f"content-length: {len(BODY)}"),
    "gzip": answer(
        gzip.compress(BODY), "Content-Encoding: gzip", f"Content-Length: {len(gzip.compress(BODY))}"
    ),
    "deflate": answer(
        chunked(zlib.compress(BODY), 9), "Content-Encoding: deflate", "Transfer-Encoding: chunked"
    ),
}
ENDLESS = answer(BODY, "Content-Type: text/plain")


async def whole(connection):
    await connection.head()
    parts = []
    while data := await connection.read():
        parts.append(data)
    return b"".join(parts)


@pytest.mark.parametrize("kind", FRAMED)
@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_it_reads_the_same_however_the_bytes_are_split(kind, data):
    said = FRAMED[kind]
    cuts = sorted(data.draw(st.sets(st.integers(1, len(said) - 1), max_size=8)))

    async def run():
        connection, wire = wired()
        for _ in range(2):
            connection.send(b"asked")
            reading = asyncio.create_task(whole(connection))
            for start, end in zip([0, *cuts], [*cuts, len(said)], strict=True):
                connection.data_received(said[start:end])
                await asyncio.sleep(0)
            assert await reading == BODY
            assert connection.status == 200 and connection.reusable
        assert wire.sent == b"askedasked"

    asyncio.run(run())


async def test_an_answer_without_a_length_ends_with_the_connection():
    connection, _ = wired()
    connection.send(b"")
    connection.data_received(ENDLESS)
    connection.connection_lost(None)
    assert await whole(connection) == BODY
    assert not connection.reusable


@pytest.mark.parametrize("kind", ["length", "chunks"])
async def test_an_answer_with_a_length_that_ends_early_is_broken_off_after_what_came(kind):
    connection, _ = wired()
    connection.send(b"")
    connection.data_received(FRAMED[kind][:-6])
    connection.connection_lost(None)
    await connection.head()
    assert await connection.read()
    with pytest.raises(BrokeOff):
        await connection.read()


@pytest.mark.parametrize(
    "said",
    [
        b"SSH-2.0-OpenSSH_9.6\r\n",
        b"HTTP/1.1 abc\r\n\r\n",
        answer(b"no gzip at all", "Content-Encoding: gzip", "Content-Length: 14"),
        b"HTTP/1.1 200 OK\r\n" + b"x: " + b"y" * (1 << 18),
    ],
)
async def test_what_is_no_http_breaks_off(said):
    connection, wire = wired()
    connection.send(b"")
    for at in range(0, len(said), 65536):
        connection.data_received(said[at : at + 65536])
    with pytest.raises(BrokeOff):
        await whole(connection)
    assert wire.gone and not connection.reusable


async def test_bytes_that_nobody_asked_for_end_the_connection():
    connection, wire = wired()
    connection.data_received(answer(b"", "Content-Length: 0", status="408 Request Timeout"))
    assert wire.gone and not connection.reusable


async def test_a_second_answer_is_not_taken_for_the_next_ones():
    connection, _ = wired()
    connection.send(b"")
    connection.data_received(FRAMED["length"] + answer(b"of another", "X: y", status="500 Oh"))
    assert await whole(connection) == BODY
    assert connection.status == 200 and "x" not in connection.headers
    assert not connection.reusable


@pytest.mark.parametrize("close", ["Connection: close", "Connection: Close"])
async def test_a_server_that_closes_is_not_asked_again(close):
    connection, _ = wired()
    connection.send(b"")
    connection.data_received(answer(b"hi", "Content-Length: 2", close))
    assert await whole(connection) == b"hi"
    assert not connection.reusable


async def test_a_reader_that_is_slow_holds_the_server_back():
    connection, wire = wired()
    connection.send(b"")
    connection.data_received(answer(b"", "Content-Length: 10000000"))
    while not wire.paused:
        connection.data_received(b"x" * 65536)
    assert len(connection.read_nowait()) < 1 << 20
    assert not wire.paused


async def test_who_waits_is_told_of_a_failure():
    connection, _ = wired()
    connection.send(b"")
    waiting = asyncio.create_task(connection.head())
    await asyncio.sleep(0)
    connection.fail(TimeoutError())
    with pytest.raises(TimeoutError):
        await waiting
    assert not connection.reusable


@asynccontextmanager
async def server(*, tls=None):
    """Counts its connections and says hello on each request."""
    seen, writers = [], []

    async def connected(reader, writer):
        seen.append(writer)
        writers.append(writer)
        try:
            while await reader.readuntil(b"\r\n\r\n"):
                writer.write(answer(b"hello", "Content-Length: 5"))
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    running = await asyncio.start_server(connected, "127.0.0.1", 0, ssl=tls)
    try:
        yield running.sockets[0].getsockname()[1], seen
    finally:
        running.close()
        for writer in writers:
            writer.close()
        await running.wait_closed()


async def call(origin):
    connection = origin.take() or await origin.connect()
    connection.send(origin.request("chat", b""))
    assert await whole(connection) == b"hello"
    return connection


async def test_connections_are_used_again_until_the_server_closes_them():
    async with server() as (port, seen):
        origin = Origin(f"http://127.0.0.1:{port}/v1", {}, 5.0)
        for _ in range(3):
            origin.give_back(await call(origin))
        assert len(seen) == 1
        seen[0].close()
        for _ in range(200):
            if (waiting := origin.take()) is None:
                break
            origin.give_back(waiting)
            await asyncio.sleep(0.01)
        origin.give_back(await call(origin))
        assert len(seen) == 2
        origin.close()


async def test_connections_that_wait_for_long_are_closed(monkeypatch):
    monkeypatch.setattr("stepladder.models.origin._KEEP_SECONDS", 0.05)
    async with server() as (port, seen):
        origin = Origin(f"http://127.0.0.1:{port}/v1", {}, 5.0)
        first, second = await call(origin), await call(origin)
        origin.give_back(first)
        origin.give_back(second)
        for _ in range(500):
            if first.lost and second.lost:
                break
            await asyncio.sleep(0.01)
        assert origin.take() is None and len(seen) == 2
        origin.close()


async def test_nobody_there_is_unreachable():
    async with server() as (port, _):
        pass
    with pytest.raises(Unreachable):
        await Origin(f"http://127.0.0.1:{port}/v1", {}, 5.0).connect()


async def test_a_server_that_cannot_prove_its_name_is_unreachable(tmp_path):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.set_ciphers("ALL")
    async with server(tls=context) as (port, seen):
        with pytest.raises(Unreachable):
            await Origin(f"https://127.0.0.1:{port}/v1", {}, 5.0).connect()
        assert not seen


@pytest.mark.parametrize(
    ("base", "line", "host"),
    [
        ("http://Here.example/v1", b"POST /v1/chat HTTP/1.1", b"here.example"),
        ("http://[::1]:8000", b"POST /chat HTTP/1.1", b"[::1]:8000"),
        (
            "http://例子.测试/模型/",
            b"POST /%E6%A8%A1%E5%9E%8B/chat HTTP/1.1",
            b"xn--fsqu00a.xn--0zwm56d",
        ),
    ],
)
async def test_the_request_that_is_sent(base, line, host):
    sent = Origin(base, {"Authorization": "Bearer k"}, 1.0).request("chat", b"{}").split(b"\r\n")
    assert sent[0] == line
    assert sent[-1] == b"{}" and sent[-2] == b""
    assert {b"Host: " + host, b"Authorization: Bearer k", b"Content-Length: 2"} <= set(sent)
