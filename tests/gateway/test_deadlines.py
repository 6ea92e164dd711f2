"""Deadlines: kept, or the surest low answer, or none."""

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from stepladder.core import (
    DeadlineMissed,
    Part,
    Question,
    Turning,
)
from tests.gateway.place import TASK, Saying


async def test_a_deadline_is_kept_or_the_question_fails(place):
    slow = place(top=Saying("big", "good", pause=5))
    entry = slow.admit(stepladder={"deadline_ms": 30})
    with pytest.raises(DeadlineMissed):
        async for _ in slow.gateway.answer(entry):
            pass
    assert slow.top.cancelled
    assert slow.row(entry).error == "deadline_missed"
    quick = place()
    _, parts = await quick.ask(stepladder={"deadline_ms": 5000})
    assert parts[-1].text == "good"


class SlowFirst(Saying):
    """A top that takes its time with the first question, and answers an audit at once."""

    async def answer(self, question: Question) -> AsyncIterator[Part]:
        self.pause = 0.0 if self.asked else 5.0
        async for part in super().answer(question):
            yield part


AUDITED = replace(TASK, flywheel=Turning(audit=1.0))


async def test_a_deadline_gives_the_best_low_answer_marked_and_counted(place):
    it = place(top=SlowFirst("big", "good"), low=Saying("linear", "bad", 0.3), task=AUDITED)
    entry = it.admit(stepladder={"deadline_ms": 60})
    parts = [part async for part in it.gateway.answer(entry)]
    assert [(part.text, part.rung, part.below_promise) for part in parts] == [("bad", "linear", True)]
    assert it.top.cancelled
    row = it.row(entry)
    assert (row.status, row.error, row.rung, row.top, row.ladder_release) == (
        "ok",
        "below_promise",
        "linear",
        False,
        "r1",
    )
    assert row.drawn and row.prompt_tokens > 0  # the top had read it
    await it.audits_done()
    (outcome,) = it.store.ledger.outcomes("mood", "r1")
    assert (outcome.low, outcome.agreed, outcome.confidence) == (True, False, 0.3)
    found = it.store.ledger.summary("mood")
    assert (found.top_calls, found.agreement) == (2, 0.0)  # the one in vain, and the audit


async def test_words_that_are_out_cannot_be_replaced_at_the_deadline(place):
    it = place(top=Saying("big", "good", bits=("go", "od"), pause=5), low=Saying("linear", "bad", 0.3))
    entry = it.admit(stream=True, stepladder={"deadline_ms": 60})
    with pytest.raises(DeadlineMissed):
        async for _ in it.gateway.answer(entry):
            pass
    assert it.row(entry).status == "failed"


async def test_a_task_may_carry_the_deadline_and_a_late_answer_is_not_kept(place):
    task = replace(TASK, deadline_ms=60, cache_seconds=60)
    it = place(top=SlowFirst("big", "good"), low=Saying("linear", "bad", 0.3), task=task)
    _, first = await it.ask()
    _, second = await it.ask()
    assert [first[-1].text, second[-1].text] == ["bad", "good"]
    assert not second[-1].below_promise
