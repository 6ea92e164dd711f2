"""Which rows calibrate, and what a certificate says."""

from dataclasses import replace

import pytest

from stepladder.core import Guess, Promise, Task
from stepladder.promise import LadderPromise, Scope
from stepladder.rollout import Standing, calibration_rows, certify
from stepladder.store import AuditRow, LedgerRow, Store

TASK = Task("mood", "teacher", labels=("good", "bad"), promise=Promise(0.9, 0.1, 500))
STANDING = Standing(planned=3, frozen=2, number=4, top="top-1", releases={"linear": "r-9"})


@pytest.fixture
def store():
    store = Store.open("sqlite://")
    yield store
    store.close()


def row(id, *, text="q", **more):
    return LedgerRow(
        id, 7.0, "", "mood", "teacher", text, **{"answer": "good", "top": True, "drawn": True, **more}
    )


def ids(store, standing=STANDING):
    return [found.id for found in calibration_rows(store, TASK, standing)]


def test_only_drawn_rows_after_the_freeze_calibrate_and_only_the_planned_number(store):
    store.ledger.write_many([row("1"), row("2"), row("3"), row("4", drawn=False), row("5")])
    assert ids(store) == []
    store.ledger.write_many([row("6"), row("7")])
    assert ids(store) == ["3", "5", "6"]


def test_a_drawn_low_answer_counts_once_the_top_has_answered_it_too(store):
    low = row("3", top=False, answer="bad", ladder_release="mood-1")
    store.ledger.write_many([row("1"), row("2"), low, row("4"), row("5")])
    assert ids(store) == []
    store.ledger.write_many([], [AuditRow("3", 0.0, "mood", "mood-1", "good", False)])
    assert ids(store) == ["3", "4", "5"]
    assert calibration_rows(store, TASK, STANDING)[0].top_answer == "good"


def test_what_the_dictionary_answers_is_outside_the_promise(store):
    store.entries.put("mood", "Hello", "good", "ada")
    store.entries.put("mood", "bye bye", "bad", "ada", kind="normalised")
    rows = [row("3", text="Hello"), row("4", text="Bye  bye!"), row("5", text="hello"), row("6"), row("7")]
    store.ledger.write_many([row("1"), row("2"), *rows])
    assert ids(store) == ["5", "6", "7"]
    without = replace(TASK, rungs=("linear",))
    assert [found.id for found in calibration_rows(store, without, STANDING)] == ["3", "4", "5"]


class Sure:
    """Knows its confidence from the question's number; wrong on what it is told."""

    confidence = None

    def __init__(self, name, wrong):
        self.name, self.release, self.wrong = name, "r-9", wrong

    def predict(self, questions):
        return [
            Guess(
                "bad" if question.id in self.wrong else "good", self.confidence or 1 - int(question.id) / 1000
            )
            for question in questions
        ]


def sample(store, count):
    store.ledger.write_many(row(str(i)) for i in range(count))
    return store.ledger.labelled("mood")


def test_the_threshold_lies_above_the_error_that_is_one_too_many(store):
    rows = sample(store, 400)
    promise = LadderPromise(0.9, 0.05, scope=Scope(horizon=500))
    wrong = {str(i) for i in range(200, 400)}
    found = certify(TASK, STANDING, [Sure("linear", wrong)], rows, promise)
    assert (found.id, found.number, found.top, found.rungs) == ("mood-4", 4, "top-1", {"linear": "r-9"})
    certificate = found.certificate
    assert certificate.errors == certificate.allowed_errors > 0
    assert found.thresholds["linear"] == pytest.approx(1 - (200 + certificate.errors - 0.5) / 1000)
    assert certificate.low_share == pytest.approx((200 + certificate.errors) / 400)
    assert (certificate.sample, certificate.target, certificate.risk, certificate.horizon) == (
        400,
        0.9,
        0.05,
        500,
    )


def test_a_batch_promises_over_its_rest(store):
    found = certify(
        TASK,
        STANDING,
        [Sure("linear", set())],
        sample(store, 100),
        LadderPromise(0.9, 0.05, scope=Scope(1000)),
    )
    assert found.certificate.horizon == 900


def test_nothing_is_certified_where_a_sample_is_too_small_or_every_score_is_the_same(store):
    promise = LadderPromise(0.9, 0.05, scope=Scope(horizon=500))
    rows = sample(store, 200)
    assert certify(TASK, STANDING, [Sure("linear", set())], rows[:20], promise) is None
    flat = Sure("linear", {str(i) for i in range(0, 200, 5)})
    flat.confidence = 0.8
    assert certify(TASK, STANDING, [flat], rows, promise) is None
