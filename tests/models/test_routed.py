"""Two models behind one name: who answers, what an answer must pass, and what all of it costs."""

import json
from contextlib import AsyncExitStack, asynccontextmanager

import numpy as np
import pytest

from stepladder.core import BadRequest, ChatCall, ConfigError, Question, Task, Usage
from stepladder.models import Router
from stepladder.models.routed import RoutedModel
from stepladder.training import fit_router
from tests.models.upstream_double import completion, echo, upstream


def says(text, *, logprob=None, usage=(10, 5)):
    """Behave: always this answer, with its tokens' log-probability where it is asked for."""

    async def behave(asked):
        body = completion(text)
        body["usage"] = {"prompt_tokens": usage[0], "completion_tokens": usage[1]}
        if logprob is not None and asked.body.get("logprobs"):
            body["choices"][0]["logprobs"] = {"content": [{"logprob": logprob}] * 3}
        await asked.say(body)

    return behave


def in_turn(*texts):
    """Behave: one answer after the other."""
    left = list(texts)

    async def behave(asked):
        await says(left.pop(0))(asked)

    return behave


@asynccontextmanager
async def routed(small, large, judge=None, **settings):
    async with AsyncExitStack() as stack:
        seen = {}
        tables = {}
        for name, behave, price in (("small", small, 1.0), ("large", large, 100.0), ("judge", judge, 10.0)):
            if behave is not None:
                seen[name] = await stack.enter_async_context(upstream(behave))
                tables[name] = {
                    "kind": "chat",
                    "base_url": seen[name].url,
                    "model": name,
                    "price_in": price,
                    "price_out": price,
                    "retries": 0,
                }
        model = RoutedModel.open("smart", {**tables, **settings})
        try:
            yield model, {name: server.asked for name, server in seen.items()}
        finally:
            await model.close()


def call(text, **more):
    body = {"messages": [{"role": "user", "content": text}], **more}
    raw = {key: json.dumps(value).encode() for key, value in body.items()}
    return ChatCall("c", raw, bool(more.get("stream")), wants_usage=bool(more.get("stream")))


async def pieces(model, asked):
    return [piece async for piece in model.chat(asked)]


def fitted(folder):
    """A router that sends proofs to the large model."""
    texts = [f"{'prove the theorem' if k % 2 else 'name a flower'} number {k}" for k in range(60)]
    fit_router(texts, [float(k % 2) for k in range(60)]).save(folder)
    return folder


async def test_the_router_says_who_is_asked(tmp_path):
    async with routed(says("a rose"), says("by induction"), router=str(fitted(tmp_path))) as (model, asked):
        easy = await pieces(model, call("name a flower please"))
        hard = await pieces(model, call("prove the theorem of somebody"))
        assert (easy[-1].text, hard[-1].text) == ("a rose", "by induction")
        assert (easy[-1].by.name, hard[-1].by.name) == ("smart.small", "smart.large")
        assert [len(asked["small"]), len(asked["large"])] == [1, 1]
        assert easy[-1].by.cost(easy[-1].usage) == pytest.approx(15e-6)
        assert hard[-1].by.cost(hard[-1].usage) == pytest.approx(1500e-6)


def test_a_saved_router_foresees_what_it_foresaw(tmp_path):
    texts = [f"{'prove the theorem' if k % 2 else 'name a flower'} number {k}" for k in range(60)]
    before = fit_router(texts, [float(k % 2) for k in range(60)])
    before.save(tmp_path)
    after = Router.load(tmp_path)
    asked = ["prove it", "a flower", "", "证明这个定理", "number 7"]
    assert [after.gain(text) for text in asked] == [before.gain(text) for text in asked]
    assert after.cut(0) == float("inf") and after.cut(1) == float("-inf")
    above = np.mean([after.gain(text) > after.cut(0.3) for text in texts])
    assert above == pytest.approx(0.3, abs=0.05)


@pytest.mark.parametrize(
    ("logprob", "writer"), [(-0.05, "smart.small"), (-2.0, "smart.large"), (None, "smart.large")]
)
async def test_words_that_were_unlikely_send_an_answer_up(logprob, writer):
    async with routed(says("small", logprob=logprob), says("large"), least_probability=0.6) as (model, asked):
        (piece,) = await pieces(model, call("hi"))
        assert piece.by.name == writer
        assert asked["small"][0].body["logprobs"] is True


