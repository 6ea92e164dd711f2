"""POST /v1/chat/completions: OpenAI's shapes, our facts, and what is refused."""

import asyncio
import json

import pytest

from stepladder.core import Answer, Delta, Piece
from stepladder.models import Ladder, RecordedModel

ASK = [{"role": "user", "content": "Fine day"}]


async def test_a_task_answers_with_a_chat_completion_and_says_how(home):
    response = await home.client.chat("天气真好")
    body = response.json
    assert response.status == 200
    assert body["choices"][0]["message"]["content"] == "good"
    assert body["choices"][0]["finish_reason"] == "stop"
    assert (body["object"], body["model"]) == ("chat.completion", "mood")
    usage = body["usage"]
    assert usage["total_tokens"] == usage["prompt_tokens"] + usage["completion_tokens"] > 0
    facts, row = body["stepladder"], home.row(response)
    assert facts["request_id"] == response.headers["x-stepladder-request-id"] == row.id
    assert facts["rung"] == response.headers["x-stepladder-rung"] == row.rung == "big"
    assert facts["source"] == row.source == "recorded"
    assert facts["cost"] == row.cost
    assert float(response.headers["x-stepladder-overhead-ms"]) == pytest.approx(
        facts["overhead_ms"], abs=1e-3
    )
    assert (row.text, row.answer) == ("天气真好", "good")


async def test_a_streamed_task_answer_is_whole_and_written_down_before_its_end(home):
    response = await home.client.chat(stream=True, stream_options={"include_usage": True})
    *chunks, last, usage, done = response.events
    assert done == "[DONE]" and response.whole
    assert "".join(chunk["choices"][0]["delta"]["content"] for chunk in chunks) == "good"
    assert chunks[0]["choices"][0]["delta"]["role"] == "assistant"
    assert last["choices"][0]["finish_reason"] == "stop" and last["stepladder"]["rung"] == "big"
    assert usage["choices"] == [] and usage["usage"]["total_tokens"] > 0
    assert all(chunk["usage"] is None for chunk in [*chunks, last])
    assert home.row(response).stream


async def test_a_stream_has_no_usage_unless_it_was_asked_for(home):
    events = (await home.client.chat(stream=True)).events
    assert all("usage" not in event for event in events[:-1])


async def test_deltas_arrive_as_they_are_written_and_the_text_is_not_said_twice(home, monkeypatch):
    async def bit_by_bit(ladder, question):
        for bit in ("go", "od"):
            yield Delta(bit)
        yield Answer("good", 1.0, "big")

    monkeypatch.setattr(Ladder, "answer", bit_by_bit)
    response = await home.client.chat(stream=True)
    said = [event["choices"][0]["delta"].get("content") for event in response.events[:-1]]
    assert [bit for bit in said if bit] == ["go", "od"]
    assert response.pieces[0].endswith(b"\n\n") and len(response.pieces) == 3


async def test_a_plain_model_is_passed_through_and_written_down(home):
    response = await home.client.chat("hi", "big")
    assert response.json["choices"][0]["message"]["content"] == "Hello there"
    row = home.row(response)
    assert (row.task, row.model, row.text, row.answer, row.status) == ("", "big", "hi", "Hello there", "ok")
    assert row.completion_tokens > 0
    streamed = await home.client.chat("hi", "big", stream=True)
    assert streamed.events[-1] == "[DONE]"
    text = "".join(event["choices"][0]["delta"].get("content") or "" for event in streamed.events[:-1])
    assert text == home.row(streamed).answer == "Hello there"


@pytest.mark.parametrize("model", ["mood", "big"])
async def test_who_hangs_up_during_a_stream_leaves_a_partial_row(home, model, monkeypatch):
    async def endless(ladder, question):
        while True:
            yield Delta("x")
            await asyncio.sleep(0.005)

    async def endless_pieces(model, call):
        while True:
            yield Piece(b"data: {}\n\n", "x")
            await asyncio.sleep(0.005)

    monkeypatch.setattr(Ladder, "answer", endless)
    monkeypatch.setattr(RecordedModel, "chat", endless_pieces)
    response = await home.client.chat("Fine day", model, stream=True, leave_after=3)
    row = home.row(response)
    assert row.status == "partial"
    assert set(row.answer) == {"x"}
    assert not response.whole


async def test_a_ledger_that_cannot_be_written_is_a_503_or_an_error_event(home, monkeypatch):
    async def bit_by_bit(ladder, question):
        yield Delta("good")
        yield Answer("good", 1.0, "big")

    home.house.store.ledger.close()
    plain = await home.client.chat()
    assert (plain.status, plain.error["code"]) == (503, "ledger_unavailable")
    assert b"good" not in plain.body
    early = await home.client.chat(stream=True)
    assert (early.status, early.error["code"]) == (503, "ledger_unavailable")
    monkeypatch.setattr(Ladder, "answer", bit_by_bit)
    late = await home.client.chat(stream=True)
    assert late.status == 200
    assert late.events[-1]["error"]["code"] == "ledger_unavailable"
    assert "[DONE]" not in late.events and late.whole


