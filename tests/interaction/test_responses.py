"""OpenAI's Responses API in front: items in, items out, streams of numbered events, and going on from the ledger."""

import asyncio
import json

import pytest

from tests.interaction.upstreams import live
from tests.models.upstream_double import DONE, chunk_event, completion, counted, echo, said

CALL = {"id": "c1", "type": "function", "function": {"name": "f", "arguments": '{"a":1}'}}


def events(response):
    *blocks, done = response.body.decode().strip().split("\n\n")
    assert done == "data: [DONE]"
    found = []
    for block in blocks:
        name, data = block.split("\n")
        found.append(json.loads(data[6:]))
        assert name == f"event: {found[-1]['type']}"
    assert [event["sequence_number"] for event in found] == list(range(len(found)))
    return found


async def ask(home, given, **more):
    return await home.client.send("POST", "/v1/responses", {"model": "gpt", "input": given, **more})


async def test_items_are_asked_in_the_words_of_chat_completions(tmp_path):
    items = [
        {"role": "developer", "content": "Be kind."},
        {
            "type": "message",
            "role": "user",
            "content": [
                {"type": "input_text", "text": "Look:"},
                {"type": "input_image", "image_url": "data:image/png;base64,AAAA", "detail": "low"},
            ],
        },
        {"type": "reasoning", "id": "r1", "summary": []},
        {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "Let me see."}]},
        {"type": "function_call", "call_id": "c1", "name": "f", "arguments": '{"a":1}'},
        {"type": "function_call_output", "call_id": "c1", "output": "22 °C"},
    ]
    more = {
        "instructions": "Be brief.",
        "max_output_tokens": 50,
        "temperature": 0.5,
        "reasoning": {"effort": "low"},
        "tools": [{"type": "function", "name": "f", "parameters": {"type": "object"}, "strict": True}],
        "tool_choice": {"type": "function", "name": "f"},
        "text": {
            "format": {"type": "json_schema", "name": "a", "schema": {"type": "object"}, "strict": True}
        },
        "store": False,
    }
    async with live(tmp_path, lambda asked: asked.say(completion("fine"))) as home:
        response = await ask(home, items, **more)
        (asked,) = home.server.asked
    image = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA", "detail": "low"}}
    function = {"name": "f", "parameters": {"type": "object"}, "strict": True}
    assert asked.body == {
        "model": "m-1",
        "max_tokens": 50,
        "temperature": 0.5,
        "reasoning_effort": "low",
        "tools": [{"type": "function", "function": function}],
        "tool_choice": {"type": "function", "function": {"name": "f"}},
        "response_format": {
            "type": "json_schema",
            "json_schema": {"name": "a", "schema": {"type": "object"}, "strict": True},
        },
        "messages": [
            {"role": "system", "content": "Be brief."},
            {"role": "developer", "content": "Be kind."},
            {"role": "user", "content": [{"type": "text", "text": "Look:"}, image]},
            {"role": "assistant", "content": "Let me see.", "tool_calls": [CALL]},
            {"role": "tool", "tool_call_id": "c1", "content": "22 °C"},
        ],
    }
    said = response.json
    assert said["instructions"] == "Be brief."
    assert said["temperature"] == 0.5
    assert said["status"] == "completed"


async def test_an_answer_is_a_response_and_a_row(tmp_path):
    async with live(tmp_path, lambda asked: asked.say(completion("fine"))) as home:
        response = await ask(home, "hi")
        row = home.row(response)
    said = response.json
    assert said["id"] == f"resp_{row.id}"
    (message,) = said["output"]
    assert message["content"] == [{"type": "output_text", "text": "fine", "annotations": [], "logprobs": []}]
    assert (said["usage"]["input_tokens"], said["usage"]["total_tokens"]) == (7, 9)
    assert (row.text, row.answer, row.status) == ("hi", "fine", "ok")


async def test_a_stream_is_numbered_and_ends_with_the_whole_response(tmp_path):
    async def behave(asked):
        calls = [
            {"index": 0, "id": "c1", "function": {"name": "f", "arguments": ""}},
            {"index": 1, "id": "c2", "function": {"name": "g", "arguments": '{"b"'}},
            {"index": 0, "function": {"arguments": '{"a":1}'}},
            {"index": 1, "function": {"arguments": ":2}"}},
        ]
        deltas = [{"choices": [{"index": 0, "delta": {"tool_calls": [call]}}]} for call in calls]
        await asked.stream(said("Let "), said("me."), *deltas, said("", "tool_calls"), counted(), DONE)

    async with live(tmp_path, behave) as home:
        got = events(await ask(home, "hi", stream=True))
    assert [event["type"] for event in got[:4]] == [
        "response.created",
        "response.in_progress",
        "response.output_item.added",
        "response.content_part.added",
    ]
    last = got[-1]
    assert last["type"] == "response.completed"
    message, one, two = last["response"]["output"]
    assert message["content"][0]["text"] == "Let me."
    assert [(call["call_id"], call["name"], call["arguments"]) for call in (one, two)] == [
        ("c1", "f", '{"a":1}'),
        ("c2", "g", '{"b":2}'),
    ]
    written = {0: "", 1: "", 2: ""}
    for event in got:
        if event["type"].endswith(".delta"):
            written[event["output_index"]] += event["delta"]
    assert written == {0: "Let me.", 1: '{"a":1}', 2: '{"b":2}'}
    done = [event["output_index"] for event in got if event["type"] == "response.output_item.done"]
    assert done == [0, 1, 2]
    assert last["response"]["usage"]["output_tokens"] == 2


