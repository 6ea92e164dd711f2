"""The ladder climbs from rung to rung, and says what it did."""

import asyncio
from contextlib import aclosing
from dataclasses import replace
from math import inf, nan

import pytest

from stepladder.core import (
    Answer,
    Climbed,
    Delta,
    Events,
    Floor,
    LadderExhausted,
    Question,
    Rung,
    RungFailed,
    Task,
    UpstreamFailed,
)
from stepladder.models import Belief, DictionaryRung, Entries, Ladder
from stepladder.testing import BrokenRung, EchoRung, SlowRung, SureRung, UnsureRung

TASK = Task(name="mood", top="big", labels=("good", "bad"))
QUESTION = Question(id="q1", task="mood", text="how are you")


class Tower:
    """A ladder and the events it told."""

    def __init__(self, *low, top=None, **thresholds):
        self.top = top or SureRung("top says", name="big")
        self.events = []
        listen = Events()
        listen.subscribe(self.events.append)
        self.ladder = Ladder(TASK, low, thresholds, self.top, release="mood-3", events=listen)

    async def parts(self, question=QUESTION):
        return [part async for part in self.ladder.answer(question)]

    async def climb(self, question=QUESTION):
        return await self.ladder.climb(question)


async def test_the_lowest_believed_rung_answers_and_nobody_above_is_asked():
    first, second = UnsureRung("no", 0.4, name="a"), UnsureRung("yes", 0.8, name="b", release="r2")
    tower = Tower(first, second, a=0.5, b=0.8)
    (answer,) = await tower.parts()
    assert (answer.text, answer.rung, answer.release, answer.confidence) == ("yes", "b", "r2", 0.8)
    assert tower.top.asked == []
    assert tower.events == [Climbed("mood", "a", 0.4)]


async def test_a_rung_just_below_its_threshold_is_not_believed():
    tower = Tower(UnsureRung(confidence=0.7999, name="a"), a=0.8)
    assert [part.rung for part in await tower.parts()] == ["big"]
    assert tower.top.asked == [QUESTION]


@pytest.mark.parametrize("thresholds", [{"a": inf}, {}])
async def test_an_infinite_or_missing_threshold_means_never(thresholds):
    tower = Tower(SureRung(name="a"), **thresholds)
    assert (await tower.parts())[-1].rung == "big"


async def test_a_threshold_of_zero_believes_everything():
    assert (await Tower(UnsureRung(confidence=0.0, name="a"), a=0.0).parts())[0].rung == "a"


async def test_a_confidence_that_is_no_number_is_not_believed():
    assert (await Tower(UnsureRung(confidence=nan, name="a"), a=0.0).parts())[0].rung == "big"


async def test_the_dictionary_is_believed_without_a_threshold_where_it_knows_the_question():
    words = DictionaryRung(Entries({"how are you": "good"}))
    tower = Tower(words, SureRung("bad", name="a"), a=0.5)
    assert (await tower.parts())[0] == Answer("good", 1.0, "dictionary")
    other = await tower.parts(Question(id="q2", task="mood", text="else"))
    assert other[0].rung == "a"
    assert [event.rung for event in tower.events] == ["dictionary"]


async def test_a_rung_that_fails_is_climbed_over_and_told_of():
    tower = Tower(BrokenRung(name="a"), BrokenRung(name="b", status=500), a=0.5, b=0.5)
    assert (await tower.parts())[-1].rung == "big"
    assert tower.events == [
        Climbed("mood", "a", 0.0, failed="rung_failed"),
        Climbed("mood", "b", 0.0, failed="upstream_failed"),
    ]


@pytest.mark.parametrize("where", ["low", "top"])
async def test_only_rung_failed_is_caught(where):
    broken = BrokenRung(name="a", error=ZeroDivisionError())
    tower = Tower(broken, a=0.5) if where == "low" else Tower(top=broken)
    with pytest.raises(ZeroDivisionError):
        await tower.parts()


@pytest.mark.parametrize(
    ("failure", "status", "retryable"),
    [
        (UpstreamFailed("big", "big cannot be reached."), 502, True),
        (UpstreamFailed("big", "big refuses.", upstream_status=429), 503, True),
        (UpstreamFailed("big", "big refuses.", upstream_status=400, retryable=False), 503, False),
        (RungFailed("big", "big fell asleep.", remedy="Wake it."), 502, True),
    ],
)
async def test_when_the_top_fails_the_ladder_is_exhausted_and_says_why(failure, status, retryable):
    tower = Tower(UnsureRung(name="a"), top=BrokenRung(name="big", error=failure), a=0.5)
    with pytest.raises(LadderExhausted, match=failure.message) as caught:
        await tower.parts()
    assert "'mood'" in caught.value.message
    assert (caught.value.status, caught.value.retryable) == (status, retryable)
    assert caught.value.remedy == failure.remedy
    assert tower.events[-1] == Climbed("mood", "big", 0.0, failed=failure.code)


