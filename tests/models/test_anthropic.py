"""Anthropic's API behind a chat model: what it is asked, and what its answers become."""

import json
from contextlib import asynccontextmanager

import pytest

from stepladder.core import BadRequest, ChatCall, Question, Task, UpstreamFailed, Usage
from stepladder.models.anthropic import AnthropicModel, request_of
from tests.models.upstream_double import chunk_event, upstream

HI = [{"role": "user", "content": "hi"}]
USAGE = {"input_tokens": 5, "cache_read_input_tokens": 2, "output_tokens": 3}
CALL = {"id": "t1", "type": "function", "function": {"name": "f", "arguments": '{"a":1}'}}


def message(*content, reason="end_turn"):
    return {
        "id": "m1",
        "type": "message",
        "role": "assistant",
        "model": "claude-x",
        "content": list(content),
        "stop_reason": reason,
        "usage": USAGE,
    }


def event(kind, **more):
    data = json.dumps({"type": kind, **more}, ensure_ascii=False)
    return f"event: {kind}\ndata: {data}\n\n".encode()


@asynccontextmanager
async def model_of(behave, monkeypatch):
    monkeypatch.setenv("A_KEY", "sk-ant-1")
    async with upstream(behave) as server:
        settings = {"base_url": server.url, "model": "claude-x", "api_key": "env:A_KEY", "retries": 0}
        model = AnthropicModel.open("big", {**settings, "price_in": 1.0, "price_out": 10.0})
        try:
            yield model, server
        finally:
            await model.close()


def call(*, stream=False, wants_usage=False, **body):
    raw = {key: json.dumps(value).encode() for key, value in {"messages": HI, **body}.items()}
    if stream:
        raw["stream"] = b"true"
    return ChatCall("q1", raw, stream, wants_usage)


async def pieces(model, asked):
    return [piece async for piece in model.chat(asked)]


def test_a_request_is_put_in_anthropics_words():
    asked = {
        "model": "big",
        "messages": [
            {"role": "system", "content": "Be kind."},
            {
                "role": "user",
                "content": [
                    {"type": "text", "text": "Look:"},
                    {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}},
                    {"type": "image_url", "image_url": {"url": "https://example.com/a.jpg"}},
                ],
            },
            {"role": "assistant", "content": None, "tool_calls": [CALL, {**CALL, "id": "t2"}]},
            {"role": "tool", "tool_call_id": "t1", "content": "22"},
            {"role": "tool", "tool_call_id": "t2", "content": "23"},
            {"role": "user", "content": "And?"},
            {"role": "developer", "content": "Be brief."},
        ],
        "max_completion_tokens": 9,
        "temperature": 1.7,
        "stop": "END",
        "user": "u-1",
        "seed": 3,
        "tools": [
            {
                "type": "function",
                "function": {"name": "f", "description": "d", "parameters": {"type": "object"}},
            }
        ],
        "tool_choice": "required",
        "parallel_tool_calls": False,
        "thinking": {"type": "enabled", "budget_tokens": 1024},
        "response_format": {"type": "json_object"},
    }
    use = {"type": "tool_use", "name": "f", "input": {"a": 1}}
    assert request_of(asked) == {
        "max_tokens": 9,
        "temperature": 1.0,
        "stop_sequences": ["END"],
        "metadata": {"user_id": "u-1"},
        "thinking": {"type": "enabled", "budget_tokens": 1024},
        "system": "Answer with JSON and nothing else.\n\nBe kind.\n\nBe brief.",
        "tools": [{"name": "f", "description": "d", "input_schema": {"type": "object"}}],
        "tool_choice": {"type": "any", "disable_parallel_tool_use": True},
        "messages": [
            {
                "role": "user",
                "content": [
                    {"type": "text", "text": "Look:"},
                    {
                        "type": "image",
                        "source": {"type": "base64", "media_type": "image/png", "data": "AAAA"},
                    },
                    {"type": "image", "source": {"type": "url", "url": "https://example.com/a.jpg"}},
                ],
            },
            {"role": "assistant", "content": [{**use, "id": "t1"}, {**use, "id": "t2"}]},
            {
                "role": "user",
                "content": [
                    {"type": "tool_result", "tool_use_id": "t1", "content": [{"type": "text", "text": "22"}]},
                    {"type": "tool_result", "tool_use_id": "t2", "content": [{"type": "text", "text": "23"}]},
                    {"type": "text", "text": "And?"},
                ],
            },
        ],
    }


def test_what_it_cannot_do_is_refused_by_name():
    for asked in ({"n": 2}, {"messages": [{"role": "user", "content": [{"type": "input_audio"}]}]}):
        with pytest.raises(BadRequest):
            request_of({"messages": HI, **asked})


