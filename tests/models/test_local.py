"""The local model for real: SmolLM2 through llama.cpp. Its contract is tested, not its wit."""

import json
import socket
from collections.abc import AsyncIterator

import aiohttp
import pytest
import pytest_asyncio

from stepladder.core import (
    Question,
    RungFailed,
    Task,
    UpstreamFailed,
    Usage,
)
from stepladder.models.codes import with_codes
from stepladder.models.local import LocalModel
from tests.models.local_asked import (
    HELLO,
    PERSON,
    SENTIMENT,
    answered,
    call,
    events,
    in_module_loop,
    live,
    llama_says,
    pieces,
)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def model() -> AsyncIterator[LocalModel]:
    opened = LocalModel.open("small", {"threads": 1, "price_in": 1.0, "price_out": 2.0})
    yield opened
    await opened.close()


# ------------------------------------------------------------------------------------------------- chats


@live
@in_module_loop
async def test_plain_chat_is_one_piece_with_the_reply_under_our_name(model):
    (piece,) = await pieces(
        model, call(model="whatever", messages=HELLO, max_tokens=8, seed=1, temperature=0)
    )
    reply = json.loads(piece.data)
    assert reply["object"] == "chat.completion"
    assert reply["model"] == "small"
    assert reply["choices"][0]["message"]["content"] == piece.text != ""
    assert piece.last
    assert piece.finish_reason == "length"
    assert piece.usage == Usage(reply["usage"]["prompt_tokens"], 8)
    assert model.cost(Usage(3_000_000, 1_000_000)) == 5.0


@live
@in_module_loop
@pytest.mark.parametrize("wants_usage", [True, False])
async def test_streamed_chat_says_what_the_plain_one_says(model, wants_usage):
    asked = {"messages": HELLO, "max_tokens": 12, "temperature": 0, "cache_prompt": False}
    (plain,) = await pieces(model, call(**asked))
    streamed = await pieces(model, call(**asked, stream=True, wants_usage=wants_usage))
    chunks = [chunk for piece in streamed for chunk in events(piece.data)]
    said = [choice["delta"].get("content") or "" for chunk in chunks for choice in chunk["choices"]]
    assert "".join(said) == "".join(piece.text for piece in streamed) == plain.text
    assert len([text for text in said if text]) > 3, "it came in one lump"
    (last,) = (piece for piece in streamed if piece.last)
    assert last.finish_reason == "length"
    assert last.usage == plain.usage
    assert {chunk["model"] for chunk in chunks} == {"small"}
    assert [chunk for chunk in chunks if "usage" in chunk] == (chunks[-1:] if wants_usage else [])
    assert not any(b"[DONE]" in piece.data for piece in streamed)


@live
@in_module_loop
async def test_fields_of_llama_cpp_go_through_as_they_came(model):
    shape = {"type": "json_schema", "json_schema": {"name": "person", "schema": PERSON}}
    (piece,) = await pieces(
        model,
        call(messages=HELLO, response_format=shape, logprobs=True, top_logprobs=2, max_completion_tokens=60),
    )
    assert json.loads(piece.text).keys() == {"name", "age"}
    assert len(json.loads(piece.data)["choices"][0]["logprobs"]["content"][0]["top_logprobs"]) == 2


@live
@in_module_loop
async def test_refusals_carry_the_status_and_never_the_callers_text(model):
    private = "kumquat " * 3000
    with pytest.raises(UpstreamFailed, match=r"tokens; small holds 2048") as caught:
        await pieces(model, call(messages=[{"role": "user", "content": private}]))
    assert (caught.value.status, caught.value.retryable) == (400, False)
    with pytest.raises(UpstreamFailed) as caught:
        await pieces(model, call(messages=[{"role": "user", "content": "x"}], grammar="kumquat ::= ("))
    assert caught.value.upstream_status == 400
    assert "kumquat" not in str(caught.value)


@live
@in_module_loop
@pytest.mark.parametrize(
    "more",
    [
        {"logprobs": True, "top_logprobs": 2, "max_tokens": 8},
        {"response_format": {"type": "json_schema", "json_schema": {"schema": PERSON}}},
        {
            "tools": [{"type": "function", "function": {"name": "greet", "parameters": PERSON}}],
            "tool_choice": "required",
        },
        {"messages": [{"role": "user", "content": "用中文说你好。"}]},
    ],
    ids=["logprobs", "schema", "tools", "chinese"],
)
async def test_a_plain_reply_is_the_one_that_llama_cpp_gives(model, more):
    """We put it together from a stream (llama_whole); nothing may be lost on the way."""
    asked = {"messages": HELLO, "max_tokens": 60, "temperature": 0, "cache_prompt": False, **more}
    (piece,) = await pieces(model, call(**asked))
    ours, theirs = json.loads(piece.data), await llama_says(model, **asked)
    for reply in (ours, theirs):
        for tool in reply["choices"][0]["message"].get("tool_calls") or ():
            assert tool.pop("id")
    # OpenAI's shape asks for two keys that llama.cpp leaves out where there is nothing to say.
    expected = [
        {"logprobs": None, **choice, "message": {"refusal": None, **choice["message"]}}
        for choice in theirs["choices"]
    ]
    assert ours["choices"] == expected
    assert ours["usage"] == theirs["usage"]
    assert ours.keys() == theirs.keys()


