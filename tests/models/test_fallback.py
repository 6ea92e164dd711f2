"""A model with others behind it: who is asked when, and who pays for what."""

import asyncio
from contextlib import AsyncExitStack, asynccontextmanager

import pytest

from stepladder.core import (
    Answer,
    BadRequest,
    ChatCall,
    Config,
    ConfigError,
    ModelConfig,
    Question,
    RungFailed,
    Task,
    UpstreamFailed,
    Usage,
    config,
)
from stepladder.models import ChatModel, with_fallbacks
from tests.models.upstream_double import DONE, chunk_event, completion, counted, said, upstream

LABELS = Task(name="mood", top="big", labels=("good", "bad"))
HI = {"messages": b'[{"role":"user","content":"hi"}]'}


def call(*, stream=False, **more):
    return ChatCall("q1", HI | ({"stream": b"true"} if stream else {}), stream, **more)


def saying(text, status=200):
    async def behave(asked):
        if status != 200:
            await asked.say({"error": {"message": "no"}}, status)
        elif asked.body.get("stream"):
            await asked.stream(said(text), said("", "stop"), counted(), DONE)
        else:
            await asked.say(completion(text))

    return behave


@asynccontextmanager
async def chain(*behaviours, private=()):
    """Models m0, m1, ... at 1, 2, ... a million tokens read; m0 falls back to the others."""
    async with AsyncExitStack() as stack:
        servers, models = [], {}
        for at, behave in enumerate(behaviours):
            server = await stack.enter_async_context(upstream(behave))
            settings = {"base_url": server.url, "model": "m", "retries": 0, "price_in": at + 1.0}
            models[f"m{at}"] = ChatModel.open(f"m{at}", {**settings, "private": at in private})
            stack.push_async_callback(models[f"m{at}"].close)
            servers.append(server)
        tables = {name: ModelConfig("chat", {}, tuple(n for n in models if n != "m0")) for name in models}
        tables |= {name: ModelConfig("chat", {}) for name in models if name != "m0"}
        yield with_fallbacks(Config(models=tables), models)["m0"], servers


async def pieces(model, asked):
    return [piece async for piece in model.chat(asked)]


@pytest.mark.parametrize("stream", [False, True])
async def test_the_first_one_answers_while_it_can(stream):
    async with chain(saying("one"), saying("two")) as (model, servers):
        got = await pieces(model, call(stream=stream))
        assert "".join(piece.text for piece in got) == "one"
        assert {piece.by for piece in got} == {None}
        assert [len(server.asked) for server in servers] == [1, 0]


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("status", [500, 429, 401, 404])
async def test_the_next_one_that_can_answers_and_is_named(status, stream):
    async with chain(saying("", status), saying("", 503), saying("three")) as (model, servers):
        got = await pieces(model, call(stream=stream))
        assert "".join(piece.text for piece in got) == "three"
        assert {piece.by.name for piece in got} == {"m2"}
        assert got[0].by.cost(Usage(1_000_000, 0)) == 3.0
        assert [len(server.asked) for server in servers] == [1, 1, 1]


@pytest.mark.parametrize("status", [400, 413, 422])
async def test_a_question_that_is_at_fault_goes_nowhere_else(status):
    async with chain(saying("", status), saying("two")) as (model, servers):
        with pytest.raises(UpstreamFailed):
            await pieces(model, call())
        assert [len(server.asked) for server in servers] == [1, 0]


async def test_with_nobody_left_the_last_error_is_told():
    async with chain(saying("", 500), saying("", 429)) as (model, _):
        with pytest.raises(UpstreamFailed, match="m1 answered with HTTP 429"):
            await pieces(model, call())


async def test_after_the_first_word_nobody_else_is_asked():
    async def behave(asked):
        await asked.head()
        await asked.chunk(chunk_event(said("one")))
        await heard.wait()
        asked.cut()

    heard = asyncio.Event()
    async with chain(behave, saying("two")) as (model, servers):
        with pytest.raises(UpstreamFailed, match="broke off"):
            async for piece in model.chat(call(stream=True)):
                assert piece.text == "one"
                heard.set()
        assert not servers[1].asked


@pytest.mark.parametrize("private", [(), (0,), (1,), (0, 2)])
async def test_a_confidential_question_reaches_private_models_only(private):
    behaviours = (saying("", 500), saying("", 500), saying("", 500))
    async with chain(*behaviours, private=private) as (model, servers):
        assert model.private is bool(private)
        with pytest.raises(UpstreamFailed if private else BadRequest):
            await pieces(model, call(confidential=True))
        assert [at for at, server in enumerate(servers) if server.asked] == list(private)
        question = Question(id="q", task="mood", text="hi", confidential=True)
        with pytest.raises(UpstreamFailed if private else BadRequest):
            await parts(model.rung(LABELS), question)
        assert [len(server.asked) for server in servers] == [2 * (at in private) for at in range(3)]


async def parts(rung, question=None):
    return [part async for part in rung.answer(question or Question(id="q", task="mood", text="hi"))]


async def test_a_task_pays_for_the_answer_outside_its_contract_too_and_the_next_one_stands_in():
    async with chain(saying("ugly"), saying("good")) as (model, _):
        (answer,) = await parts(model.rung(LABELS))
    assert isinstance(answer, Answer)
    assert (answer.text, answer.rung, answer.stands_in) == ("good", "m1", True)
    assert answer.usage == Usage(14, 4)
    assert answer.cost == pytest.approx((7 * 1.0 + 7 * 2.0) / 1e6)


async def test_the_top_rungs_own_answer_stands_in_for_nobody():
    async with chain(saying("good"), saying("bad")) as (model, _):
        (answer,) = await parts(model.rung(LABELS))
    assert (answer.text, answer.stands_in, answer.usage) == ("good", False, Usage(7, 2))


async def test_where_nobody_keeps_the_contract_the_error_holds_the_whole_bill():
    async with chain(saying("ugly"), saying("uglier")) as (model, _):
        with pytest.raises(RungFailed, match="m1 answered outside") as caught:
            await parts(model.rung(LABELS))
    assert caught.value.usage == Usage(14, 4)
    assert caught.value.cost == pytest.approx((7 * 1.0 + 7 * 2.0) / 1e6)


@pytest.mark.parametrize("given", ['"big"', "[1]", '["nobody"]', '["big"]'])
def test_a_fallback_that_is_no_other_model_is_named(given):
    with pytest.raises(ConfigError) as caught:
        config.parse(f'[models.big]\nkind = "chat"\nfallback = {given}\n[models.small]\nkind = "local"\n')
    assert caught.value.param == "models.big.fallback"
