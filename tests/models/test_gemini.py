"""Google's API behind a chat model: what it is asked, and what its answers become."""

import json
from contextlib import asynccontextmanager

import pytest

from stepladder.core import BadRequest, ChatCall, UpstreamFailed, Usage
from stepladder.models.gemini import GeminiModel, request_of
from tests.models.upstream_double import chunk_event, upstream

HI = [{"role": "user", "content": "hi"}]
COUNTS = {"promptTokenCount": 7, "candidatesTokenCount": 2, "thoughtsTokenCount": 1, "totalTokenCount": 10}


def said(*parts, reason=None, **more):
    candidate = {"index": 0, "content": {"role": "model", "parts": list(parts)}}
    return {
        "candidates": [candidate | ({"finishReason": reason} if reason else {})],
        "usageMetadata": COUNTS,
        "modelVersion": "gemini-x",
        "responseId": "r1",
        **more,
    }


@asynccontextmanager
async def model_of(behave, monkeypatch):
    monkeypatch.setenv("G_KEY", "AIza-1")
    async with upstream(behave) as server:
        base = server.url.removesuffix("/v1") + "/v1beta"
        settings = {"base_url": base, "model": "gemini-x", "api_key": "env:G_KEY", "retries": 0}
        model = GeminiModel.open("big", settings)
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


