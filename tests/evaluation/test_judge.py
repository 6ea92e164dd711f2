"""Is a candidate worth a calibration?"""

import random
from dataclasses import replace

import pytest

from stepladder.core import (
    Certificate,
    Dataset,
    Example,
    Fitted,
    Guess,
    LadderRelease,
    Promise,
    Release,
    Task,
    Turning,
)
from stepladder.evaluation import Judgement, Outlook, judge, stream, worth_more
from stepladder.promise import Scope, release_risk
from stepladder.rollout import promote
from stepladder.store import LedgerRow, Store

TASK = Task(
    "mood",
    "teacher",
    labels=("good", "bad"),
    promise=Promise(0.9, 0.1, 1000),
    flywheel=Turning(calibration=50),
)
OUTLOOK = Outlook(remaining=4000, most=600, scope=Scope(horizon=1000))


def fitted(count=800, right=0.85, drawn=True, seed=1):
    """Guesses whose confidence is honest; on average `right` of them are right."""
    draw = random.Random(seed)
    examples, guesses = [], []
    for i in range(count):
        confidence = min(1.0, max(0.5, draw.gauss(right, 0.12)))
        guess = "good" if draw.random() < confidence else "bad"
        examples.append(Example(str(i), "q", "good", drawn=drawn))
        guesses.append(Guess(guess, confidence))
    return Dataset("h", "mood", {"train": tuple(examples)}), {"linear": Fitted(guesses, {})}


def test_a_good_candidate_gets_a_calibration_within_bounds():
    found = judge(TASK, *fitted(), OUTLOOK, number=1)
    assert 50 <= found.planned <= 600
    assert 0.3 < found.low_share < 0.95
    assert found.agreement["linear"] == pytest.approx(0.85, abs=0.04)


def test_a_candidate_that_guesses_is_worth_none():
    dataset, made = fitted(right=0.5)
    flat = {"linear": Fitted([Guess(guess.text, 0.5) for guess in made["linear"].out_of_fold], {})}
    found = judge(TASK, dataset, flat, OUTLOOK, number=1)
    assert (found.planned, found.low_share) == (0, 0.0)


def test_rows_labelled_because_they_were_hard_do_not_count():
    dataset, made = fitted(400)
    hard, bad = fitted(400, right=0.5, drawn=False)
    both = Dataset("h", "mood", {"train": dataset.splits["train"] + hard.splits["train"]})
    joined = {"linear": Fitted([*made["linear"].out_of_fold, *bad["linear"].out_of_fold], {})}
    assert judge(TASK, both, joined, OUTLOOK, number=1) == judge(TASK, dataset, made, OUTLOOK, number=1)


def test_the_plan_is_held_between_the_configured_least_and_the_most():
    dataset, made = fitted()
    least = replace(TASK, flywheel=Turning(calibration=5000))
    assert judge(least, dataset, made, replace(OUTLOOK, most=9000), number=1).planned == 5000
    assert judge(TASK, dataset, made, replace(OUTLOOK, most=60), number=1).planned == 60


def test_risk_is_spent_over_the_releases_unless_this_is_the_last():
    assert OUTLOOK.risk(TASK.promise, 3) == release_risk(0.1, 3)
    assert replace(OUTLOOK, last=True).risk(TASK.promise, 1) == 0.1
    assert stream(TASK).scope == Scope(horizon=1000)


@pytest.fixture
def store():
    store = Store.open("sqlite://")
    store.catalogue.add_release(Release("r", "mood", "linear", "linear", "d", "x"))
    yield store
    store.close()


def judged(low_share, planned=100):
    return Judgement(planned, lambda rows: rows, low_share, {})


def test_beside_a_live_release_a_candidate_must_gain_clearly(store):
    assert worth_more(store, TASK, judged(0.1))
    assert not worth_more(store, TASK, judged(0.9, planned=0))
    certificate = Certificate("exact rule", 100, 0.9, 0.05, 500, 3, 4, 0.6)
    ladder = LadderRelease("mood-1", "mood", 1, {"linear": "r"}, {"linear": 0.8}, certificate, "top-1")
    store.catalogue.add_ladder_release(ladder)
    promote(store, ladder, "it was good")
    assert not worth_more(store, TASK, judged(0.61))
    assert worth_more(store, TASK, judged(0.63))


def test_what_the_live_release_does_now_says_more_than_its_certificate(store):
    test_beside_a_live_release_a_candidate_must_gain_clearly(store)
    store.ledger.write_many(
        LedgerRow(str(i), 0.0, "", "mood", "t", "q", top=True, drawn=True, ladder_release="mood-1")
        for i in range(300)
    )
    assert worth_more(store, TASK, judged(0.1))
