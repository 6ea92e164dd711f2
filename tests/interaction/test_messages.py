"""Anthropic's Messages API in front: what reaches the upstream, and what comes back in Anthropic's words."""

import asyncio
import json

import pytest

from tests.interaction.upstreams import live
from tests.models.upstream_double import DONE, chunk_event, completion, counted, said

HI = [{"role": "user", "content": "hi"}]


def events(response):
    """(name, data) of every event, the names being the data's own types."""
    found = []
    for block in response.body.decode().strip().split("\n\n"):
        name, data = block.split("\n")
        assert name == f"event: {json.loads(data[6:])['type']}"
        found.append(json.loads(data[6:]))
    return found


def delta(index, name="", text="", **more):
    function = {**({"name": name} if name else {}), "arguments": text}
    return {
        "choices": [{"index": 0, "delta": {"tool_calls": [{"index": index, "function": function, **more}]}}]
    }


async def test_a_message_is_asked_for_in_openais_words(tmp_path):
    blocks = [
        {"type": "text", "text": "Look:", "cache_control": {"type": "ephemeral"}},
        {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "AAAA"}},
        {"type": "image", "source": {"type": "url", "url": "https://example.com/a.png"}},
    ]
    result = {"type": "tool_result", "tool_use_id": "t1", "content": [{"type": "text", "text": "22 °C"}]}
    body = {
        "model": "gpt",
        "max_tokens": 50,
        "system": [{"type": "text", "text": "Be kind."}, {"type": "text", "text": "Be brief."}],
        "messages": [
            {"role": "user", "content": blocks},
            {
                "role": "assistant",
                "content": [
                    {"type": "thinking", "thinking": "hm", "signature": "x"},
                    {"type": "text", "text": "Let me see."},
                    {"type": "tool_use", "id": "t1", "name": "weather", "input": {"city": "成都"}},
                ],
            },
            {"role": "user", "content": [result, {"type": "text", "text": "And?"}]},
        ],
        "stop_sequences": ["END"],
        "temperature": 0.5,
        "tools": [{"name": "weather", "description": "d", "input_schema": {"type": "object"}}],
        "tool_choice": {"type": "any", "disable_parallel_tool_use": True},
        "metadata": {"user_id": "u-1"},
    }
    async with live(tmp_path, lambda asked: asked.say(completion("fine"))) as home:
        response = await home.client.send("POST", "/v1/messages", body)
        (asked,) = home.server.asked
    assert response.status == 200
    assert asked.body == {
        "model": "m-1",
        "max_tokens": 50,
        "temperature": 0.5,
        "stop": ["END"],
        "user": "u-1",
        "tools": [
            {
                "type": "function",
                "function": {"name": "weather", "description": "d", "parameters": {"type": "object"}},
            }
        ],
        "tool_choice": "required",
        "parallel_tool_calls": False,
        "messages": [
            {"role": "system", "content": "Be kind.\nBe brief."},
            {
                "role": "user",
                "content": [
                    {"type": "text", "text": "Look:"},
                    {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}},
                    {"type": "image_url", "image_url": {"url": "https://example.com/a.png"}},
                ],
            },
            {
                "role": "assistant",
                "content": "Let me see.",
                "tool_calls": [
                    {
                        "id": "t1",
                        "type": "function",
                        "function": {"name": "weather", "arguments": '{"city":"成都"}'},
                    }
                ],
            },
            {"role": "tool", "tool_call_id": "t1", "content": "22 °C"},
            {"role": "user", "content": "And?"},
        ],
    }


async def test_an_answer_is_a_message_and_a_row(tmp_path):
    async with live(tmp_path, lambda asked: asked.say(completion("fine"))) as home:
        response = await home.client.send(
            "POST", "/v1/messages", {"model": "gpt", "max_tokens": 9, "messages": HI}
        )
        row = home.row(response)
    message = response.json
    assert (message["type"], message["role"], message["model"]) == ("message", "assistant", "gpt")
    assert message["content"] == [{"type": "text", "text": "fine", "citations": None}]
    assert (message["stop_reason"], message["usage"]["input_tokens"]) == ("end_turn", 7)
    assert message["id"] == f"msg_{response.headers['x-stepladder-request-id']}"
    assert (row.text, row.answer, row.status, row.completion_tokens) == ("hi", "fine", "ok", 2)


async def test_tool_calls_become_blocks_and_are_written_down(tmp_path):
    call = {"id": "t1", "type": "function", "function": {"name": "f", "arguments": '{"a":1}'}}
    body = completion(None)
    body["choices"][0] |= {"message": {"content": None, "tool_calls": [call]}, "finish_reason": "tool_calls"}
    async with live(tmp_path, lambda asked: asked.say(body)) as home:
        response = await home.client.send("POST", "/v1/messages", {"model": "gpt", "messages": HI})
        row = home.row(response)
    (block,) = response.json["content"]
    assert (block["type"], block["id"], block["name"], block["input"]) == ("tool_use", "t1", "f", {"a": 1})
    assert response.json["stop_reason"] == "tool_use"
    assert json.loads(row.answer) == {"content": None, "tool_calls": [call]}