# ------------------------------------------------------------------------------------------------- rungs


@live
@in_module_loop
@pytest.mark.parametrize(
    "text",
    [
        "A wonderful film.",
        "这部电影太糟糕了，完全是浪费时间！",
        "",
        "\u0000\ud83c\udf1f".encode("utf-16", "surrogatepass").decode("utf-16"),
    ],
)
async def test_a_label_is_in_the_set_and_the_odds_sum_to_one(model, text):
    question = Question("1", "mood", text, fields={"stars": 5, "shop": None})
    _, answer = await answered(model, SENTIMENT, question)
    odds, _ = await model.rung(SENTIMENT).odds(question)
    assert set(odds) == set(SENTIMENT.labels)
    assert sum(odds.values()) == pytest.approx(1.0, abs=1e-6)
    assert all(0.0 < chance < 1.0 for chance in odds.values())
    assert answer.text == max(odds, key=odds.__getitem__)
    assert answer.confidence == pytest.approx(odds[answer.text], abs=0.02)
    assert (answer.rung, answer.source, answer.usage.completion_tokens) == ("small", "live", 1)
    assert answer.cost == model.cost(answer.usage) > 0
    assert answer.latency_ms > 0


@live
@in_module_loop
async def test_the_odds_are_the_models_own_among_the_codes(model):
    """Against the raw log-probabilities of the same prompt: forcing the codes must not bend their odds."""
    rung = model.rung(SENTIMENT)
    question = Question("1", "mood", "A wonderful film.")
    odds, _ = await rung.odds(question)
    messages = with_codes(SENTIMENT, question, rung._codes.values())
    (piece,) = await pieces(
        model, call(messages=messages, max_tokens=1, logprobs=True, top_logprobs=2000, temperature=0)
    )
    top = json.loads(piece.data)["choices"][0]["logprobs"]["content"][0]["top_logprobs"]
    logprob = {item["id"]: item["logprob"] for item in top}
    chances = {label: 2.718281828459045 ** logprob[token] for token, (_, label) in rung._codes.items()}
    for label, chance in chances.items():
        assert odds[label] == pytest.approx(chance / sum(chances.values()), abs=0.02)


@live
@in_module_loop
async def test_many_labels_get_codes_of_their_own(model):
    task = Task("many", top="small", labels=tuple(f"意图 {number}" for number in range(70)))
    rung = model.rung(task)
    odds, _ = await rung.odds(Question("1", "many", "Where is my parcel?"))
    assert list(odds) == list(task.labels)
    assert sum(odds.values()) == pytest.approx(1.0, abs=1e-6)
    assert len({code for code, _ in rung._codes.values()}) == 70


@live
@in_module_loop
async def test_json_keeps_to_the_schema(model):
    task = Task("person", top="small", prompt="Who is it?", schema=PERSON)
    deltas, answer = await answered(model, task, Question("1", "person", "王小明今年三十岁。"))
    said = json.loads(answer.text)
    assert deltas == ""
    assert isinstance(said["name"], str)
    assert 0 <= said["age"] <= 150
    assert 0.0 < answer.confidence < 1.0


@live
@in_module_loop
async def test_json_cut_short_is_a_failure_and_no_answer():
    model = LocalModel.open("short", {"threads": 1, "max_tokens": 3})
    try:
        with pytest.raises(RungFailed, match="did not finish its JSON in 3 tokens"):
            await answered(
                model, Task("person", top="short", schema=PERSON), Question("1", "person", "Ann, 30.")
            )
    finally:
        await model.close()


@live
@in_module_loop
async def test_text_is_streamed_and_the_answer_holds_it_whole(model):
    deltas, answer = await answered(
        model, Task("prose", top="small", prompt="Answer in five words."), Question("1", "prose", "你好")
    )
    assert deltas == answer.text != ""
    assert 0.0 < answer.confidence <= 1.0
    assert answer.usage.completion_tokens > 1


@live
@in_module_loop
async def test_only_loopback_and_only_with_the_key(model, monkeypatch):
    reached = []
    connect = socket.socket.connect
    monkeypatch.setattr(
        socket.socket, "connect", lambda self, address: reached.append(address) or connect(self, address)
    )
    await pieces(model, call(messages=HELLO, max_tokens=1))
    address = model.client.process.start()
    assert address.startswith("http://127.0.0.1:")
    async with (
        aiohttp.ClientSession() as session,
        session.post(address + "/v1/chat/completions", json={"messages": HELLO}) as response,
    ):
        assert response.status == 401
    assert all(host == "127.0.0.1" for host, *_ in reached)
