"""A chat upstream over real HTTP on loopback: what passes through, whole and in streams."""

import asyncio
import json
from contextlib import aclosing

import pytest

from stepladder.core import BadRequest, Usage
from tests.models.chat_asked import PLAIN, call, model_of, pieces
from tests.models.upstream_double import DONE, chunk_event, completion, counted, said

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