async def test_a_stream_begins_writes_and_ends_each_block_in_turn(tmp_path):
    async def behave(asked):
        assert asked.body["stream_options"] == {"include_usage": True}
        await asked.stream(
            said(""),
            said("Let "),
            said("me see."),
            delta(0, "f", id="t1"),
            delta(0, text='{"a"'),
            delta(1, "g", '{"b"', id="t2"),
            delta(0, text=":1}"),
            delta(1, text=":2}"),
            said("", "tool_calls"),
            counted(),
            DONE,
        )

    async with live(tmp_path, behave) as home:
        asked = {"model": "gpt", "messages": HI, "stream": True}
        response = await home.client.send("POST", "/v1/messages", asked)
        row = home.row(response)
    got = events(response)
    assert [event["type"] for event in got if event["type"] != "content_block_delta"] == [
        "message_start",
        *["content_block_start", "content_block_stop"] * 3,
        "message_delta",
        "message_stop",
    ]
    texts = {0: "", 1: "", 2: ""}
    for event in got:
        if event["type"] == "content_block_delta":
            texts[event["index"]] += event["delta"].get("text", "") + event["delta"].get("partial_json", "")
    assert texts == {0: "Let me see.", 1: '{"a":1}', 2: '{"b":2}'}
    starts = [event["content_block"] for event in got if event["type"] == "content_block_start"]
    assert [(start["type"], start.get("id"), start.get("name")) for start in starts] == [
        ("text", None, None),
        ("tool_use", "t1", "f"),
        ("tool_use", "t2", "g"),
    ]
    assert got[-2]["delta"]["stop_reason"] == "tool_use"
    assert got[-2]["usage"]["output_tokens"] == 2
    assert [call["function"]["arguments"] for call in json.loads(row.answer)["tool_calls"]] == [
        '{"a":1}',
        '{"b":2}',
    ]


async def test_a_task_answers_messages_too(tmp_path):
    async with live(tmp_path, lambda asked: asked.say(completion("good"))) as home:
        for stream in (False, True):
            asked = {"model": "mood", "messages": HI, "stream": stream}
            response = await home.client.send("POST", "/v1/messages", asked)
            if stream:
                got = events(response)
                assert "".join(e["delta"].get("text", "") for e in got if "delta" in e) == "good"
                assert got[-1]["type"] == "message_stop"
            else:
                assert response.json["content"][0]["text"] == "good"
                assert response.json["stepladder"]["rung"] == "gpt"


async def test_a_stream_that_breaks_ends_in_anthropics_error_event(tmp_path):
    async def behave(asked):
        await asked.head()
        await asked.chunk(chunk_event(said("one")))
        await heard.wait()
        await asked.chunk(chunk_event({"error": {"message": "Engine fire."}}))
        await asked.end()

    heard = asyncio.Event()
    async with live(tmp_path, behave) as home:
        asked = {"model": "gpt", "messages": HI, "stream": True}
        response = await home.client.send("POST", "/v1/messages", asked, heard=heard)
        (row,) = home.rows()
    *_, last = events(response)
    assert (last["type"], last["error"]["type"]) == ("error", "api_error")
    assert "Engine fire." in last["error"]["message"]
    assert last["request_id"] == row.id
    assert (row.status, row.answer) == ("failed", "one")


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"messages": HI}, "model"),
        ({"model": "gpt", "messages": []}, "messages"),
        ({"model": "gpt", "messages": "hi"}, "messages"),
        ({"model": "gpt", "messages": [{"role": "tool", "content": "x"}]}, "messages[0].role"),
        (
            {"model": "gpt", "messages": [{"role": "user", "content": [{"type": "video"}]}]},
            "messages[0].content[0]",
        ),
        ({"model": "gpt", "messages": HI, "tools": [{"type": "bash_20250124", "name": "bash"}]}, "tools[0]"),
        ({"model": "gpt", "messages": HI, "tool_choice": {"type": "some"}}, "tool_choice.type"),
    ],
)
async def test_what_cannot_be_put_is_refused_by_name_in_anthropics_shape(tmp_path, body, param):
    async with live(tmp_path, None) as home:
        response = await home.client.send("POST", "/v1/messages", body)
    assert response.status == 400
    assert (response.json["type"], response.json["error"]["type"]) == ("error", "invalid_request_error")
    assert param in response.json["error"]["message"]


@pytest.mark.parametrize(
    ("status", "kind"), [(429, "rate_limit_error"), (404, "not_found_error"), (500, "api_error")]
)
async def test_an_upstreams_refusal_keeps_its_meaning(tmp_path, status, kind):
    async def behave(asked):
        await asked.say({"error": {"message": "no"}}, status, **{"Retry-After": "7"})

    async with live(tmp_path, behave) as home:
        response = await home.client.send("POST", "/v1/messages", {"model": "gpt", "messages": HI})
    assert response.json["error"]["type"] == kind
    assert response.headers.get("retry-after") == (None if status == 404 else "7")


async def test_the_key_may_come_as_anthropics_clients_send_it(tmp_path):
    async with live(tmp_path, lambda asked: asked.say(completion("fine"))) as home:
        asked = {"model": "gpt", "messages": HI}
        for key, status in ((home.client.key, 200), ("sl-wrong", 401)):
            send = {"key": None, "headers": {"x-api-key": key}}
            assert (await home.client.send("POST", "/v1/messages", asked, **send)).status == status
            assert (await home.client.send("GET", "/v1/models", **send)).status == status
