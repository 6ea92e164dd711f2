"""A chat upstream over real HTTP on loopback: what passes through, and what each misbehaviour becomes."""

import asyncio
import json
import socket
from contextlib import aclosing, asynccontextmanager

import pytest

from stepladder.core import BadRequest, ChatCall, UpstreamFailed, Usage
from stepladder.models import ChatModel
from tests.models.upstream_double import DONE, chunk_event, completion, counted, said, upstream

PLAIN = {"messages": b'[{"role":"user","content":"hi"}]'}


@asynccontextmanager
async def model_of(behave, **settings):
    async with upstream(behave) as server:
        model = ChatModel.open(
            "big", {"base_url": server.url + "/", "model": "gpt-x", "retries": 0, **settings}
        )
        try:
            yield model, server
        finally:
            await model.close()


def gate(model):
    """The bound on calls at a time of the model's one server."""
    (replica,) = model._attempts.replicas.all
    assert replica.busy == replica.upstream._gate.locked()
    return replica.upstream._gate


def call(body=PLAIN, *, stream=False, wants_usage=False):
    if stream:
        body = {**body, "stream": b"true"}
    return ChatCall("q1", body, stream, wants_usage)


async def pieces(model, asked):
    return [piece async for piece in model.chat(asked)]


async def failure(behave, *, stream, **settings):
    """The error that a behaviour becomes, once it is seen that the next call finds the gate open."""
    async with model_of(behave, **{"concurrency": 1, **settings}) as (model, _):
        with pytest.raises(UpstreamFailed) as caught:
            await pieces(model, call(stream=stream))
        assert not gate(model).locked()
    assert caught.value.rung == "big"
    assert "big" in caught.value.message
    return caught.value


# ------------------------------------------------------------------------------------------ passing through


async def test_the_requests_fields_are_forwarded_as_they_came_but_for_ours():
    async def behave(asked):
        await asked.say(completion("hello"))

    odd = b'{ "deep" : [1.0, 1e3, "\\u00e9\\/", null] }'
    body = {
        **PLAIN,
        "model": b'"mood"',
        "stepladder": b'{"force":"top"}',
        "x_new": odd,
        "seed": b"1234567890123456789012",
    }
    async with model_of(behave, headers={"X-Title": "us"}) as (model, server):
        await pieces(model, call(body))
        (asked,) = server.asked
    assert odd in asked.raw
    assert b'"seed":1234567890123456789012' in asked.raw
    assert asked.body["model"] == "gpt-x"
    assert sorted(asked.body) == ["messages", "model", "seed", "x_new"]
    assert asked.headers["X-Title"] == "us"
    assert asked.headers["Content-Type"] == "application/json"


async def test_a_plain_answer_comes_back_byte_for_byte():
    data = (
        b'{ "x_new":{"a" : 1.50},"choices":[{"index":0,"message":{"content":"h\\u00e9llo","reasoning":"..."},'
        b'"finish_reason":"length"}],\n "usage":{"prompt_tokens":3,"completion_tokens":2,"details":{}} }'
    )
    async with model_of(lambda asked: asked.say(data), price_in=1.0, price_out=10.0) as (model, _):
        (piece,) = await pieces(model, call())
        assert piece.data == data
        assert (piece.text, piece.last, piece.finish_reason) == ("héllo", True, "length")
        assert piece.usage == Usage(3, 2)
        assert model.cost(piece.usage) == pytest.approx(23e-6)


async def test_odd_but_harmless_answers_pass():
    tools = {
        "index": 0,
        "message": {"content": None, "tool_calls": [{"id": "t"}]},
        "finish_reason": "tool_calls",
    }
    parts = {
        "index": 0,
        "message": {"content": [{"type": "text", "text": "in"}, {"type": "text", "text": None}]},
    }
    answers = [
        {"choices": [tools]},
        {"choices": [parts], "usage": {"prompt_tokens": None, "completion_tokens": 2.5}},
    ]

    async def behave(asked):
        await asked.say(answers[len(asked.body["x"])])

    async with model_of(behave) as (model, _):
        (piece,) = await pieces(model, call({**PLAIN, "x": b"[]"}))
        assert (piece.text, piece.finish_reason, piece.usage) == (
            "",
            "tool_calls",
            Usage(6, 4, estimated=True),
        )
        (piece,) = await pieces(model, call({**PLAIN, "x": b"[1]"}))
        assert (piece.text, piece.usage) == ("in", Usage(0, 2))