async def test_a_top_that_is_too_slow_stays_a_504():
    slow = UpstreamFailed("big", "big is too slow.")
    slow.status = 504
    with pytest.raises(LadderExhausted) as caught:
        await Tower(top=BrokenRung(error=slow)).parts()
    assert caught.value.status == 504


async def test_the_tops_deltas_pass_as_they_come():
    parts = await Tower(UnsureRung(name="a"), top=EchoRung(name="big"), a=0.5).parts()
    assert parts[:-1] == [Delta("how "), Delta("are "), Delta("you")]
    assert parts[-1].text == "how are you"


async def test_a_top_that_breaks_in_the_middle_has_its_deltas_passed_first():
    tower, seen = Tower(top=BrokenRung(after=2)), []
    with pytest.raises(LadderExhausted):
        async for part in tower.ladder.answer(QUESTION):
            seen.append(part)
    assert seen == [Delta("word0 "), Delta("word1 ")]


async def test_the_surest_guess_of_a_learned_rung_is_remembered_when_nobody_is_believed():
    rungs = [
        DictionaryRung(Entries()),
        UnsureRung("x", 0.3, name="a"),
        UnsureRung("y", 0.6, name="b"),
        UnsureRung("z", 0.5, name="c"),
    ]
    climb = await Tower(*rungs, a=0.9, b=inf, c=0.9).climb()
    assert climb.answer is None
    assert (climb.low.text, climb.low.rung) == ("y", "b")


async def test_a_climb_that_is_believed_is_also_the_low_answer():
    climb = await Tower(UnsureRung("x", 0.3, name="a"), SureRung("y", name="b"), a=0.9, b=0.9).climb()
    assert climb.answer == climb.low
    assert climb.low.text == "y"


async def test_a_ladder_of_no_low_rungs_knows_nothing():
    climb = await Tower().climb()
    assert (climb.answer, climb.low) == (None, None)


class Watched(EchoRung):
    """Says whether its stream was closed, and when."""

    closed = 0

    async def answer(self, question):
        try:
            async with aclosing(super().answer(question)) as parts:
                async for part in parts:
                    yield part
        finally:
            self.closed += 1


async def test_closing_early_closes_the_tops_stream():
    top = Watched(name="big")
    parts = Tower(top=top).ladder.answer(QUESTION)
    assert await anext(parts) == Delta("how ")
    assert top.closed == 0
    await parts.aclose()
    assert top.closed == 1


async def test_a_low_rungs_stream_is_read_out_and_leaves_no_task():
    low = Watched(name="a")
    await Tower(low, a=0.5).parts()
    assert low.closed == 1
    assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_cancelling_reaches_the_rung_that_is_waited_for():
    low = SlowRung(SureRung(name="a"), 60)
    tower = Tower(low, a=0.5)
    asking = asyncio.create_task(tower.parts())
    await asyncio.sleep(0)
    assert low.waiting == 1
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    assert (low.waiting, low.cancelled, tower.top.asked) == (0, 1, [])


async def test_a_rung_that_says_nothing_at_all_has_failed():
    class Mute(SureRung):
        async def answer(self, question):
            for part in ():
                yield part

    tower = Tower(Mute(name="a"), a=0.5)
    assert (await tower.parts())[-1].rung == "big"
    assert tower.events == [Climbed("mood", "a", 0.0, failed="rung_failed")]


def test_a_ladder_is_itself_a_rung():
    ladder = Tower().ladder
    assert isinstance(ladder, Rung)
    assert (ladder.name, ladder.release) == ("ladder", "mood-3")


async def test_floors_by_label_and_by_tenant_are_asked_for_beside_the_threshold():
    floors = [Floor("a", 0.9, 0.97, label="good"), Floor("a", None, 0.9, tenant="acme")]
    belief = Belief({"a": 0.5}, floors)
    for said, tenant, answered in [
        ("bad", "", "a"),
        ("good", "", "big"),
        ("bad", "acme", "big"),
        ("bad", "other", "a"),
    ]:
        rung = UnsureRung(said, 0.8, name="a")
        ladder = Ladder(TASK, [rung], belief, SureRung("top", name="big"), release="r", events=Events())
        (part,) = [part async for part in ladder.answer(replace(QUESTION, tenant=tenant))]
        assert part.rung == answered
