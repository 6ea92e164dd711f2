"""A candidate beside what is live: what takes it back, what only slows it down, and who lets it go live."""

from dataclasses import replace

import pytest

from stepladder.core import BadRequest, LadderRelease, Mode, Release, Rollout
from stepladder.rollout import Standing, Step, approve, compare_releases, next_turn, try_candidate
from stepladder.store import AuditRow, DatasetCard, LedgerRow, Store
from stepladder.testing import FakeClock
from tests.streams import TASK

CANDIDATE = LadderRelease("mood-2", "mood", 2, {"linear": "linear-2"}, {"linear": 0.6}, None, "top")
LIVE = replace(CANDIDATE, id="mood-1", number=1)


@pytest.fixture
def clock():
    return FakeClock()


@pytest.fixture
def store(clock):
    store = Store.open("sqlite://", clock=clock)
    store.catalogue.add_dataset(DatasetCard("d" * 64, "mood", {"train": 9}, 0.0))
    store.catalogue.add_release(Release("linear-2", "mood", "linear", "linear", "d" * 64, "f" * 64, {}, 0.0))
    for ladder in (LIVE, CANDIDATE):
        store.catalogue.add_ladder_release(ladder)
    yield store
    store.close()


def answered(store, release, count, *, wrong=0, cost=0.001, ms=1.0, remarked=0, start=0):
    """Answers of a release; a drawn one each, of which so many were found wrong."""
    rows = [
        LedgerRow(
            f"{release or 'top'}-{start + k}", float(k), "", "mood", "teacher", "q", answer="good",
            rung="linear" if release else "teacher", top=not release, drawn=True, ladder_release=release,
            cost=cost, latency_ms=ms, remarks='[{"guard": "harm"}]' if k < remarked else "",
        )
        for k in range(count)
    ]  # fmt: skip
    audits = [
        AuditRow(row.id, row.at, "mood", release, "bad" if k < wrong else "good", k >= wrong)
        for k, row in enumerate(rows)
        if release
    ]
    store.ledger.write_many(rows, audits)


def tried(store, **how):
    """Live answers before and beside the candidate's."""
    answered(store, "mood-1", 300)
    for part in range(4):  # as they come: mixed
        answered(store, "mood-1", 100, start=300 + 100 * part)
        answered(store, "mood-2", 100, start=100 * part, **how)
    return compare_releases(store, TASK, CANDIDATE, "mood-1")


@pytest.mark.parametrize(
    ("how", "figure"),
    [
        ({"wrong": 20}, "wrong where it was looked"),
        ({"ms": 50.0}, "slower than 1 ms"),
        ({"cost": 0.01}, "cost, of twice the dearest answer"),
        ({"remarked": 30}, "stopped or remarked on by guards"),
    ],
)
def test_whatever_is_worse_is_found(store, how, figure):
    found = {one.figure: one.worse for one in tried(store, **how)}
    assert [name for name, worse in found.items() if worse] == [figure]


def test_one_that_is_as_good_is_let_be(store):
    assert not any(one.worse for one in tried(store, wrong=2, remarked=1))


def canary(store, **task):
    store.rollouts.put(Rollout("mood", live="mood-1", candidate="mood-2", share=0.1), "a test")
    turning = replace(TASK.flywheel, canary=0.1, canary_answers=300, **task)
    standing = Standing(step=Step.CANARY, ladder="mood-2", top="top")
    return try_candidate(store, replace(TASK, flywheel=turning), Mode.LADDER, standing)


def test_a_candidate_that_guards_remark_on_is_taken_back(store):
    tried(store, remarked=40)
    standing = canary(store)
    assert standing.step is Step.GATHER
    assert "worse than mood-1: stopped or remarked" in standing.note
    assert (store.rollouts.get("mood").live, store.rollouts.get("mood").candidate) == ("mood-1", None)


def test_the_share_grows_with_its_answers_and_not_while_there_is_doubt(store):
    answered(store, "mood-1", 300)
    answered(store, "mood-2", 110)
    assert canary(store).step is Step.CANARY
    assert store.rollouts.get("mood").share == pytest.approx(0.2)
    answered(store, "mood-2", 100, start=110)
    held = store.rollouts.get("mood")
    standing = Standing(step=Step.CANARY, ladder="mood-2", top="top")
    task = replace(TASK, flywheel=replace(TASK.flywheel, canary=0.1, canary_answers=300))
    try_candidate(store, task, Mode.LADDER, standing)
    assert (held.share, store.rollouts.get("mood").share) == (pytest.approx(0.2), pytest.approx(0.4))


def test_with_approval_it_waits_for_a_person(store):
    tried(store)
    assert "rollout approve" in canary(store, approve=True).note
    assert store.rollouts.get("mood").live == "mood-1"
    assert approve(store, "mood", who="cli:ann") == "mood-2"
    held = store.rollouts.get("mood")
    turning = replace(TASK.flywheel, canary=0.1, canary_answers=300, approve=True)
    standing = Standing(step=Step.CANARY, ladder="mood-2", top="top")
    try_candidate(store, replace(TASK, flywheel=turning), Mode.LADDER, standing)
    assert (held.candidate, store.rollouts.get("mood").live) == ("mood-2", "mood-2")
    assert "cli:ann approved" in store.rollouts.history("mood")[-1].why
    with pytest.raises(BadRequest, match="no candidate"):
        approve(store, "mood", who="cli:ann")


def test_the_clock_and_the_dictionary_start_a_fit_where_there_is_something_new(store, clock):
    answered(store, "", 60)
    standing = Standing(top="top", trained=50, due=1000, turned=clock.time())
    task = replace(TASK, flywheel=replace(TASK.flywheel, labels=40, every_hours=24.0, entries=3))
    assert next_turn(store, task, Mode.LADDER, standing).step is Step.GATHER
    clock.advance(25 * 3600)
    begun = next_turn(store, task, Mode.LADDER, standing)
    assert (begun.step, begun.trained, begun.turned) == (Step.FIT, 60, clock.time())
    assert next_turn(store, task, Mode.LADDER, replace(standing, trained=60)).step is Step.GATHER
    calm = replace(standing, turned=clock.time())
    for k in range(3):
        assert next_turn(store, task, Mode.LADDER, calm).step is Step.GATHER
        store.entries.put("mood", f"word {k}", "good", "ann")
    assert next_turn(store, task, Mode.LADDER, calm).step is Step.FIT
