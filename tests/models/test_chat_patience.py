"""A chat upstream over real HTTP on loopback: every wait has an end, and who leaves frees the place."""

import asyncio

import pytest

from tests.models.chat_asked import call, failure, gate, model_of, pieces
from tests.models.upstream_double import DONE, chunk_event, completion, said


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
