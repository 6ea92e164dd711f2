"""Which rows calibrate, and what a certificate says."""

from dataclasses import replace
from math import inf

import pytest

from stepladder.core import ConfigError, Floor, Floors, Guess, Promise, PromiseKind, Task
from stepladder.models import Belief
from stepladder.promise import LadderPromise, Scope
from stepladder.rollout import Standing, calibration_rows, certify, wait_for_calibration
from stepladder.store import AuditRow, FeedbackRow, LedgerRow, Store

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


def sample_of(store, truths, **more):
    """Rows whose top answers are given, by id."""
    store.ledger.write_many(row(str(i), answer=truth, **more) for i, truth in enumerate(truths))
    return store.ledger.labelled("mood")


def promising(kind, **floors):
    positive = None if kind in ("agreement", "error") else "bad"
    return replace(TASK, promise=Promise(0.9, 0.1, 500, PromiseKind(kind), positive, Floors(**floors)))


LONG_RUN = LadderPromise(0.9, 0.1)


def test_recall_believes_the_others_and_lets_the_positives_climb(store):
    truths = ["bad" if i % 4 == 0 else "good" for i in range(400)]
    missed = {i for i in range(0, 400, 4) if i >= 300}  # said to be good, at low confidence
    said_bad = {str(i) for i in range(0, 400, 4) if i not in missed}
    task = promising("recall")
    found = certify(task, STANDING, [Sure("linear", said_bad)], sample_of(store, truths), LONG_RUN)
    certificate = found.certificate
    assert (certificate.spoken_of, certificate.horizon, certificate.positive) == (100, 0, "bad")
    assert certificate.errors == certificate.allowed_errors > 0
    assert certificate.floors == (Floor("linear", None, 1.0, label="bad"),)
    assert certificate.low_share < 0.75  # no positive is answered low
    belief = Belief.of(found)
    assert belief.needed("linear", "bad", "") == inf > belief.needed("linear", "good", "")


def test_precision_believes_the_positives_alone(store):
    truths = ["bad" if i % 2 else "good" for i in range(400)]
    said_bad = {str(i) for i in range(400) if i % 2} | {"200", "202", "204", "398"}
    task = promising("precision")
    found = certify(task, STANDING, [Sure("linear", said_bad)], sample_of(store, truths), LONG_RUN)
    assert Belief.of(found).needed("linear", "good", "") == inf
    assert found.certificate.low_share == pytest.approx(204 / 400)
    assert found.certificate.errors == 4


def test_error_is_measured_by_trusted_labels_which_every_drawn_row_needs(store):
    task = promising("error")
    rows = sample_of(store, ["good"] * 60)
    standing = replace(STANDING, planned=60, frozen=0)
    assert calibration_rows(store, task, standing) == []
    labels = [FeedbackRow(found.id, 1.0, "", answer="bad") for found in rows]
    store.ledger.write_many([], [], labels[:-1])
    assert calibration_rows(store, task, standing) == []
    assert wait_for_calibration(store, task, standing).done == 59
    store.ledger.write_many([], [], labels[-1:])
    rows = calibration_rows(store, task, standing)
    tops_own = certify(task, standing, [Sure("linear", set())], rows, LONG_RUN)  # and wrong
    assert tops_own.certificate.errors == tops_own.certificate.allowed_errors == 2
    assert tops_own.certificate.low_share == pytest.approx(2 / 60)
    found = certify(task, standing, [Sure("linear", {str(i) for i in range(60)})], rows, LONG_RUN)
    assert (found.certificate.kind, found.certificate.low_share) == (PromiseKind.ERROR, 1.0)


def test_a_label_and_a_tenant_without_evidence_for_their_floor_climb(store):
    truths = ["bad" if i % 20 == 0 else "good" for i in range(400)]  # twenty bad ones prove no 0.9
    rows = sample_of(store, truths[:390]) + sample_of_tenant(store, "acme", 10)
    said_bad = {str(i) for i in range(0, 400, 20)}
    task = promising("agreement", every_label=0.9, tenants={"acme": 0.9})
    found = certify(task, STANDING, [Sure("linear", said_bad)], rows, LadderPromise(0.9, 0.1))
    belief = Belief.of(found)
    assert belief.needed("linear", "bad", "") == inf
    assert belief.needed("linear", "good", "acme") == inf
    assert belief.needed("linear", "good", "") < 1
    assert [floor.sample for floor in found.certificate.floors] == [380, 20, 10]
    assert found.certificate.low_share == pytest.approx(370 / 400)
    assert 0.8 < found.certificate.coverage < 370 / 400


def sample_of_tenant(store, tenant, count):
    after = store.ledger.last_seq()
    store.ledger.write_many(replace(row(str(after + i)), tenant=tenant) for i in range(count))
    return store.ledger.labelled("mood", after=after)


def test_floors_ask_for_more_than_the_promise_and_never_for_less(store):
    truths = ["good" if i % 2 else "bad" for i in range(600)]
    wrong = set(range(200, 600, 5))
    said_bad = {str(i) for i in range(600) if (truths[i] == "bad") != (i in wrong)}
    rows = sample_of(store, truths)
    loose = certify(promising("agreement"), STANDING, [Sure("linear", said_bad)], rows, LONG_RUN)
    task = promising("agreement", every_label=0.97)
    strict = certify(task, STANDING, [Sure("linear", said_bad)], rows, LONG_RUN)
    assert strict.thresholds == loose.thresholds
    assert strict.certificate.low_share < loose.certificate.low_share
    for answer in ("good", "bad"):
        assert Belief.of(strict).needed("linear", answer, "") > loose.thresholds["linear"]


def test_without_a_top_in_service_the_promise_is_over_the_low_answers_alone(store):
    wrong = {str(i) for i in range(0, 600, 9)}  # one in nine wrong at every confidence: 0.9 cannot be kept
    offline = replace(TASK, top="offline", labeller="teacher")
    rows = sample(store, 600)
    assert certify(offline, STANDING, [Sure("linear", wrong)], rows, LONG_RUN) is None
    # though nine tenths of all answers would be the top's or equal to it, were there a top to climb to:
    assert certify(TASK, STANDING, [Sure("linear", wrong)], rows, LONG_RUN).certificate.low_share > 0.5
    late = {str(i) for i in range(300, 600, 2)}
    found = certify(offline, STANDING, [Sure("linear", late)], rows, LONG_RUN)
    assert 0.45 < found.certificate.low_share < 0.65
    assert found.certificate.low_share - 0.1 < found.certificate.coverage < found.certificate.low_share
    with pytest.raises(ConfigError, match="one learned rung"):
        certify(offline, STANDING, [Sure("linear", late), Sure("stack", late)], rows, LONG_RUN)