async def test_an_answer_that_was_cut_is_incomplete(tmp_path):
    body = completion("fi")
    body["choices"][0]["finish_reason"] = "length"
    async with live(tmp_path, lambda asked: asked.say(body)) as home:
        response = await ask(home, "hi")
    assert response.json["status"] == "incomplete"
    assert response.json["incomplete_details"] == {"reason": "max_output_tokens"}


async def test_a_conversation_goes_on_from_the_ledger_with_its_tool_calls(tmp_path):
    async def behave(asked):
        body = completion("done")
        if len(home.server.asked) == 1:
            body["choices"][0]["message"] = {"content": "Hm.", "tool_calls": [CALL]}
        await asked.say(body)

    async with live(tmp_path, behave) as home:
        first = await ask(home, "My name is Ann.", instructions="Be kind.")
        result = [{"type": "function_call_output", "call_id": "c1", "output": "22"}]
        second = await ask(home, result, previous_response_id=first.json["id"])
        await ask(home, "And now?", previous_response_id=second.json["id"])
        asked = home.server.asked[-1].body["messages"]
    assert asked == [
        {"role": "user", "content": "My name is Ann."},
        {"role": "assistant", "content": "Hm.", "tool_calls": [CALL]},
        {"role": "tool", "tool_call_id": "c1", "content": "22"},
        {"role": "assistant", "content": "done"},
        {"role": "user", "content": "And now?"},
    ]


async def test_nobody_goes_on_from_what_is_not_theirs_or_not_kept(tmp_path):
    async with live(tmp_path, echo) as home:
        kept = (await ask(home, "hi")).json["id"]
        loose = (await ask(home, "hi", store=False)).json["id"]
        chat = (await home.client.chat("hi", model="gpt")).headers["x-stepladder-request-id"]
        home.client.key = home.house.store.keys.create("bob")
        await home.house.refresh()
        for id in (kept, loose, f"resp_{chat}", "resp_none"):
            response = await ask(home, "And?", previous_response_id=id)
            assert (response.status, response.error["param"]) == (400, "previous_response_id")
        home.client.key = home.house.store.keys.create("ann")


async def test_a_task_answers_and_goes_on_too(tmp_path):
    async with live(tmp_path, lambda asked: asked.say(completion("good"))) as home:
        first = await home.client.send("POST", "/v1/responses", {"model": "mood", "input": "Fine day"})
        assert first.json["output"][0]["content"][0]["text"] == "good"
        more = {"model": "mood", "input": "And now?", "previous_response_id": first.json["id"]}
        second = await home.client.send("POST", "/v1/responses", {**more, "stream": True})
        assert events(second)[-1]["response"]["output"][0]["content"][0]["text"] == "good"
        row = home.row(second)
    assert [(turn.role, turn.content) for turn in row.turns] == [("user", "Fine day"), ("assistant", "good")]


async def test_a_stream_that_breaks_says_so_and_never_completes(tmp_path):
    async def behave(asked):
        await asked.head()
        await asked.chunk(chunk_event(said("one")))
        await heard.wait()
        asked.cut()

    heard = asyncio.Event()
    async with live(tmp_path, behave) as home:
        body = {"model": "gpt", "input": "hi", "stream": True}
        response = await home.client.send("POST", "/v1/responses", body, heard=heard)
    last = json.loads(response.body.decode().strip().split("\n")[-1][6:])
    assert (last["type"], last["error"]["type"]) == ("error", "upstream_error")
    assert b"response.completed" not in response.body
    assert b"[DONE]" not in response.body


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"input": "hi"}, None),
        ({"model": "gpt"}, None),
        ({"model": "gpt", "input": ""}, "input"),
        ({"model": "gpt", "input": []}, "input"),
        ({"model": "gpt", "input": [{"type": "item_reference", "id": "x"}]}, "input[0].type"),
        ({"model": "gpt", "input": [{"role": "me", "content": "x"}]}, "input[0].role"),
        (
            {
                "model": "gpt",
                "input": [{"role": "user", "content": [{"type": "input_image", "file_id": "f"}]}],
            },
            "input[0].content[0].type",
        ),
        ({"model": "gpt", "input": "hi", "tools": [{"type": "web_search"}]}, "tools[0].type"),
        ({"model": "gpt", "input": "hi", "background": True}, "background"),
        ({"model": "gpt", "input": "hi", "previous_response_id": "resp_x"}, "previous_response_id"),
    ],
)
async def test_what_cannot_be_put_is_refused_by_name(tmp_path, body, param):
    async with live(tmp_path, None) as home:
        response = await home.client.send("POST", "/v1/responses", body)
    assert (response.status, response.error["type"]) == (400, "invalid_request_error")
    assert response.error["param"] == param
