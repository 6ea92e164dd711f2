"""Retries, backoff, replicas and their breakers, against real servers with bad days."""

import asyncio
import time
from contextlib import AsyncExitStack, asynccontextmanager

import pytest

from stepladder.core import ChatCall, UpstreamFailed
from stepladder.models import ChatModel
from stepladder.models.attempts import Again
from tests.models.upstream_double import DONE, chunk_event, completion, counted, said, until, upstream


def call(text="hi", *, stream=False, **more):
    body = {"messages": b'[{"role":"user","content":"%s"}]' % text.encode()}
    return ChatCall("q1", body | ({"stream": b"true"} if stream else {}), stream, **more)


async def text_of(model, asked):
    return "".join([piece.text async for piece in model.chat(asked)])


@asynccontextmanager
async def model_of(*behaviours, **settings):
    async with AsyncExitStack() as stack:
        servers = [await stack.enter_async_context(upstream(behave)) for behave in behaviours]
        where = (
            {"replicas": [{"base_url": server.url} for server in servers]}
            if len(servers) > 1
            else {"base_url": servers[0].url}
        )
        model = ChatModel.open("big", {"model": "m", **where, **settings})
        try:
            yield model, servers
        finally:
            await model.close()


def failing(times, status=500, **headers):
    """Fails so often, then answers."""
    left = [times]

    async def behave(asked):
        left[0] -= 1
        if left[0] >= 0:
            await asked.say({"error": {"message": "Not now."}}, status, **headers)
        elif asked.body.get("stream"):
            await asked.stream(said("fine"), said("", "stop"), counted(), DONE)
        else:
            await asked.say(completion("fine"))

    return behave


@pytest.fixture
def quick(monkeypatch):
    monkeypatch.setattr(Again, "wait", lambda self, failures, error: 0.0)


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("status", [408, 409, 429, 500, 502, 503, 529])
async def test_what_may_pass_is_tried_again(status, stream):
    async with model_of(failing(2, status)) as (model, (server,)):
        assert await text_of(model, call(stream=stream)) == "fine"
        assert len(server.asked) == 3


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("status", [400, 401, 403, 404, 413, 422])
async def test_what_will_not_pass_is_not(status):
    async with model_of(failing(2, status)) as (model, (server,)):
        with pytest.raises(UpstreamFailed):
            await text_of(model, call())
        assert len(server.asked) == 1


@pytest.mark.usefixtures("quick")
async def test_retries_have_an_end_and_the_last_error_is_told():
    async with model_of(failing(9, 503), retries=1) as (model, (server,)):
        with pytest.raises(UpstreamFailed, match="503"):
            await text_of(model, call())
        assert len(server.asked) == 2


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("stream", [False, True])
async def test_a_connection_that_breaks_before_the_first_word_is_tried_again(stream):
    async def behave(asked):
        if len(server.asked) == 1:
            asked.cut()
        elif len(server.asked) == 2 and stream:
            await asked.head()
            await asked.chunk(chunk_event({"choices": [{"index": 0, "delta": {"role": "assistant"}}]}))
            asked.cut()
        else:
            await failing(0)(asked)

    async with model_of(behave) as (model, (server,)):
        assert await text_of(model, call(stream=stream)) == "fine"
        assert len(server.asked) == (3 if stream else 2)


@pytest.mark.usefixtures("quick")
async def test_an_error_in_a_stream_before_the_first_word_is_tried_again_and_nothing_of_it_is_seen():
    async def behave(asked):
        if len(server.asked) == 1:
            await asked.stream(
                {"choices": [{"index": 0, "delta": {"role": "assistant", "content": ""}}]},
                {"error": {"code": 429, "message": "Slow down."}},
            )
        else:
            await failing(0)(asked)

    async with model_of(behave) as (model, (server,)):
        pieces = [piece async for piece in model.chat(call(stream=True))]
        assert b"Slow down" not in b"".join(piece.data for piece in pieces)
        assert b"".join(piece.data for piece in pieces).count(b'"role"') == 0
        assert len(server.asked) == 2


@pytest.mark.usefixtures("quick")
async def test_after_the_first_word_nothing_is_tried_again():
    async def behave(asked):
        await asked.head()
        await asked.chunk(chunk_event(said("one")))
        await go_on.wait()
        await asked.chunk(chunk_event(said("two")) + chunk_event({"error": {"code": 429}}))

    go_on = asyncio.Event()
    async with model_of(behave, failing(0)) as (model, servers):
        got = []
        with pytest.raises(UpstreamFailed, match="reported an error"):
            async for piece in model.chat(call(stream=True, conversation=_own_of(model, 0))):
                got.append(piece.text)
                go_on.set()
        assert "".join(got) == "onetwo"
        assert [len(server.asked) for server in servers] == [1, 0]


async def test_a_comment_is_not_a_word():
    async def behave(asked):
        if len(server.asked) == 1:
            await asked.head()
            await asked.chunk(b": waiting\n\n")
            asked.cut()
        else:
            await failing(0)(asked)

    async with model_of(behave) as (model, (server,)):
        pieces = [piece async for piece in model.chat(call(stream=True))]
        assert pieces[0].idle
        assert pieces[0].data == b": waiting\n\n"
        assert "".join(piece.text for piece in pieces) == "fine"