async def test_a_large_plain_answer_is_read_whole():
    text = "答" * 1_000_000
    async with model_of(lambda asked: asked.say(completion(text))) as (model, _):
        (piece,) = await pieces(model, call())
    assert piece.text == text


# ---------------------------------------------------------------------------------------------- streaming


async def test_a_streams_events_come_back_byte_for_byte_without_done():
    first = b'data: {"x_new": 1.50, "choices":[{"index":0,"delta":{"role":"assistant","content":"h\\u00e9"}}]}\n\n'
    note, second = b": a comment\n\n", chunk_event(said("llo", system_fingerprint="fp"))
    end = chunk_event(said("", "stop"))

    async with model_of(lambda asked: asked.stream(first, note, second, end, DONE)) as (model, server):
        got = await pieces(model, call(stream=True))
        assert server.asked[0].body["stream"] is True
    assert b"".join(piece.data for piece in got) == first + note + second + end
    assert "".join(piece.text for piece in got) == "héllo"
    *got, counted_by_us = got
    assert (counted_by_us.data, counted_by_us.usage) == (b"", Usage(6, 2, estimated=True))
    assert [piece.last for piece in got] == [False] * (len(got) - 1) + [True]
    assert got[-1].finish_reason == "stop"


@pytest.mark.parametrize("wanted", [True, False])
async def test_the_usage_is_always_asked_for_and_passed_only_to_who_wants_it(wanted):
    body = {**PLAIN, "stream_options": b'{"include_usage": %s, "x": 1.0}' % json.dumps(wanted).encode()}
    usage = chunk_event(counted())

    async with model_of(lambda asked: asked.stream(said("hi"), said("", "stop"), usage, DONE)) as (
        model,
        server,
    ):
        got = await pieces(model, call(body, stream=True, wants_usage=wanted))
        assert server.asked[0].body["stream_options"] == {"include_usage": True, "x": 1.0}
    assert [piece.usage for piece in got if piece.usage] == [Usage(7, 2)]
    assert (usage in b"".join(piece.data for piece in got)) is wanted
    assert got[-1].last


@pytest.mark.parametrize("options", [b'"yes"', b"[1]", b"{", b"1", b'{"a":"\xff"'])
async def test_odd_stream_options_are_the_callers_mistake(options):
    async with model_of(None) as (model, server):
        with pytest.raises(BadRequest) as caught:
            await pieces(model, call({**PLAIN, "stream_options": options}, stream=True))
        assert server.asked == []
    assert caught.value.param == "stream_options"


@pytest.mark.parametrize("options", [b"null", b"{}"])
async def test_empty_stream_options_are_fine(options):
    async with model_of(lambda asked: asked.stream(said("hi", "stop"), DONE)) as (model, server):
        await pieces(model, call({**PLAIN, "stream_options": options}, stream=True))
        assert server.asked[0].body["stream_options"] == {"include_usage": True}


async def test_events_cut_anywhere_are_put_together():
    async def behave(asked):
        stream = chunk_event(said("你好")) + chunk_event(said("", "stop")) + DONE
        await asked.head()
        for at in range(len(stream)):
            await asked.chunk(stream[at : at + 1])
        await asked.end()

    async with model_of(behave) as (model, _):
        got = await pieces(model, call(stream=True))
    assert "".join(piece.text for piece in got) == "你好"


async def test_pieces_come_as_they_are_sent():
    go_on = asyncio.Event()

    async def behave(asked):
        await asked.head()
        await asked.chunk(chunk_event(said("one")))
        await go_on.wait()
        await asked.chunk(chunk_event(said("two", "stop")) + DONE)
        await asked.end()

    async with model_of(behave) as (model, _), aclosing(model.chat(call(stream=True))) as stream:
        assert (await anext(stream)).text == "one"
        go_on.set()
        assert [piece.text async for piece in stream if piece.data] == ["two"]