async def test_an_answer_is_a_completion(monkeypatch):
    content = ({"type": "thinking", "thinking": "hm"}, {"type": "text", "text": "你好"})
    async with model_of(lambda asked: asked.say(message(*content)), monkeypatch) as (model, server):
        (piece,) = await pieces(model, call())
        (asked,) = server.asked
    assert asked.headers["x-api-key"] == "sk-ant-1"
    assert asked.headers["anthropic-version"] == "2023-06-01"
    assert "Authorization" not in asked.headers
    assert (asked.body["model"], asked.body["max_tokens"]) == ("claude-x", 4096)
    said = json.loads(piece.data)
    assert said["choices"][0]["message"]["content"] == "你好"
    assert said["choices"][0]["message"]["reasoning_content"] == "hm"
    assert said["usage"]["total_tokens"] == 10
    assert (piece.text, piece.finish_reason, piece.usage) == ("你好", "stop", Usage(7, 3))
    assert model.cost(piece.usage) == pytest.approx(37e-6)


@pytest.mark.parametrize("wants_usage", [True, False])
async def test_a_stream_is_chunks_with_numbered_calls_and_the_usage_apart(monkeypatch, wants_usage):
    def block(index, **content):
        return event("content_block_start", index=index, content_block=content)

    def delta(index, kind, **more):
        return event("content_block_delta", index=index, delta={"type": kind, **more})

    async def behave(asked):
        assert asked.body["stream"] is True
        assert "stream_options" not in asked.body
        await asked.stream(
            event("message_start", message={**message(), "usage": {**USAGE, "output_tokens": 1}}),
            event("ping"),
            block(0, type="text", text=""),
            delta(0, "text_delta", text="你"),
            delta(0, "text_delta", text="好"),
            event("content_block_stop", index=0),
            block(1, type="tool_use", id="t1", name="f", input={}),
            delta(1, "input_json_delta", partial_json='{"a"'),
            delta(1, "input_json_delta", partial_json=":1}"),
            block(2, type="tool_use", id="t2", name="g", input={}),
            delta(2, "input_json_delta", partial_json="{}"),
            event("message_delta", delta={"stop_reason": "tool_use"}, usage={"output_tokens": 3}),
            event("message_stop"),
        )

    async with model_of(behave, monkeypatch) as (model, _):
        got = await pieces(model, call(stream=True, wants_usage=wants_usage))
    chunks = [json.loads(e[6:]) for e in b"".join(p.data for p in got).decode().strip().split("\n\n")]
    assert ([c for c in chunks if not c["choices"]] != []) is wants_usage
    choices = [c["choices"][0] for c in chunks if c["choices"]]
    assert "".join(c["delta"].get("content") or "" for c in choices) == "你好"
    calls = [call for c in choices for call in c["delta"].get("tool_calls", [])]
    assert [(c["index"], c.get("id"), c["function"]["arguments"]) for c in calls] == [
        (0, "t1", ""),
        (0, None, '{"a"'),
        (0, None, ":1}"),
        (1, "t2", ""),
        (1, None, "{}"),
    ]
    assert choices[-1]["finish_reason"] == "tool_calls"
    assert {c["id"] for c in chunks} == {"chatcmpl-m1"}
    assert [p.usage for p in got if p.usage] == [Usage(7, 3)]
    assert [p.last for p in got][-1] or got[-2].last


async def test_an_error_in_a_stream_and_a_refusal_are_told(monkeypatch):
    told = {"type": "overloaded_error", "message": "Overloaded"}

    async def behave(asked):
        if asked.body.get("stream"):
            await asked.stream(event("message_start", message=message()), event("error", error=told))
        else:
            await asked.say({"type": "error", "error": told}, 529)

    async with model_of(behave, monkeypatch) as (model, _):
        for stream in (True, False):
            with pytest.raises(UpstreamFailed) as caught:
                await pieces(model, call(stream=stream))
            assert caught.value.remedy == "It said: Overloaded"
            assert caught.value.retryable


async def test_a_stream_without_its_end_has_broken_off(monkeypatch):
    events = [
        event("message_start", message=message()),
        chunk_event({"type": "content_block_stop", "index": 0}),
    ]
    async with model_of(lambda asked: asked.stream(*events), monkeypatch) as (model, _):
        with pytest.raises(UpstreamFailed, match="broke off"):
            await pieces(model, call(stream=True))


async def test_it_is_the_rung_of_a_task(monkeypatch):
    task = Task(name="mood", top="big", labels=("good", "bad"))
    say = message({"type": "text", "text": "Good."})
    async with model_of(lambda asked: asked.say(say), monkeypatch) as (model, server):
        question = Question(id="q", task="mood", text="Fine day")
        (answer,) = [part async for part in model.rung(task).answer(question)]
        assert "good, bad" in server.asked[0].body["system"]
    assert (answer.text, answer.usage) == ("good", Usage(7, 3))


async def test_it_has_chats_only(monkeypatch):
    async with model_of(None, monkeypatch) as (model, _):
        with pytest.raises(BadRequest, match="embeddings"):
            model.forward(ChatCall("q", {"input": b'"x"'}, False, route="embeddings"))
