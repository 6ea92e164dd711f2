"""Every field of a chat, on its way to a plain model and back: nothing is dropped, whole or streamed."""

import json
from typing import Any

import pytest

from tests.interaction.upstreams import live
from tests.models.upstream_double import DONE, counted

PICTURE = {"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw0KGgo=", "detail": "low"}}
SOUND = {"type": "input_audio", "input_audio": {"data": "UklGRg==", "format": "wav"}}
SHAPE = {
    "name": "person",
    "strict": True,
    "schema": {"type": "object", "properties": {"名": {"type": "string"}}},
}
TOOLS: list[dict[str, Any]] = [
    {"type": "function", "function": {"name": name, "parameters": {"type": "object"}, "strict": True}}
    for name in ("weather", "time")
]
ASKED = {
    "messages": [
        {"role": "developer", "content": "Be brief.", "name": "boss"},
        {"role": "assistant", "content": None, "refusal": "no", "tool_calls": [
            {"id": "t0", "type": "function", "function": {"name": "time", "arguments": "{}"}}]},
        {"role": "tool", "tool_call_id": "t0", "content": [{"type": "text", "text": "noon"}]},
        {"role": "user", "content": [{"type": "text", "text": "这是什么？"}, PICTURE, SOUND]},
    ],
    "n": 2, "seed": 7, "stop": ["\n\n", "。"], "logprobs": True, "top_logprobs": 2, "logit_bias": {"50256": -100},
    "temperature": 0.0, "top_p": 0.9, "presence_penalty": -0.5, "frequency_penalty": 1e-3, "max_completion_tokens": 64,
    "response_format": {"type": "json_schema", "json_schema": SHAPE}, "tools": TOOLS, "tool_choice": "auto",
    "parallel_tool_calls": True, "modalities": ["text"], "service_tier": "flex", "reasoning_effort": "low",
    "metadata": {"k": "v"}, "store": False, "prediction": {"type": "content", "content": "x"}, "min_p": 0.05,
    "chat_template_kwargs": {"enable_thinking": False}, "a field of tomorrow": [None, 1.50, {"深": True}],
}  # fmt: skip
CALLS = [
    {
        "id": f"t{at}",
        "type": "function",
        "function": {"name": tool["function"]["name"], "arguments": '{"城": "成都"}'},
    }
    for at, tool in enumerate(TOOLS, 1)
]
ODDS = {
    "content": [{"token": "是", "logprob": -0.25, "bytes": [230, 152, 175], "top_logprobs": []}],
    "refusal": None,
}
ANSWER = {
    "id": "c1",
    "object": "chat.completion",
    "created": 1,
    "model": "m-1",
    "system_fingerprint": "fp",
    "service_tier": "flex",
    "choices": [
        {"index": 0, "message": {"role": "assistant", "content": "是", "refusal": None, "annotations": [],
                                 "reasoning_content": "hm"}, "logprobs": ODDS, "finish_reason": "stop"},
        {"index": 1, "message": {"role": "assistant", "content": None, "tool_calls": CALLS}, "logprobs": None,
         "finish_reason": "tool_calls"},
    ],
    "usage": {"prompt_tokens": 7, "completion_tokens": 2, "total_tokens": 9,
              "prompt_tokens_details": {"cached_tokens": 4}},
    "a field of tomorrow": {"x": [1]},
}  # fmt: skip


def chunk(choice, delta, finish=None, **more):
    return {
        "id": "c1",
        "object": "chat.completion.chunk",
        "system_fingerprint": "fp",
        "choices": [{"index": choice, "delta": delta, "finish_reason": finish, **more}],
        "a field of tomorrow": 1,
    }


def call(at, arguments, **more):
    return {"tool_calls": [{"index": at, **more, "function": {"arguments": arguments}}]}


CHUNKS = [
    chunk(0, {"role": "assistant", "content": "", "refusal": None}),
    chunk(1, {"role": "assistant", "content": None}),
    chunk(0, {"content": "是"}, logprobs=ODDS),
    chunk(1, call(0, "", id="t1", type="function")),
    chunk(1, call(1, "", id="t2", type="function")),
    chunk(1, call(1, '{"城"')),
    chunk(0, {"reasoning_content": "hm"}),
    chunk(1, call(0, '{"城": "成都"}')),
    chunk(1, call(1, ': "成都"}')),
    chunk(0, {}, "stop"),
    chunk(1, {}, "tool_calls"),
]


