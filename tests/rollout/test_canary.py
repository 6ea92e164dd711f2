"""What makes a canary end badly."""

import pytest

from stepladder.core import Certificate, LadderRelease
from stepladder.rollout import try_out
from stepladder.store import LedgerRow, Store

LADDER = LadderRelease(
    "mood-1",
    "mood",
    1,
    {"linear": "r"},
    {"linear": 0.8},
    Certificate("exact rule", 100, 0.9, 0.05, 500, 3, 4, 0.6),
    "top-1",
)


@pytest.fixture
def store():
    store = Store.open("sqlite://")
    yield store
    store.close()


def answers(store, rung, count, latency_ms=1.0):
    store.ledger.write_many(
        LedgerRow(
            f"{rung}{i}", 0.0, "", "mood", "teacher", "q", rung=rung, top=rung == "teacher",
            ladder_release="mood-1", latency_ms=latency_ms,
        )
        for i in range(count)
    )  # fmt: skip


def test_nothing_is_said_before_there_are_enough(store):
    assert try_out(store, LADDER, 0).answers == 0
    answers(store, "teacher", 50)
    assert try_out(store, LADDER, 100) == try_out(store, LADDER, 51)
    assert try_out(store, LADDER, 100).trouble == ""


def test_a_candidate_that_answers_as_certified_is_fine_also_with_some_bad_luck(store):
    answers(store, "linear", 52)
    answers(store, "teacher", 48)
    found = try_out(store, LADDER, 100)
    assert (found.answers, found.trouble) == (100, "")


def test_a_rung_that_fails_answers_too_little(store):
    answers(store, "linear", 20)
    answers(store, "teacher", 80)
    assert "answered 20 of 100 questions low where 60% were expected" in try_out(store, LADDER, 100).trouble


def test_the_dictionary_takes_nothing_from_a_candidate(store):
    answers(store, "dictionary", 300)
    answers(store, "linear", 55)
    answers(store, "teacher", 45)
    assert try_out(store, LADDER, 100).trouble == ""


@pytest.mark.parametrize(
    ("low", "top", "slow"), [(400.0, 300.0, True), (400.0, 500.0, False), (50.0, 10.0, False)]
)
def test_slower_than_the_top_is_trouble_unless_it_is_quick_anyway(store, low, top, slow):
    answers(store, "linear", 60, low)
    answers(store, "teacher", 40, top)
    answers(store, "dictionary", 10, 0.01)
    assert ("slower" in try_out(store, LADDER, 100).trouble) is slow


@pytest.mark.parametrize(("more", "slow"), [(39, False), (97, True)])
def test_one_slow_answer_of_a_few_is_no_trouble_and_two_of_a_hundred_are(store, more, slow):
    answers(store, "linear", more, 130.0)
    answers(store, "teacher", 30, 700.0)
    late = ("cold", "late", "later")[: 3 if slow else 1]
    store.ledger.write_many(
        LedgerRow(
            name, 0.0, "", "mood", "teacher", "q", rung="linear", ladder_release="mood-1", latency_ms=749.0
        )
        for name in late
    )
    assert ("slower" in try_out(store, LADDER, 60).trouble) is slow
