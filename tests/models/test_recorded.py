"""Recorded answers: looked up, priced, delayed, and never passed off as a model that ran."""

import asyncio
import gzip
import json

import pytest

from stepladder.core import BadRequest, ChatCall, ConfigError, Question, RungFailed, Task, Usage
from stepladder.models import RecordedModel
from stepladder.models.estimate import estimate_tokens

TASK = Task(name="mood", top="taped", prompt="Good or bad?", labels=("good", "bad"))


def tape(folder, *rows, name="answers.jsonl", **settings):
    path = folder / name
    data = b"".join(row if isinstance(row, bytes) else json.dumps(row).encode() + b"\n" for row in rows)
    path.write_bytes(gzip.compress(data) if name.endswith(".gz") else data)
    return RecordedModel.open("taped", {"path": str(path), **settings})


def row(text, answer):
    return {"input": text, "answer": answer}


async def ask(model, text, task=TASK):
    (answer,) = [part async for part in model.rung(task).answer(Question("q", "mood", text))]
    return answer


async def chat(model, text, **more):
    messages = [{"role": "user", "content": text}]
    call = ChatCall("q1", {"messages": json.dumps(messages).encode()}, **{"stream": False, **more})
    return [piece async for piece in model.chat(call)]


async def test_a_rung_answers_from_the_file_and_says_that_it_is_recorded(tmp_path):
    answer = await ask(tape(tmp_path, row("很好吃", "Good"), row("cold", "bad")), "很好吃")
    assert (answer.text, answer.confidence, answer.rung, answer.source) == ("good", 1.0, "taped", "recorded")


async def test_it_costs_what_asking_a_model_this_way_would(tmp_path):
    model = tape(tmp_path, row("cold", "bad"), price_in=2.0, price_out=10.0)
    answer = await ask(model, "cold")
    assert answer.usage.completion_tokens == 1
    assert answer.usage.prompt_tokens > estimate_tokens("Good or bad?") + estimate_tokens("cold")
    assert answer.cost == model.cost(answer.usage)
    assert model.cost(Usage(1_000_000, 100_000)) == pytest.approx(3.0)


@pytest.mark.parametrize(
    ("text", "tokens"), [("", 0), ("a", 1), ("abcd", 1), ("abcde", 2), ("好吃", 2), ("好吃abcd", 3)]
)
def test_tokens_are_estimated(text, tokens):
    assert estimate_tokens(text) == tokens


async def test_it_takes_its_declared_time(tmp_path, monkeypatch):
    waits = []

    async def sleep(seconds):
        waits.append(seconds)

    model = tape(tmp_path, row("cold", "bad"), delay_ms=400)
    monkeypatch.setattr(asyncio, "sleep", sleep)
    await ask(model, "cold")
    await chat(model, "cold")
    with pytest.raises(RungFailed):
        await ask(model, "unknown")
    assert waits == [0.4, 0.4, 0.4]


async def test_the_delay_is_in_the_latency(tmp_path):
    assert (await ask(tape(tmp_path, row("cold", "bad"), delay_ms=20), "cold")).latency_ms >= 19


@pytest.mark.parametrize("text", ["Cold", "cold ", "", "nothing of the kind"])
async def test_an_input_that_is_not_in_the_file_is_a_failure(tmp_path, text):
    with pytest.raises(RungFailed, match="no recorded answer") as caught:
        await ask(tape(tmp_path, row("cold", "bad")), text)
    assert not caught.value.retryable
    assert "nothing of the kind" not in str(caught.value)


async def test_an_answer_outside_the_contract_is_a_failure(tmp_path):
    with pytest.raises(RungFailed, match="outside the label set"):
        await ask(tape(tmp_path, row("cold", "chilly")), "cold")


async def test_a_plain_chat_says_that_it_is_recorded(tmp_path):
    (piece,) = await chat(tape(tmp_path, row("hi", "hello there")), "hi")
    body = json.loads(piece.data)
    assert body["choices"][0]["message"]["content"] == piece.text == "hello there"
    assert (body["model"], body["system_fingerprint"]) == ("taped", "recorded")
    assert body["usage"] == {"prompt_tokens": 1, "completion_tokens": 3, "total_tokens": 4}
    assert (piece.last, piece.usage, piece.finish_reason) == (True, Usage(1, 3), "stop")


