"""Story one: what a client has had whole is in the ledger, and every way out leaves a row."""

import asyncio
from contextlib import aclosing
from dataclasses import replace

import pytest

from stepladder.core import (
    Answer,
    Answered,
    Audited,
    BadRequest,
    Delta,
    LadderExhausted,
    LedgerUnavailable,
    Mode,
    Rollout,
    UnknownModel,
    UpstreamFailed,
)
from stepladder.models import DictionaryRung, Entries
from tests.gateway.place import TASK, Passing, Saying


async def test_the_row_is_committed_before_the_last_part(place):
    it = place(top=Saying("big", "good", bits=("go", "od")))
    entry = it.admit(stream=True)
    parts = []
    async for part in it.gateway.answer(entry):
        parts.append(part)
        assert (it.row(entry) is not None) == isinstance(part, Answer)
    assert [type(part) for part in parts] == [Delta, Delta, Answer]
    row = it.row(entry)
    assert (row.text, row.answer, row.rung, row.status, row.stream) == ("Fine day", "good", "big", "ok", True)
    assert (row.tenant, row.config_hash, row.cost, row.prompt_tokens) == ("ann", "c1", 0.25, 3)
    assert row.top and row.drawn


async def test_a_plain_model_is_held_back_from_its_last_piece_on(place):
    it = place()
    entry = it.admit(model="big", text="hi", stream=True, seed=7)
    parts = []
    async for part in it.gateway.answer(entry):
        parts.append(part.data)
        assert (it.row(entry) is not None) == (part.data in (b"3", b""))
    assert parts == [b"1", b"2", b"3", b""]
    row = it.row(entry)
    assert (row.task, row.model, row.text, row.answer) == ("", "big", "hi", "hello")
    assert (row.prompt_tokens, row.completion_tokens, row.cost) == (4, 2, 2.0)
    assert not row.drawn


async def test_unknown_fields_reach_the_plain_model_as_they_came_and_ours_does_not(place):
    model = Passing()
    it = place(model=model)
    await it.ask(model="big", text="hi", odd={"a": [1.50]}, stepladder={"conversation": "c"})
    assert bytes(model.calls[0].body["odd"]) == b'{"a":[1.5]}'
    assert "stepladder" not in model.calls[0].body


@pytest.mark.parametrize("model", ["mood", "big"])
async def test_a_client_that_leaves_leaves_a_partial_row_and_frees_the_rung(place, model):
    top = Saying("big", "good", bits=("he", "llo"), pause=0.01)
    it = place(top=top)
    entry = it.admit(model=model, stream=True)
    async with aclosing(it.gateway.answer(entry)) as parts:
        await anext(parts)
    row = it.row(entry)
    assert (row.status, row.answer) == ("partial", "he")
    if model == "mood":
        await asyncio.sleep(0)
        assert top.cancelled


async def test_a_cancelled_question_is_recorded_as_partial(place):
    it = place(top=Saying("big", "good", pause=30))
    entry = it.admit()

    async def ask():
        async for _ in it.gateway.answer(entry):
            pass

    asking = asyncio.create_task(ask())
    await asyncio.sleep(0.05)
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    assert it.row(entry).status == "partial"


async def test_a_failure_is_recorded_as_failed_with_its_code(place):
    it = place(top=Saying("big", "good", fails=9))
    entry = it.admit()
    with pytest.raises(LadderExhausted):
        async for _ in it.gateway.answer(entry):
            pass
    assert (it.row(entry).status, it.row(entry).error) == ("failed", "ladder_exhausted")
    assert [event.status for event in it.seen if isinstance(event, Answered)] == ["failed"]


async def test_a_stream_that_breaks_off_upstream_is_failed_with_what_it_said(place):
    it = place(model=Passing(breaks=True))
    entry = it.admit(model="big", stream=True)
    with pytest.raises(UpstreamFailed):
        async for _ in it.gateway.answer(entry):
            pass
    assert (it.row(entry).status, it.row(entry).answer) == ("failed", "he")


@pytest.mark.parametrize("model", ["mood", "big"])
async def test_a_ledger_that_cannot_be_written_withholds_the_answer(place, model):
    it = place()
    it.store.ledger.close()
    entry = it.admit(model=model)
    parts = []
    with pytest.raises(LedgerUnavailable):
        async for part in it.gateway.answer(entry):
            parts.append(part)
    assert not any(isinstance(part, Answer) or getattr(part, "last", False) for part in parts)
    assert [event.status for event in it.seen if isinstance(event, Answered)] == ["withheld"]


async def test_a_sure_low_rung_answers_and_an_unsure_one_climbs(place):
    sure = place(
        low=Saying("linear", "bad", 0.9), task=replace(TASK, flywheel=replace(TASK.flywheel, audit=0.0))
    )
    entry, parts = await sure.ask()
    assert (parts[-1].text, sure.top.asked) == ("bad", 0)
    row = sure.row(entry)
    assert (row.rung, row.ladder_release, row.top, row.drawn) == ("linear", "r1", False, False)
    unsure = place(low=Saying("linear", "bad", 0.7))
    entry, parts = await unsure.ask()
    row = unsure.row(entry)
    assert (row.answer, row.rung, row.top) == ("good", "big", True)
    assert (row.low_answer, row.low_rung, row.low_confidence, row.ladder_release) == (
        "bad",
        "linear",
        0.7,
        "r1",
    )