def test_a_request_is_put_in_googles_words():
    signed = {"extra_content": {"google": {"thought_signature": "s1"}}}
    called = {"id": "t1", "type": "function", "function": {"name": "f", "arguments": '{"a":1}'}, **signed}
    asked = {
        "messages": [
            {"role": "system", "content": "Be kind."},
            {
                "role": "user",
                "content": [
                    {"type": "text", "text": "Look:"},
                    {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}},
                    {"type": "image_url", "image_url": {"url": "https://example.com/a.png?x=1"}},
                ],
            },
            {"role": "assistant", "content": "Hm.", "tool_calls": [called]},
            {"role": "tool", "tool_call_id": "t1", "content": "22"},
            {"role": "user", "content": "And?"},
        ],
        "max_tokens": 9,
        "temperature": 0.5,
        "top_p": 0.9,
        "n": 2,
        "seed": 3,
        "stop": ["END"],
        "tools": [{"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}],
        "tool_choice": {"type": "function", "function": {"name": "f"}},
        "response_format": {
            "type": "json_schema",
            "json_schema": {"name": "a", "schema": {"type": "object"}},
        },
    }
    assert request_of(asked) == {
        "systemInstruction": {"parts": [{"text": "Be kind."}]},
        "contents": [
            {
                "role": "user",
                "parts": [
                    {"text": "Look:"},
                    {"inlineData": {"mimeType": "image/png", "data": "AAAA"}},
                    {"fileData": {"mimeType": "image/png", "fileUri": "https://example.com/a.png?x=1"}},
                ],
            },
            {
                "role": "model",
                "parts": [
                    {"text": "Hm."},
                    {"functionCall": {"name": "f", "args": {"a": 1}}, "thoughtSignature": "s1"},
                ],
            },
            {
                "role": "user",
                "parts": [
                    {"functionResponse": {"name": "f", "response": {"result": "22"}}},
                    {"text": "And?"},
                ],
            },
        ],
        "generationConfig": {
            "temperature": 0.5,
            "topP": 0.9,
            "candidateCount": 2,
            "seed": 3,
            "maxOutputTokens": 9,
            "stopSequences": ["END"],
            "responseMimeType": "application/json",
            "responseJsonSchema": {"type": "object"},
        },
        "tools": [
            {
                "functionDeclarations": [
                    {"name": "f", "description": "", "parametersJsonSchema": {"type": "object"}}
                ]
            }
        ],
        "toolConfig": {"functionCallingConfig": {"mode": "ANY", "allowedFunctionNames": ["f"]}},
    }


async def test_an_answer_is_a_completion(monkeypatch):
    say = said({"text": "hm", "thought": True}, {"text": "你好"}, reason="STOP")
    async with model_of(lambda asked: asked.say(say), monkeypatch) as (model, server):
        (piece,) = await pieces(model, call())
        (asked,) = server.asked
    assert asked.headers["x-goog-api-key"] == "AIza-1"
    assert asked.path == "/v1beta/models/gemini-x:generateContent"
    choice = json.loads(piece.data)["choices"][0]
    assert (choice["message"]["content"], choice["message"]["reasoning_content"]) == ("你好", "hm")
    assert (piece.text, piece.finish_reason, piece.usage) == ("你好", "stop", Usage(7, 3))


async def test_tool_calls_get_ids_and_keep_their_signature(monkeypatch):
    one = {"functionCall": {"name": "f", "args": {"a": "安"}}, "thoughtSignature": "s1"}
    two = {"functionCall": {"name": "g", "args": {}}}
    async with model_of(lambda asked: asked.say(said(one, two, reason="STOP")), monkeypatch) as (model, _):
        (piece,) = await pieces(model, call())
    choice = json.loads(piece.data)["choices"][0]
    calls = choice["message"]["tool_calls"]
    assert [(call["id"], call["function"]["arguments"]) for call in calls] == [
        ("call_q1_0_0", '{"a":"安"}'),
        ("call_q1_0_1", "{}"),
    ]
    assert calls[0]["extra_content"]["google"]["thought_signature"] == "s1"
    assert (choice["finish_reason"], choice["message"]["content"]) == ("tool_calls", None)


@pytest.mark.parametrize("wants_usage", [True, False])
async def test_a_stream_is_chunks_and_ends_with_its_connection(monkeypatch, wants_usage):
    async def behave(asked):
        assert asked.path.endswith(":streamGenerateContent?alt=sse")
        await asked.stream(
            said({"text": "你"}),
            said({"text": "好"}),
            said({"functionCall": {"name": "f", "args": {"a": 1}}}),
            said({"functionCall": {"name": "f", "args": {"a": 2}}}, reason="STOP"),
        )

    async with model_of(behave, monkeypatch) as (model, _):
        got = await pieces(model, call(stream=True, wants_usage=wants_usage))
    chunks = [json.loads(e[6:]) for e in b"".join(p.data for p in got).decode().strip().split("\n\n")]
    assert ([c for c in chunks if not c["choices"]] != []) is wants_usage
    choices = [c["choices"][0] for c in chunks if c["choices"]]
    assert choices[0]["delta"]["role"] == "assistant"
    assert "".join(c["delta"].get("content") or "" for c in choices) == "你好"
    calls = [call for c in choices for call in c["delta"].get("tool_calls", [])]
    assert [(c["index"], c["function"]["arguments"]) for c in calls] == [(0, '{"a":1}'), (1, '{"a":2}')]
    assert choices[-1]["finish_reason"] == "tool_calls"
    assert [p.usage for p in got if p.usage] == [Usage(7, 3)]


@pytest.mark.parametrize(
    ("answer", "finish"),
    [
        (said({"text": "a"}, reason="MAX_TOKENS"), "length"),
        (said(reason="SAFETY"), "content_filter"),
        (
            {"promptFeedback": {"blockReason": "SAFETY"}, "usageMetadata": {"promptTokenCount": 7}},
            "content_filter",
        ),
    ],
)
@pytest.mark.parametrize("stream", [True, False])
async def test_why_it_ended(monkeypatch, answer, finish, stream):
    async def behave(asked):
        await (asked.stream(answer) if stream else asked.say(answer))

    async with model_of(behave, monkeypatch) as (model, _):
        got = await pieces(model, call(stream=stream))
    assert next(piece.finish_reason for piece in got if piece.last) == finish
    assert [piece.usage.prompt_tokens for piece in got if piece.usage] == [7]


@pytest.mark.parametrize("stream", [True, False])
async def test_errors_are_told(monkeypatch, stream):
    wrong = {"error": {"code": 503, "message": "The model is overloaded.", "status": "UNAVAILABLE"}}

    async def behave(asked):
        await (asked.stream(chunk_event(wrong)) if stream else asked.say(wrong, 503))

    async with model_of(behave, monkeypatch) as (model, _):
        with pytest.raises(UpstreamFailed) as caught:
            await pieces(model, call(stream=stream))
    assert caught.value.remedy == "It said: The model is overloaded."


async def test_it_has_chats_only(monkeypatch):
    async with model_of(None, monkeypatch) as (model, _):
        with pytest.raises(BadRequest, match="embeddings"):
            model.forward(ChatCall("q", {"input": b'"x"'}, False, route="embeddings"))