async def test_another_server_is_asked_at_once_and_the_failing_one_rests_after_a_while():
    async with model_of(failing(99), failing(0)) as (model, servers):
        began = time.monotonic()
        own = _own_of(model, 0)
        for _ in range(8):
            assert await text_of(model, call(conversation=own)) == "fine"
        assert time.monotonic() - began < 5
        assert [len(server.asked) for server in servers] == [5, 8]
        assert [replica.breaker.state for replica in model._attempts.replicas.all] == ["open", "closed"]


async def test_a_resting_server_fails_at_once_with_a_time_to_come_back():
    async with model_of(failing(99), retries=0) as (model, (server,)):
        for _ in range(5):
            with pytest.raises(UpstreamFailed, match="500"):
                await text_of(model, call())
        with pytest.raises(UpstreamFailed, match="rests") as caught:
            await text_of(model, call())
        assert (caught.value.status, len(server.asked)) == (503, 5)
        assert caught.value.retry_after == 1.0


async def test_half_open_one_probe_goes_and_the_others_wait_for_what_it_finds():
    go_on = asyncio.Event()

    async def behave(asked):
        if len(server.asked) <= 5:
            await failing(1)(asked)
        else:
            await go_on.wait()
            await asked.say(completion("back"))

    async with model_of(behave, retries=0) as (model, (server,)):
        for _ in range(5):
            with pytest.raises(UpstreamFailed):
                await text_of(model, call())
        (replica,) = model._attempts.replicas.all
        replica.breaker._until = 0.001  # its rest is over
        probe = asyncio.create_task(text_of(model, call()))
        await until(lambda: len(server.asked) == 6)
        with pytest.raises(UpstreamFailed, match="rests"):
            await text_of(model, call())
        go_on.set()
        assert await probe == "back"
        assert replica.breaker.state == "closed"


@pytest.mark.parametrize("headers", [{"Retry-After": "1"}, {"retry-after-ms": "900"}])
async def test_retry_after_is_kept_by_all_calls_to_that_server(headers):
    async with model_of(failing(1, 429, **headers)) as (model, (server,)):
        began = time.monotonic()
        first = asyncio.create_task(text_of(model, call()))
        (replica,) = model._attempts.replicas.all
        await until(lambda: not replica.breaker.allows)
        assert await asyncio.gather(first, text_of(model, call())) == ["fine", "fine"]
        assert time.monotonic() - began >= 0.85
        assert len(server.asked) == 3


@pytest.mark.parametrize(
    ("given", "seconds"),
    [("120", 120), ("Fri, 31 Dec 2100 23:59:59 GMT", 1e6), ("soon", 0), ("-5", 0), ("nan", 0)],
)
async def test_who_asks_for_too_much_patience_is_not_waited_for(given, seconds):
    async with model_of(failing(1, 429, **{"Retry-After": given}), retries=0) as (model, (server,)):
        with pytest.raises(UpstreamFailed) as caught:
            await text_of(model, call())
        assert (caught.value.retry_after or 0) >= seconds
        assert len(server.asked) == 1


async def test_the_total_timeout_bounds_the_retries_too():
    async with model_of(failing(99), retries=99, total_timeout=0.6) as (model, (server,)):
        async with asyncio.timeout(10):
            with pytest.raises(UpstreamFailed):
                await text_of(model, call())
        assert 1 <= len(server.asked) <= 5


def test_the_wait_doubles_is_drawn_and_keeps_to_what_the_server_says():
    again, error = Again(), UpstreamFailed("big", "no")
    for failures, most in ((1, 0.25), (2, 0.5), (3, 1.0), (9, 8.0)):
        drawn = [again.wait(failures, error) for _ in range(50)]
        assert most / 2 <= min(drawn) < max(drawn) <= most
    error.retry_after = 5.0
    assert again.wait(1, error) == 5.0
    error.retry_after = 9.0
    assert again.wait(1, error) is None


async def test_a_conversation_stays_with_its_server_and_so_does_a_beginning():
    async with model_of(failing(0), failing(0), failing(0)) as (model, servers):
        for _ in range(4):
            await text_of(model, call("a", conversation="c-1"))
            await text_of(model, call("b", conversation="c-1"))
        assert sorted(len(server.asked) for server in servers) == [0, 0, 8]
        first = '{"role":"system","content":"Be kind."},{"role":"user","content":"hi"}'
        later = first + ',{"role":"assistant","content":"yes"},{"role":"user","content":"more"}'
        before = [len(server.asked) for server in servers]
        for messages in (first, later, later):
            await text_of(model, ChatCall("q", {"messages": f"[{messages}]".encode()}, False))
        assert sorted(len(s.asked) - b for s, b in zip(servers, before, strict=True)) == [0, 0, 3]


def _own_of(model, at):
    """A conversation whose own server is the one at `at`."""
    replicas = model._attempts.replicas
    return next(f"c-{n}" for n in range(99) if replicas.choose(f"c-{n}") is replicas.all[at])