def lines(bodies):
    return [json.dumps(body, sort_keys=True) for body in bodies]


async def test_a_whole_answer_has_every_field_and_so_has_its_request(tmp_path):
    async with live(tmp_path, lambda asked: asked.say(ANSWER)) as home:
        response = await home.client.send("POST", "/v1/chat/completions", {"model": "gpt", **ASKED})
        assert response.status == 200
        assert home.server.asked[0].body == {"model": "m-1", **ASKED}
        assert {**response.json, "model": "m-1"} == ANSWER
        row = home.row(response)
    assert (row.text, row.prompt_tokens, row.completion_tokens, row.cost) == ("这是什么？", 7, 2, 11e-6)


@pytest.mark.parametrize("usage", [False, True])
async def test_a_stream_has_every_chunk_with_interleaved_choices_and_numbered_parallel_calls(tmp_path, usage):
    options = {"stream_options": {"include_usage": True}} if usage else {}

    async def behave(asked):
        await asked.stream(*CHUNKS, counted(), DONE)

    async with live(tmp_path, behave) as home:
        body = {"model": "gpt", **ASKED, "stream": True, **options}
        response = await home.client.send("POST", "/v1/chat/completions", body)
        row = home.row(response)
        sent = home.server.asked[0].body
    assert {key: sent[key] for key in ASKED} == ASKED
    *came, done = response.events
    assert done == "[DONE]"
    assert lines(came) == lines([*CHUNKS, counted()] if usage else CHUNKS)
    assert (row.prompt_tokens, row.completion_tokens) == (7, 2)
    assert "是" in row.answer


async def test_parallel_calls_keep_their_number_through_every_api(tmp_path):
    """Two calls whose arguments come by turns: each ends up whole, with its own id."""
    only = [chunk(0, each["choices"][0]["delta"], each["choices"][0]["finish_reason"]) for each in CHUNKS
            if each["choices"][0]["index"] == 1]  # fmt: skip
    for each, name in zip(only[1:3], ("weather", "time"), strict=True):
        each["choices"][0]["delta"]["tool_calls"][0]["function"]["name"] = name

    async def behave(asked):
        await asked.stream(*only, counted(), DONE)

    async with live(tmp_path, behave) as home:
        hi = {"model": "gpt", "stream": True}
        words = [{"role": "user", "content": "hi"}]
        chat = await home.client.send("POST", "/v1/chat/completions", {**hi, "messages": words})
        message = await home.client.send("POST", "/v1/messages", {**hi, "messages": words, "max_tokens": 9})
        response = await home.client.send("POST", "/v1/responses", {**hi, "input": "hi"})
    said: dict[int, str] = {}
    for event in chat.events[:-1]:
        for tool in event["choices"][0]["delta"].get("tool_calls", []):
            said[tool["index"]] = said.get(tool["index"], "") + tool["function"]["arguments"]
    assert said == {0: '{"城": "成都"}', 1: '{"城": "成都"}'}
    data = [json.loads(line[6:]) for line in message.body.decode().splitlines() if line.startswith("data: ")]
    begun = [
        (event["index"], event["content_block"]["id"])
        for event in data
        if event["type"] == "content_block_start"
    ]
    assert [id for _, id in begun] == ["t1", "t2"] and len({index for index, _ in begun}) == 2
    for index, _ in begun:
        parts = [event["delta"]["partial_json"] for event in data
                 if event["type"] == "content_block_delta" and event["index"] == index]  # fmt: skip
        assert json.loads("".join(parts)) == {"城": "成都"}
    last = [
        json.loads(line[6:]) for line in response.body.decode().splitlines() if line.startswith("data: {")
    ][-1]
    calls = [item for item in last["response"]["output"] if item["type"] == "function_call"]
    assert [(item["call_id"], item["name"], json.loads(item["arguments"])) for item in calls] == [
        ("t1", "weather", {"城": "成都"}),
        ("t2", "time", {"城": "成都"}),
    ]
