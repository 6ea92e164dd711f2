"""Each double behaves in its one known way."""

import asyncio
import subprocess
import sys

import pytest

from stepladder.core import (
    Answer,
    ChatCall,
    Clock,
    Delta,
    Guess,
    Learned,
    Model,
    ModelOpener,
    Question,
    Rung,
    RungFailed,
    Task,
    UpstreamFailed,
    Usage,
)
from stepladder.testing import BrokenRung, EchoModel, EchoRung, FakeClock, SlowRung, SureRung, UnsureRung

QUESTION = Question("q1", "mood", "how are  you")


async def parts(rung):
    return [part async for part in rung.answer(QUESTION)]


def test_they_keep_the_protocols():
    for rung in (EchoRung(), SureRung(), UnsureRung(), BrokenRung(), SlowRung(EchoRung(), 0)):
        assert isinstance(rung, Rung)
    assert isinstance(SureRung(), Learned)
    model: Model = EchoModel()
    opener: type[ModelOpener] = EchoModel
    clock: Clock = FakeClock()
    assert model.rung(Task("t", "top")).name == model.name == "echo"
    assert opener.open("m", {"price": 2.0}).cost(Usage(1, 2)) == 6.0
    assert clock.monotonic() == 0


def test_the_clock_goes_on_when_told_and_never_back():
    clock = FakeClock(100.0)
    clock.advance(2.5)
    assert (clock.time(), clock.monotonic()) == (102.5, 2.5)
    with pytest.raises(ValueError, match="back"):
        clock.advance(-1)
    assert clock.time() == 102.5


async def test_echo_says_the_question_back():
    *deltas, answer = await parts(EchoRung(name="e", release="r1"))
    assert deltas == [Delta("how "), Delta("are "), Delta(" "), Delta("you")]
    assert (answer.text, answer.confidence, answer.rung, answer.release) == (QUESTION.text, 1.0, "e", "r1")
    assert len(await parts(EchoRung(stream=False))) == 1


async def test_sure_and_unsure():
    sure, unsure = SureRung("yes", release="r1"), UnsureRung("hm", 0.3)
    assert await parts(sure) == [Answer("yes", 1.0, "sure", "r1")]
    assert await parts(unsure) == [Answer("hm", 0.3, "unsure")]
    assert unsure.predict([QUESTION, QUESTION]) == [Guess("hm", 0.3)] * 2
    assert sure.asked == [QUESTION]


async def test_broken_breaks_as_told():
    rung = BrokenRung(after=2)
    seen = []
    with pytest.raises(RungFailed):
        async for part in rung.answer(QUESTION):
            seen.append(part)
    assert (seen, rung.asked) == ([Delta("word0 "), Delta("word1 ")], 1)
    with pytest.raises(UpstreamFailed) as caught:
        await parts(BrokenRung(status=503))
    assert caught.value.upstream_status == 503
    with pytest.raises(KeyError):
        await parts(BrokenRung(error=KeyError()))


async def test_slow_waits_and_counts():
    rung = SlowRung(SureRung("yes"), 0.001)
    assert [part.text for part in await parts(rung)] == ["yes"]
    rung = SlowRung(SureRung(), 60)
    asking = asyncio.create_task(parts(rung))
    await asyncio.sleep(0)
    assert rung.waiting == 1
    asking.cancel()
    await asyncio.wait([asking])
    assert (rung.waiting, rung.cancelled) == (0, 1)


async def test_the_echo_model_keeps_its_calls():
    model = EchoModel("e")
    call = ChatCall("q1", {"messages": b'[{"role":"user","content":"a b"}]'}, True, wants_usage=True)
    pieces = [piece async for piece in model.chat(call)]
    assert [piece.text for piece in pieces] == ["a ", "b", ""]
    assert pieces[-1].usage == Usage(2, 2)
    assert model.calls == [call]
    await model.close()
    assert model.closed == 1


def test_the_doubles_and_suites_need_neither_pytest_nor_any_room_above_core():
    script = (
        "import sys, stepladder.testing, stepladder.testing.contracts\n"
        "rooms = {name.split('.')[1] for name in sys.modules if name.startswith('stepladder.')}\n"
        "assert rooms == {'core', 'testing'}, rooms\n"
        "assert 'pytest' not in sys.modules and 'numpy' not in sys.modules"
    )
    subprocess.run(
        [sys.executable, "-c", script], check=True, env={"PYTHONPATH": ":".join(filter(None, sys.path))}
    )