async def test_a_top_that_cannot_answer_is_an_upstream_error_and_is_recorded(home):
    response = await home.client.chat("Nobody recorded this")
    assert response.status in (502, 503)
    assert response.error["type"] == "upstream_error"
    assert home.row(response).status == "failed"


@pytest.mark.parametrize(
    ("body", "status", "param"),
    [
        (b"{", 400, None),
        (b"[]", 400, None),
        (b"\xff\xfe", 400, None),
        (b"", 400, None),
        ({"messages": ASK}, 400, "model"),
        ({"model": 3, "messages": ASK}, 400, "model"),
        ({"model": "", "messages": ASK}, 400, "model"),
        ({"model": "mood"}, 400, "messages"),
        ({"model": "mood", "messages": []}, 400, "messages"),
        ({"model": "mood", "messages": "hi"}, 400, "messages"),
        ({"model": "mood", "messages": [{"role": 1, "content": "x"}]}, 400, "messages[0].role"),
        ({"model": "mood", "messages": [{"content": "x"}]}, 400, "messages[0]"),
        ({"model": "mood", "messages": [{"role": "user", "content": "  "}]}, 400, "messages"),
        ({"model": "mood", "messages": [{"role": "system", "content": "x"}]}, 400, "messages"),
        ({"model": "mood", "messages": ASK, "stream": "yes"}, 400, "stream"),
        ({"model": "mood", "messages": ASK, "stream_options": 1}, 400, "stream_options"),
        ({"model": "mood", "messages": ASK, "stepladder": 1}, 400, "stepladder"),
        ({"model": "mood", "messages": ASK, "stepladder": {"forse": "top"}}, 400, "stepladder.forse"),
        ({"model": "mood", "messages": ASK, "stepladder": {"force": "low"}}, 400, "stepladder.force"),
        ({"model": "mood", "messages": ASK, "stepladder": {"deadline_ms": 0}}, 400, "stepladder.deadline_ms"),
        (
            {"model": "mood", "messages": ASK, "stepladder": {"fields": {"a": []}}},
            400,
            "stepladder.fields[...]",
        ),
        ({"model": "big", "messages": ASK, "stepladder": {"forse": "top"}}, 400, "stepladder.forse"),
        ({"model": "nobody", "messages": ASK}, 404, "model"),
        ({"model": "mood", "messages": [{"role": "user", "content": "x" * 200_001}]}, 413, "messages"),
    ],
)
async def test_bad_input_is_refused_in_openais_shape_and_names_the_parameter(home, body, status, param):
    response = await home.client.send("POST", "/v1/chat/completions", body)
    assert response.status == status
    assert set(response.error) == {"message", "type", "param", "code"}
    assert (response.error["type"], response.error["param"]) == ("invalid_request_error", param)
    assert len(response.error["message"]) < 400
    assert home.house.store.ledger.last_seq() == 0


async def test_a_misspelt_key_of_ours_is_told_the_nearest_name(home):
    response = await home.client.chat(stepladder={"forse": "top"})
    assert "'force'" in response.error["message"]


@pytest.mark.parametrize("length", [None, 10])
async def test_a_body_over_the_limit_is_refused_by_its_length_or_while_it_comes(home, length):
    chunks = [b"x" * 1024 * 1024] * 6
    response = await home.client.send("POST", "/v1/chat/completions", chunks=chunks, length=length)
    assert (response.status, response.error["code"]) == (413, "request_too_large")
    assert response.whole


@pytest.mark.parametrize("key", [None, "sl-wrong", "x"])
async def test_without_a_good_key_nothing_is_answered(home, key):
    for method, path in (("POST", "/v1/chat/completions"), ("GET", "/v1/models"), ("GET", "/admin/tasks")):
        response = await home.client.send(method, path, {"model": "mood", "messages": ASK}, key=key)
        assert (response.status, response.error["code"]) == (401, "invalid_api_key")
        assert "sl-wrong" not in response.error["message"]


async def test_the_last_user_message_is_the_question_and_the_ones_before_it_are_the_turns(home):
    messages = [
        {"role": "system", "content": "Be rude."},
        {"role": "user", "content": "Rain"},
        {"role": "assistant", "content": "bad"},
        {
            "role": "user",
            "content": [{"type": "text", "text": "Fine day"}],
        },
    ]
    body = {"model": "mood", "messages": messages, "temperature": 2, "n": 1, "unheard_of": {"a": 1}}
    fields = {"shop": "north", "stars": 4}
    response = await home.client.send(
        "POST", "/v1/chat/completions", {**body, "stepladder": {"fields": fields}}
    )
    row = home.row(response)
    assert (row.text, dict(row.fields)) == ("Fine day", fields)
    assert [(turn.role, turn.content) for turn in row.turns] == [("user", "Rain"), ("assistant", "bad")]


async def test_a_mistake_of_ours_is_a_500_without_its_details(home, monkeypatch, caplog):
    def broken(*_):
        raise ZeroDivisionError("secret detail")

    monkeypatch.setattr(home.house.gateway.ledger, "commit", broken)
    response = await home.client.chat()
    assert (response.status, response.error["type"]) == (500, "server_error")
    assert "secret detail" not in json.dumps(response.error)
    assert "secret detail" in caplog.text
