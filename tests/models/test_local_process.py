"""llama.cpp in a process of its own: many at once, callers who leave, a process that dies, a file that is none."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from stepladder.core import (
    Question,
    RungFailed,
    UpstreamFailed,
)
from stepladder.models.local import LocalModel
from tests.models.local_asked import (
    HELLO,
    SENTIMENT,
    STORY,
    answered,
    call,
    in_module_loop,
    live,
    metric,
    pieces,
    until,
)


@pytest_asyncio.fixture(loop_scope="module")
async def narrow() -> AsyncIterator[LocalModel]:
    """One conversation at a time, none may wait."""
    opened = LocalModel.open("narrow", {"threads": 1, "parallel": 1, "queue": 0})
    yield opened
    await opened.close()


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
