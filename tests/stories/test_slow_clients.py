"""Clients that open a connection and let it hang: they are cut off, and all others are served meanwhile."""

import socket
import time
from contextlib import ExitStack

import pytest

from stepladder.core.serving import Server
from stepladder.store import Store
from tests.product import Product, eventually, mood, recorded, write_config
from tests.stories.test_serve import ask
from tests.stories.upstream import Upstream

ANSWERS = {"Fine day": "good"}


@pytest.fixture(scope="module")
def upstream():
    with Upstream() as running:
        yield running


@pytest.fixture(scope="module")
def product(tmp_path_factory, upstream):
    folder = tmp_path_factory.mktemp("slow")
    config = write_config(
        folder,
        recorded(folder, ANSWERS),
        mood(),
        upstream.model("gpt", "flooding"),
        server="flywheel = false\nrequest_seconds = 3.0\nstalled_seconds = 3.0\nkeep_alive_seconds = 3.0",
    )
    with Product(config) as running:
        yield running


def connected(product):
    host, port = product.root.removeprefix("http://").split(":")
    found = socket.create_connection((host, int(port)), timeout=30)
    found.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    return found


def head(product, length, *more):
    lines = ["POST /v1/chat/completions HTTP/1.1", "Host: x", f"Authorization: Bearer {product.key}",
             "Content-Type: application/json", f"Content-Length: {length}", *more]  # fmt: skip
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


def trickled(connection, data, seconds=20.0):
    """What comes back while a byte is sent now and then, until the other side closes."""
    said, until = b"", time.monotonic() + seconds
    connection.settimeout(0.1)
    for at in range(len(data)):
        assert time.monotonic() < until, "it was never cut off"
        try:
            connection.sendall(data[at : at + 1])
            got = connection.recv(65536)
        except TimeoutError:
            continue
        except OSError:
            break
        if not got:
            break
        said += got
    return said


def test_a_connection_that_says_nothing_is_closed(product):
    with connected(product) as connection:
        assert connection.recv(10) == b"", "closed, and nothing said that might be taken for an answer"


def test_a_head_that_never_ends_is_cut_off(product):
    with connected(product) as connection:
        assert trickled(connection, head(product, 2)).startswith(b"HTTP/1.1 408 ")


def test_a_body_that_never_ends_is_cut_off_and_leaves_no_row(product):
    before = rows(product)
    with connected(product) as connection:
        connection.sendall(head(product, 1000))
        trickled(connection, b"{" * 1000)
    assert ask(product)[0] == 200
    assert rows(product) == before + 1


def test_a_head_without_bounds_is_refused_before_it_fills_the_memory(product):
    with connected(product) as connection:
        connection.sendall(b"GET / HTTP/1.1\r\n")
        said = b""
        try:
            for number in range(100_000):
                connection.sendall(b"X-%d: %s\r\n" % (number, b"y" * 1000))
            said = connection.recv(65536)
        except OSError:
            pass
        assert number < 100_000 - 1 or said.startswith(b"HTTP/1.1 431 ")


def test_who_takes_nothing_of_a_stream_is_let_go_and_so_is_the_upstream(product, upstream):
    body = b'{"model": "gpt", "stream": true, "messages": [{"role": "user", "content": "hi"}]}'
    with connected(product) as connection:
        connection.sendall(head(product, len(body)) + body)
        eventually(lambda: upstream.left == 1)
        eventually(lambda: "partial" in statuses(product))


def test_a_kept_connection_takes_the_next_request_until_its_time_is_over(product):
    with connected(product) as connection:
        for pause in (1.5, 0):
            connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
            assert connection.recv(65536).startswith(b"HTTP/1.1 200 ")
            time.sleep(pause)
        begun = time.monotonic()
        assert connection.recv(10) == b"", "closed, and nothing said that might be taken for an answer"
        assert time.monotonic() - begun > 2.5
    assert Server().keep_alive_seconds > 60, (
        "load balancers keep theirs for a minute, and must be those who close"
    )


def test_many_that_hang_keep_nobody_waiting(product):
    with ExitStack() as stack:
        for _ in range(200):
            connection = stack.enter_context(connected(product))
            connection.sendall(head(product, 1000)[:-2])
        assert [ask(product)[0] for _ in range(5)] == [200] * 5


def test_a_request_in_two_parts_within_the_time_is_answered(product):
    body = b'{"model": "mood", "messages": [{"role": "user", "content": "Fine day"}]}'
    with connected(product) as connection:
        whole = head(product, len(body), "Connection: close") + body
        connection.sendall(whole[:100])
        time.sleep(0.2)
        connection.sendall(whole[100:])
        said = b""
        while got := connection.recv(65536):
            said += got
        assert said.startswith(b"HTTP/1.1 200 ")


def statuses(product):
    store = Store.open(f"sqlite:///{product.config.parent / 'stepladder-data' / 'stepladder.db'}")
    try:
        with store._database.read() as connection:
            return [status for (status,) in connection.exec_driver_sql("select status from ledger")]
    finally:
        store.close()


def rows(product):
    return len(statuses(product))