@pytest.mark.parametrize(
    ("others", "writer"),
    [
        (["the capital is Oslo", "the capital is Oslo!"], "smart.small"),
        (["Rome", "I think Lima"], "smart.large"),
    ],
)
async def test_an_answer_that_is_not_said_again_goes_up(others, writer):
    small = in_turn("the capital is Oslo", *others)
    async with routed(small, says("large"), samples=2) as (model, asked):
        (piece,) = await pieces(model, call("which capital?"))
        assert piece.by.name == writer
        assert [one.body.get("seed") for one in asked["small"]] == [None, 1, 2]
        spent = 3 * 15e-6 + (1500e-6 if writer == "smart.large" else 0.0)
        assert piece.by.cost(piece.usage) == pytest.approx(spent)
        assert piece.usage == Usage(30, 15) + (Usage(10, 5) if writer == "smart.large" else Usage())


@pytest.mark.parametrize(
    ("verdict", "writer"), [("good", "smart.small"), ("Bad.", "smart.large"), ("hm", "smart.large")]
)
async def test_a_judge_sends_up_what_it_does_not_call_good(verdict, writer):
    async with routed(says("small"), says("large"), says(verdict)) as (model, asked):
        (piece,) = await pieces(model, call("hi", stream=False))
        assert piece.by.name == writer
        shown = asked["judge"][0].body["messages"][1]["content"]
        assert "hi" in shown and "small" in shown


async def test_a_check_that_cannot_be_made_is_not_passed():
    async def broken(asked):
        await asked.say({"error": {"message": "no"}}, 500)

    async with routed(says("small"), says("large"), broken) as (model, _):
        assert (await pieces(model, call("hi")))[-1].text == "large"
    async with routed(broken, says("large"), samples=1) as (model, _):
        assert (await pieces(model, call("hi")))[-1].text == "large"


async def test_streams_come_as_streams_whoever_writes():
    async with routed(echo, echo) as (model, _):
        found = await pieces(model, call("a few words", stream=True))
        assert "".join(piece.text for piece in found) == "a few words"
        assert found[0].data.startswith(b"data: ")
    async with routed(says("small words"), echo, says("good")) as (model, _):
        found = await pieces(model, call("a few words", stream=True))
        assert "".join(piece.text for piece in found) == "small words"
        assert all(piece.data.startswith(b"data: ") and piece.by.name == "smart.small" for piece in found)
        assert [piece.usage for piece in found if piece.usage] == [Usage(20, 10)]


async def test_tools_and_confidential_questions_keep_away_from_models_that_are_not_for_them():
    async with routed(says("small"), says("large"), says("good")) as (model, asked):
        (piece,) = await pieces(model, call("hi", tools=[{"type": "function"}]))
        assert piece.text == "large" and asked["small"] == []
        with pytest.raises(BadRequest):
            await pieces(model, ChatCall("c", call("hi").body, False, confidential=True))
        assert asked["small"] == [] and model.private is False


async def test_as_a_tasks_top_it_counts_what_it_took():
    task = Task("write", "smart", prompt="Write.")
    async with routed(echo, echo) as (model, _):
        rung = model.rung(task)
        parts = [part async for part in rung.answer(Question("q", "write", "some words"))]
        assert parts[-1].text == "some words"
        assert parts[-1].cost == pytest.approx(
            (parts[-1].usage.prompt_tokens + parts[-1].usage.completion_tokens) * 1e-6
        )


@pytest.mark.parametrize(
    ("settings", "param"),
    [
        ({"small": {}}, "models.smart.small"),
        ({"large_share": 2.0}, "models.smart.large_share"),
        ({"samples": 99}, "models.smart.samples"),
        ({"judgement": {}}, "models.smart.judgement"),
    ],
)
def test_settings_are_checked(settings, param):
    table = {"kind": "chat", "base_url": "http://127.0.0.1:9/v1", "model": "m"}
    with pytest.raises(ConfigError) as caught:
        RoutedModel.open("smart", {"small": table, "large": table, **settings})
    assert caught.value.param == param