async def test_the_first_choice_decides_when_the_text_is_whole():
    other = {"choices": [{"index": 1, "delta": {"content": "B"}, "finish_reason": "stop"}]}

    async def behave(asked):
        await asked.head()
        for event in (said("a"), other, said("b"), said("", "stop")):
            await asked.chunk(chunk_event(event))
            await asyncio.sleep(0.005)
        await asked.chunk(DONE)
        await asked.end()

    async with model_of(behave) as (model, _):
        got = await pieces(model, call(stream=True))
    assert [(piece.text, piece.last) for piece in got] == [
        ("a", False),
        ("", False),
        ("b", False),
        ("", True),
        ("", False),  # what we count, since it does not
    ]


@pytest.mark.parametrize("stream", [True, False])
async def test_connections_are_used_again(stream):
    async def behave(asked):
        if stream:
            # The end of the body comes a moment behind [DONE], as it does from a real server.
            await asked.head()
            await asked.chunk(chunk_event(said("hi", "stop")) + DONE)
            await asyncio.sleep(0.005)
            await asked.end()
        else:
            await asked.say(completion("hi"))

    async with model_of(behave) as (model, server):
        for _ in range(5):
            await pieces(model, call(stream=stream))
        assert (len(server.asked), server.connections) == (5, 1)


async def test_a_server_that_keeps_the_stream_open_after_done_is_not_waited_for():
    async def behave(asked):
        await asked.head()
        await asked.chunk(chunk_event(said("hi", "stop")) + DONE)
        await asked.gone()

    async with model_of(behave) as (model, server), asyncio.timeout(5):
        assert len(await pieces(model, call(stream=True))) == 2
        await server.left_alone()


# ------------------------------------------------------------------------------------------ misbehaviour


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize(
    ("status", "retryable", "ours"),
    [
        (429, True, 429),
        (500, True, 502),
        (503, True, 502),
        (400, False, 400),
        (404, False, 404),
        (307, False, 502),
    ],
)
async def test_a_refusal_says_its_status_and_the_upstreams_words(stream, status, retryable, ours):
    async def behave(asked):
        await asked.say({"error": {"message": "Slow down, please."}}, status, Location="http://127.0.0.1:1/")

    error = await failure(behave, stream=stream)
    assert str(status) in error.message
    assert error.remedy == "It said: Slow down, please."
    assert (error.retryable, error.status, error.upstream_status) == (retryable, ours, status)


@pytest.mark.parametrize(
    "body", [b"<html>busy</html>", b"\xff\xfe", b"[]", b"", b'{"error":{"message":7}}', b"[" * 60000]
)
async def test_a_refusal_without_words_is_still_told(body):
    error = await failure(lambda asked: asked.say(body, 503, kind="text/html"), stream=False)
    assert "503" in error.message
    assert error.remedy == ""


@pytest.mark.parametrize("status", [400, 401, 403, 429, 500, 200])
@pytest.mark.parametrize("quoted", ["sk-secret-123456", "sk-secre***456", "Bearer sk-secret-123456"])
async def test_no_error_ever_holds_the_key(monkeypatch, status, quoted):
    monkeypatch.setenv("BIG_KEY", "sk-secret-123456")

    async def behave(asked):
        assert asked.headers["Authorization"] == "Bearer sk-secret-123456"
        await asked.say({"error": {"message": f"Incorrect API key provided: {quoted}."}}, status)

    error = await failure(behave, stream=False, api_key="env:BIG_KEY")
    assert "sk-secre" not in f"{error} {error.remedy} {error!r} {error.__cause__!r}"
    if status in (401, 403):
        assert "models.big.api_key" in error.remedy
        assert (error.status, error.retryable) == (502, False)