@pytest.mark.parametrize("wanted", [True, False])
async def test_and_so_does_every_chunk_of_a_stream(tmp_path, wanted):
    pieces = await chat(tape(tmp_path, row("hi", "你好")), "hi", stream=True, wants_usage=wanted)
    data = b"".join(piece.data for piece in pieces)
    chunks = [json.loads(line[6:]) for line in data.decode().splitlines() if line]
    assert all(chunk["system_fingerprint"] == "recorded" for chunk in chunks)
    deltas = [chunk["choices"][0]["delta"] for chunk in chunks if chunk["choices"]]
    assert deltas == [{"role": "assistant", "content": ""}, {"content": "你好"}, {}]
    assert [chunk["usage"]["total_tokens"] for chunk in chunks if "usage" in chunk] == ([3] if wanted else [])


async def test_the_last_user_message_is_looked_up_whatever_stands_around_it(tmp_path):
    model = tape(tmp_path, row("hi there", "hello"))
    parts = [
        {"type": "text", "text": "hi "},
        {"type": "image_url"},
        {"type": "text", "text": "there"},
        {"text": None},
    ]
    messages = [
        {"role": "user", "content": "before"},
        {"role": "user", "content": parts},
        {"role": "assistant", "content": None},
    ]
    call = ChatCall("q", {"messages": json.dumps(messages).encode()}, False)
    assert [piece.text async for piece in model.chat(call)] == ["hello"]


@pytest.mark.parametrize(
    "messages", [b"[]", b'"hi"', b"[1]", b'[{"role":"system","content":"hi"}]', b"{", b'["\xff"]']
)
async def test_messages_that_cannot_be_read_are_the_callers_mistake(tmp_path, messages):
    model = tape(tmp_path, row("hi", "hello"))
    with pytest.raises(BadRequest) as caught:
        [piece async for piece in model.chat(ChatCall("q", {"messages": messages}, False))]
    assert caught.value.param == "messages"


async def test_fields_can_be_named_and_gz_is_read(tmp_path):
    rows = [{"text": "cold", "gpt": "bad", "gold": 1}, b"\n", {"text": "warm", "gpt": "good"}]
    model = tape(tmp_path, *rows, name="a.jsonl.gz", input="text", answer="gpt")
    assert (await ask(model, "warm")).text == "good"


async def test_an_answer_that_is_no_text_is_said_as_json(tmp_path):
    model = tape(tmp_path, row("cold", {"n": [1, "好"]}))
    (piece,) = await chat(model, "cold")
    assert piece.text == '{"n":[1,"好"]}'
    assert (await ask(model, "cold", Task(name="t", top="x", schema={"type": "object"}))).text == piece.text


@pytest.mark.parametrize(
    "broken",
    [b"not json\n", b'{"input":"x"}\n', b"[1]\n", b'{"input":"\xff","answer":"y"}\n', b'{"input":3,"answer":"y"}\n',
     b'{"input":"x","answer":null}\n', b'{"input":"x","answer":' + b"[" * 9000 + b"\n"],
)  # fmt: skip
def test_a_broken_line_is_named_by_its_number_and_not_quoted(tmp_path, broken):
    with pytest.raises(ConfigError, match="line 3 of ") as caught:
        tape(tmp_path, row("a", "b"), b"\n", broken, row("c", "d"))
    assert caught.value.param == "models.taped.path"
    assert "'input'" in caught.value.message
    assert "not json" not in str(caught.value)


def test_a_file_that_cannot_be_used_is_named(tmp_path):
    with pytest.raises(ConfigError, match=r"none\.jsonl: No such file") as caught:
        RecordedModel.open("taped", {"path": str(tmp_path / "none.jsonl")})
    assert caught.value.remedy
    with pytest.raises(ConfigError, match="holds no rows"):
        tape(tmp_path, b"\n\n")
    (tmp_path / "plain.gz").write_bytes(b"no gzip at all")
    (tmp_path / "half.gz").write_bytes(gzip.compress(b"x" * 100_000)[:-20])
    (tmp_path / "odd.gz").write_bytes(gzip.compress(b"")[:10] + b"\xff" * 50)
    for name in ("plain.gz", "half.gz", "odd.gz"):
        with pytest.raises(ConfigError, match="cannot read"):
            RecordedModel.open("taped", {"path": str(tmp_path / name)})


def test_a_mistyped_setting_is_named():
    with pytest.raises(ConfigError, match=r"models\.taped\.delay") as caught:
        RecordedModel.open("taped", {"path": "x", "delay": 400})
    assert "'delay_ms'" in caught.value.remedy