async def test_a_drawn_low_answer_is_put_to_the_top_and_retried_once(place):
    task = replace(TASK, flywheel=replace(TASK.flywheel, audit=1.0))
    it = place(low=Saying("linear", "bad", 0.9), top=Saying("big", "good", fails=1), task=task)
    _entry, parts = await it.ask()
    assert parts[-1].text == "bad"
    await it.audits_done()
    assert it.auditor.counts.done == 1
    outcome = it.store.ledger.outcomes("mood", "r1")
    assert [(seen.low, seen.agreed) for seen in outcome] == [(True, False)]
    assert [event.agreed for event in it.seen if isinstance(event, Audited)] == [False]


async def test_an_audit_that_fails_twice_is_counted_and_says_nothing(place):
    task = replace(TASK, flywheel=replace(TASK.flywheel, audit=1.0))
    it = place(low=Saying("linear", "bad", 0.9), top=Saying("big", "good", fails=9), task=task)
    await it.ask()
    await it.audits_done()
    assert (it.auditor.counts.done, it.auditor.counts.failed) == (0, 1)
    assert it.store.ledger.outcomes("mood", "r1") == []


async def test_a_rollout_can_draw_more_than_the_task_does(place):
    task = replace(TASK, flywheel=replace(TASK.flywheel, audit=0.0))
    it = place(low=Saying("linear", "bad", 0.9), task=task, rollout=Rollout("mood", live="r1", draw=1.0))
    entry, _ = await it.ask()
    assert it.row(entry).drawn
    await it.audits_done()


async def test_the_dictionary_is_the_owners_word_and_is_never_drawn(place):
    task = replace(TASK, flywheel=replace(TASK.flywheel, audit=1.0))
    it = place(low=DictionaryRung(Entries({"Fine day": "bad"})), task=task)
    entry, _ = await it.ask()
    await it.audits_done()
    assert (it.row(entry).rung, it.row(entry).drawn, it.top.asked) == ("dictionary", False, 0)


async def test_observe_lets_the_top_answer_and_writes_down_what_the_ladder_would_have_said(place):
    it = place(low=Saying("linear", "bad", 0.9), task=replace(TASK, mode=Mode.OBSERVE))
    entry, parts = await it.ask()
    row = it.row(entry)
    assert (parts[-1].text, row.top, row.drawn) == ("good", True, True)
    assert (row.low_answer, row.low_confidence, row.ladder_release) == ("bad", 0.9, "")


async def test_the_kill_switch_and_force_top_leave_the_ladder_out(place):
    killed = place(low=Saying("linear", "bad", 0.9), task=replace(TASK, mode=Mode.TOP))
    entry, parts = await killed.ask()
    assert (parts[-1].text, killed.low.asked, killed.row(entry).drawn) == ("good", 0, True)
    forced = place(low=Saying("linear", "bad", 0.9))
    entry, parts = await forced.ask(stepladder={"force": "top"})
    assert (parts[-1].text, forced.low.asked, forced.row(entry).drawn) == ("good", 0, False)


async def test_a_candidate_gets_its_share_and_a_conversation_stays_with_it(place):
    it = place(low=Saying("linear", "bad", 0.9), rollout=Rollout("mood", candidate="r1", share=0.3))
    said = {}
    for number in range(200):
        _, parts = await it.ask(stepladder={"conversation": f"c{number}"})
        said[number] = parts[-1].text
    assert 30 < sum(text == "bad" for text in said.values()) < 95
    for number in range(20):
        _, parts = await it.ask(stepladder={"conversation": f"c{number}"})
        assert parts[-1].text == said[number]
    await it.audits_done()


async def test_a_confidential_question_never_goes_where_it_might_leave_the_machine(place):
    it = place(low=Saying("linear", "bad", 0.9))
    with pytest.raises(BadRequest) as caught:
        it.admit(stepladder={"confidential": True})
    assert caught.value.param == "stepladder.confidential"


async def test_an_unknown_model_is_named_and_the_known_ones_are_listed(place):
    with pytest.raises(UnknownModel) as caught:
        place().admit(model="moood")
    assert "mood, big" in str(caught.value)


async def test_overhead_leaves_out_the_rung_and_the_clients_reading(place):
    it = place(top=Saying("big", "good", bits=("a", "b"), pause=0.05))
    entry = it.admit(stream=True)
    async for _ in it.gateway.answer(entry):
        await asyncio.sleep(0.05)
    row = it.row(entry)
    assert row.latency_ms > 200
    assert row.overhead_ms < row.latency_ms / 4