@pytest.mark.parametrize(
    "body",
    [
        b"<html>hello</html>",
        b"",
        b'{"choices": "many"}',
        b'"hi"',
        b'{"choices":[{"message":{"content":"\xff"}}]}',
        b"{" * 9,
    ],
)
async def test_an_answer_that_is_no_completion(body):
    error = await failure(lambda asked: asked.say(body), stream=False)
    assert "no chat completion" in error.message
    assert (error.status, error.retryable) == (502, True)


async def test_an_answer_without_choices():
    assert "without choices" in (await failure(lambda asked: asked.say({"ok": True}), stream=False)).message


async def test_a_plain_answer_where_a_stream_was_asked_for():
    error = await failure(lambda asked: asked.say(completion("hi")), stream=True)
    assert "did not answer with a stream" in error.message
    assert "application/json" in error.remedy


@pytest.mark.parametrize("stream", [True, False])
async def test_an_error_inside_an_answer(stream):
    wrong = {"error": {"message": "The engine is overloaded."}}

    async def behave(asked):
        await (asked.stream(said("hi"), wrong) if stream else asked.say(wrong))

    error = await failure(behave, stream=stream)
    assert "reported an error" in error.message
    assert error.remedy == "It said: The engine is overloaded."


@pytest.mark.parametrize("done", [True, False])
async def test_a_stream_that_ends_without_a_finish(done):
    error = await failure(lambda asked: asked.stream(said("hi"), *([DONE] if done else [])), stream=True)
    assert "broke off" in error.message


async def test_a_stream_whose_connection_breaks():
    async def behave(asked):
        await asked.head()
        await asked.chunk(chunk_event(said("hi")))
        asked.cut()

    assert "broke off" in (await failure(behave, stream=True)).message


async def test_what_breaks_behind_the_finish_takes_nothing_away():
    async def behave(asked):
        await asked.head()
        await asked.chunk(chunk_event(said("hi", "stop")))
        asked.cut()

    async with model_of(behave) as (model, _):
        assert [piece.last for piece in await pieces(model, call(stream=True))] == [True, False]


@pytest.mark.parametrize(
    "event",
    [
        b"data: hello\n\n",
        b'data: {"choices":[{"delta":{"content":"\xff"}}]}\n\n',
        b"data: [1]\n\n",
        b"data: {\n\n",
    ],
)
async def test_an_event_that_is_no_chunk(event):
    assert "no chat completion" in (await failure(lambda asked: asked.stream(event), stream=True)).message


async def test_an_endless_event():
    async def behave(asked):
        await asked.head()
        await asked.chunk(b"data: ")
        for _ in range(160):
            await asked.chunk(b"x" * 65536)
        await asked.gone()

    assert "endless event" in (await failure(behave, stream=True)).message


async def test_an_endless_answer(monkeypatch):
    monkeypatch.setattr("stepladder.models.chat._MOST_BYTES", 1 << 20)

    async def behave(asked):
        await asked.head(kind="application/json")
        while not asked.writer.is_closing():
            await asked.chunk(b" " * 65536)

    assert "too many bytes" in (await failure(behave, stream=False)).message


async def test_nobody_listens():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        model = ChatModel.open(
            "big", {"base_url": f"http://127.0.0.1:{taken.getsockname()[1]}", "model": "m", "retries": 1}
        )
        with pytest.raises(UpstreamFailed, match="cannot be reached") as caught:
            await pieces(model, call())
        await model.close()
    assert (caught.value.status, caught.value.retryable) == (502, True)
    assert "models.big.base_url" in caught.value.remedy


async def test_a_server_that_hangs_up_at_once():
    async def behave(asked):
        asked.cut()

    assert "broke off" in (await failure(behave, stream=False)).message


# ------------------------------------------------------------------------------------- patience and leaving


async def mute(asked):
    await asked.gone()


async def headers_only(asked):
    await asked.head(kind="text/event-stream" if asked.body.get("stream") else "application/json")
    await asked.gone()


async def one_word(asked):
    await asked.head()
    await asked.chunk(chunk_event(said("hi")))
    await asked.gone()


async def drip(asked):
    await asked.head(kind="text/event-stream" if asked.body.get("stream") else "application/json")
    while not asked.writer.is_closing():
        await asked.chunk(b": still here\n\n")
        await asyncio.sleep(0.01)


