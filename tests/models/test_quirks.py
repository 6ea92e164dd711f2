"""What vendors do differently: requests as they want them, streams as OpenAI writes them."""

import json

import pytest

from stepladder.core import ChatCall
from stepladder.models import ChatModel
from stepladder.models.quirks import VENDORS, of_vendor
from tests.models.upstream_double import DONE, completion, counted, said, upstream

MESSAGES = [{"role": "developer", "content": "Be kind."}, {"role": "user", "content": "hi"}]
SCHEMA = {"type": "object", "properties": {"名": {"type": "string"}}}
SHAPE = {"type": "json_schema", "json_schema": {"name": "a", "strict": True, "schema": SCHEMA}}


async def asked_as(vendor, **body):
    """The body that a server of that vendor gets."""
    raw = {key: json.dumps(value).encode() for key, value in {"messages": MESSAGES, **body}.items()}
    async with upstream(lambda asked: asked.say(completion("x"))) as server:
        model = ChatModel.open("big", {"base_url": server.url, "model": "m", "vendor": vendor})
        try:
            [_ async for _ in model.chat(ChatCall("q", raw, False))]
        finally:
            await model.close()
        return server.asked[0].body


async def chunks(vendor, *events):
    async with upstream(lambda asked: asked.stream(*events, DONE)) as server:
        model = ChatModel.open("big", {"base_url": server.url, "model": "m", "vendor": vendor})
        try:
            raw = {"messages": json.dumps(MESSAGES).encode(), "stream": b"true"}
            pieces = [piece async for piece in model.chat(ChatCall("q", raw, True, wants_usage=True))]
        finally:
            await model.close()
    lines = b"".join(piece.data for piece in pieces).decode().split("\n\n")
    return [json.loads(line.removeprefix("data: ")) for line in lines if line], pieces


async def test_an_unknown_server_gets_what_was_sent():
    body = await asked_as("", max_completion_tokens=5, response_format=SHAPE, logit_bias={"1": 2})
    assert body["messages"] == MESSAGES
    assert (body["max_completion_tokens"], body["response_format"]) == (5, SHAPE)


@pytest.mark.parametrize("vendor", VENDORS)
async def test_every_vendor_gets_a_length_and_roles_that_it_knows(vendor):
    body = await asked_as(vendor, max_completion_tokens=5)
    known = {"max_tokens", "max_completion_tokens"} & set(body)
    assert len(known) == 1
    assert body[known.pop()] == 5
    assert body["messages"][0]["role"] == ("developer" if vendor == "openai" else "system")
    assert body["messages"][0]["content"] == "Be kind."


async def test_a_field_under_its_right_name_wins_over_the_other():
    body = await asked_as("deepseek", max_completion_tokens=5, max_tokens=7)
    assert body["max_tokens"] == 7
    assert "max_completion_tokens" not in body


async def test_a_schema_becomes_an_instruction_where_only_json_is_known():
    body = await asked_as("deepseek", response_format=SHAPE)
    assert body["response_format"] == {"type": "json_object"}
    told, *others = body["messages"]
    assert told["role"] == "system"
    assert json.dumps(SCHEMA, ensure_ascii=False, separators=(",", ":")) in told["content"]
    assert [message["content"] for message in others] == ["Be kind.", "hi"]
    assert (await asked_as("qwen", response_format=SHAPE))["response_format"] == SHAPE
    plain = {"type": "json_object"}
    assert (await asked_as("glm", response_format=plain))["messages"][1] == MESSAGES[1]


def call_delta(**call):
    return {"choices": [{"index": 0, "delta": {"tool_calls": [call]}, "finish_reason": None}]}


@pytest.mark.parametrize("vendor", ["ollama", "gemini"])
async def test_tool_calls_without_an_index_get_one_each(vendor):
    events, _ = await chunks(
        vendor,
        call_delta(id="a", type="function", function={"name": "f", "arguments": ""}),
        call_delta(function={"arguments": '{"x":'}),
        call_delta(function={"arguments": "1}"}),
        call_delta(id="b", index=0, type="function", function={"name": "g", "arguments": "{}"}),
        said("", "tool_calls"),
        counted(),
    )
    calls = [call for event in events for c in event["choices"] for call in c["delta"].get("tool_calls", [])]
    assert [call["index"] for call in calls] == [0, 0, 0, 1]


async def test_usage_in_the_last_choice_is_found_and_moved():
    end = said("", "stop")
    end["choices"][0]["usage"] = {"prompt_tokens": 7, "completion_tokens": 2, "total_tokens": 9}
    events, pieces = await chunks("kimi", said("hi"), end)
    assert events[-1]["usage"]["total_tokens"] == 9
    assert "usage" not in events[-1]["choices"][0]
    (usage,) = [piece.usage for piece in pieces if piece.usage]
    assert (usage.prompt_tokens, usage.completion_tokens, usage.estimated) == (7, 2, False)


async def test_a_stream_that_tells_no_usage_gets_an_estimate_that_says_so():
    events, pieces = await chunks("", said("你好"), said("", "stop"))
    assert pieces[-1].usage.estimated
    assert pieces[-1].usage.completion_tokens == 2
    assert events[-1]["choices"] == []
    assert events[-1]["stepladder"] == {"estimated": True}
    assert events[-1]["usage"]["total_tokens"] == sum(
        (pieces[-1].usage.prompt_tokens, pieces[-1].usage.completion_tokens)
    )


def test_a_vendor_is_known_by_its_host():
    assert of_vendor("", "api.deepseek.com") is VENDORS["deepseek"]
    assert not of_vendor("", "example.com").changes_request
    hosts = [host for quirks in VENDORS.values() for host in quirks.hosts]
    assert len(hosts) == len(set(hosts))
