"""A chat upstream over real HTTP on loopback: what each misbehaviour becomes."""

import socket

import pytest

from stepladder.core import UpstreamFailed
from stepladder.models import ChatModel
from tests.models.chat_asked import call, failure, model_of, pieces
from tests.models.upstream_double import DONE, chunk_event, completion, said


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize(
    ("status", "retryable", "ours"),
    [
        (429, True, 429),
        (500, True, 502),
        (503, True, 502),
        (400, False, 400),
        (404, False, 404),
        (307, False, 502),
    ],
)
async def test_a_refusal_says_its_status_and_the_upstreams_words(stream, status, retryable, ours):
    async def behave(asked):
        await asked.say({"error": {"message": "Slow down, please."}}, status, Location="http://127.0.0.1:1/")

    error = await failure(behave, stream=stream)
    assert str(status) in error.message
    assert error.remedy == "It said: Slow down, please."
    assert (error.retryable, error.status, error.upstream_status) == (retryable, ours, status)


@pytest.mark.parametrize(
    "body", [b"<html>busy</html>", b"\xff\xfe", b"[]", b"", b'{"error":{"message":7}}', b"[" * 60000]
)
async def test_a_refusal_without_words_is_still_told(body):
    error = await failure(lambda asked: asked.say(body, 503, kind="text/html"), stream=False)
    assert "503" in error.message
    assert error.remedy == ""


@pytest.mark.parametrize("status", [400, 401, 403, 429, 500, 200])
@pytest.mark.parametrize("quoted", ["sk-secret-123456", "sk-secre***456", "Bearer sk-secret-123456"])
async def test_no_error_ever_holds_the_key(monkeypatch, status, quoted):
    monkeypatch.setenv("BIG_KEY", "sk-secret-123456")

    async def behave(asked):
        assert asked.headers["Authorization"] == "Bearer sk-secret-123456"
        await asked.say({"error": {"message": f"Incorrect API key provided: {quoted}."}}, status)

    error = await failure(behave, stream=False, api_key="env:BIG_KEY")
    assert "sk-secre" not in f"{error} {error.remedy} {error!r} {error.__cause__!r}"
    if status in (401, 403):
        assert "models.big.api_key" in error.remedy
        assert (error.status, error.retryable) == (502, False)


@pytest.mark.parametrize(
    "body",
    [
        b"<html>hello</html>",
        b"",
        b'{"choices": "many"}',
        b'"hi"',
        b'{"choices":[{"message":{"content":"\xff"}}]}',
        b"{" * 9,
    ],
)
async def test_an_answer_that_is_no_completion(body):
    error = await failure(lambda asked: asked.say(body), stream=False)
    assert "no chat completion" in error.message
    assert (error.status, error.retryable) == (502, True)


async def test_an_answer_without_choices():
    assert "without choices" in (await failure(lambda asked: asked.say({"ok": True}), stream=False)).message


async def test_a_plain_answer_where_a_stream_was_asked_for():
    error = await failure(lambda asked: asked.say(completion("hi")), stream=True)
    assert "did not answer with a stream" in error.message
    assert "application/json" in error.remedy


@pytest.mark.parametrize("stream", [True, False])
async def test_an_error_inside_an_answer(stream):
    wrong = {"error": {"message": "The engine is overloaded."}}

    async def behave(asked):
        await (asked.stream(said("hi"), wrong) if stream else asked.say(wrong))

    error = await failure(behave, stream=stream)
    assert "reported an error" in error.message
    assert error.remedy == "It said: The engine is overloaded."


@pytest.mark.parametrize("done", [True, False])
async def test_a_stream_that_ends_without_a_finish(done):
    error = await failure(lambda asked: asked.stream(said("hi"), *([DONE] if done else [])), stream=True)
    assert "broke off" in error.message


async def test_a_stream_whose_connection_breaks():
    async def behave(asked):
        await asked.head()
        await asked.chunk(chunk_event(said("hi")))
        asked.cut()

    assert "broke off" in (await failure(behave, stream=True)).message


async def test_what_breaks_behind_the_finish_takes_nothing_away():
    async def behave(asked):
        await asked.head()
        await asked.chunk(chunk_event(said("hi", "stop")))
        asked.cut()

    async with model_of(behave) as (model, _):
        assert [piece.last for piece in await pieces(model, call(stream=True))] == [True, False]


@pytest.mark.parametrize(
    "event",
    [
        b"data: hello\n\n",
        b'data: {"choices":[{"delta":{"content":"\xff"}}]}\n\n',
        b"data: [1]\n\n",
        b"data: {\n\n",
    ],
)
async def test_an_event_that_is_no_chunk(event):
    assert "no chat completion" in (await failure(lambda asked: asked.stream(event), stream=True)).message


async def test_an_endless_event():
    async def behave(asked):
        await asked.head()
        await asked.chunk(b"data: ")
        for _ in range(160):
            await asked.chunk(b"x" * 65536)
        await asked.gone()

    assert "endless event" in (await failure(behave, stream=True)).message


async def test_an_endless_answer(monkeypatch):
    monkeypatch.setattr("stepladder.models.chat._MOST_BYTES", 1 << 20)

    async def behave(asked):
        await asked.head(kind="application/json")
        while not asked.writer.is_closing():
            await asked.chunk(b" " * 65536)

    assert "too many bytes" in (await failure(behave, stream=False)).message


async def test_nobody_listens():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        model = ChatModel.open(
            "big", {"base_url": f"http://127.0.0.1:{taken.getsockname()[1]}", "model": "m", "retries": 1}
        )
        with pytest.raises(UpstreamFailed, match="cannot be reached") as caught:
            await pieces(model, call())
        await model.close()
    assert (caught.value.status, caught.value.retryable) == (502, True)
    assert "models.big.base_url" in caught.value.remedy


async def test_a_server_that_hangs_up_at_once():
    async def behave(asked):
        asked.cut()

    assert "broke off" in (await failure(behave, stream=False)).message