@pytest.mark.parametrize(
    ("behave", "stream", "short"),
    [
        (mute, False, {"connect_timeout": 0.05, "first_token_timeout": 0.05}),
        (mute, True, {"total_timeout": 0.1}),
        (headers_only, True, {"connect_timeout": 0.05, "first_token_timeout": 0.05}),
        (headers_only, False, {"connect_timeout": 0.05, "first_token_timeout": 0.05}),
        (one_word, True, {"between_timeout": 0.1}),
        (drip, True, {"total_timeout": 0.15}),
        (drip, False, {"total_timeout": 0.15}),
    ],
)
async def test_every_wait_has_an_end(behave, stream, short):
    async with asyncio.timeout(5):
        error = await failure(behave, stream=stream, **short)
    assert "too slow" in error.message
    assert (error.status, error.retryable) == (504, True)


async def test_the_first_word_may_take_longer_than_the_next():
    async def behave(asked):
        await asked.head()
        await asyncio.sleep(0.15)
        await asked.chunk(chunk_event(said("hi", "stop")) + DONE)
        await asked.end()

    async with model_of(behave, between_timeout=0.05, first_token_timeout=5.0) as (model, _):
        assert (await pieces(model, call(stream=True)))[0].text == "hi"


async def test_a_slow_reader_is_not_the_upstreams_fault_and_not_cancelled():
    async def behave(asked):
        await asked.stream(said("a"), said("b", "stop"), DONE)

    settings = {"between_timeout": 0.05, "total_timeout": 0.2}
    async with model_of(behave, **settings) as (model, _):
        seen = []
        async for piece in model.chat(call(stream=True)):
            await asyncio.sleep(0.3)
            seen.append(piece.text)
    assert "".join(seen) == "ab"


async def test_calls_wait_for_their_turn_and_no_longer_than_the_whole():
    busy, most = 0, 0

    async def behave(asked):
        nonlocal busy, most
        busy += 1
        most = max(most, busy)
        await asyncio.sleep(0.02)
        busy -= 1
        await asked.say(completion("hi"))

    async with model_of(behave, concurrency=2) as (model, _):
        await asyncio.gather(*(pieces(model, call()) for _ in range(6)))
    assert most == 2

    async with model_of(mute, concurrency=1, total_timeout=0.1) as (model, _):
        first, second = await asyncio.gather(
            *(pieces(model, call()) for _ in range(2)), return_exceptions=True
        )
    assert {str(first).split(".")[0], str(second).split(".")[0]} <= {
        "big is too slow",
        "big is busy with other calls",
    }
    assert (first.status, second.status) == (504, 504)


@pytest.mark.parametrize("how", ["cancel", "close"])
async def test_a_consumer_who_goes_closes_the_connection_and_frees_the_place(how):
    async with model_of(one_word, concurrency=1) as (model, server):
        stream = model.chat(call(stream=True))
        assert (await anext(stream)).text == "hi"
        assert gate(model).locked()
        if how == "cancel":
            waiting = asyncio.ensure_future(anext(stream))
            await asyncio.sleep(0.01)
            waiting.cancel()
            with pytest.raises(asyncio.CancelledError):
                await waiting
        else:
            await stream.aclose()
        await server.left_alone()
        assert not gate(model).locked()


@pytest.mark.parametrize("stream", [True, False])
async def test_a_call_cancelled_before_its_answer_frees_the_place(stream):
    arrived = asyncio.Event()

    async def behave(asked):
        arrived.set()
        await asked.gone()

    async with model_of(behave, concurrency=1) as (model, server):
        asking = asyncio.create_task(pieces(model, call(stream=stream)))
        await arrived.wait()
        queued = asyncio.create_task(pieces(model, call(stream=stream)))
        await asyncio.sleep(0)
        queued.cancel()
        asking.cancel()
        await asyncio.wait([asking, queued])
        await server.left_alone()
        assert asking.cancelled()
        assert queued.cancelled()
        assert not gate(model).locked()
