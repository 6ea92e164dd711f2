"""Floors in service: the group that breaks its floor climbs, or the release goes; the others stay as they were."""

from dataclasses import replace

import pytest

from stepladder.core import (
    Certificate,
    Floor,
    LadderRelease,
    OnFloor,
    Promise,
    Release,
    Task,
    TaskWatch,
    Turning,
)
from stepladder.models import Belief
from stepladder.rollout import Standing, Step, promote, start_canary, watch
from stepladder.store import AuditRow, LedgerRow, Store

TASK = Task(
    "mood", "teacher", labels=("good", "bad"), promise=Promise(0.8, 0.1), flywheel=Turning(labels=100)
)
START = Standing(step=Step.GATHER, top="top-1", due=150)
FLOORS = (
    Floor("linear", 0.7, 0.9, label="good"),
    Floor("linear", 0.7, 0.9, label="bad"),
    Floor("linear", 0.8, 0.9, tenant="acme"),
    Floor("linear", None, 0.9, tenant="shut"),
)


@pytest.fixture
def store():
    store = Store.open("sqlite://")
    store.catalogue.add_release(Release("r", "mood", "linear", "linear", "d", "x"))
    certificate = Certificate("exact rule", 100, 0.8, 0.05, 500, 3, 4, 0.6, floors=FLOORS)
    for _ in range(2):
        number = store.catalogue.next_number("mood")
        ladder = LadderRelease(
            f"mood-{number}", "mood", number, {"linear": "r"}, {"linear": 0.6}, certificate, "top-1"
        )
        store.catalogue.add_ladder_release(ladder)
        start_canary(store, ladder, 0.2)
        promote(store, ladder, "it was good")
    yield store
    store.close()


def feed(store, many, *, answer="good", tenant="", agreed=True, release="mood-2"):
    start = store.ledger.last_seq()
    ids = [f"q{start + k}" for k in range(many)]
    store.ledger.write_many(
        [
            LedgerRow(
                id, 0.0, tenant, "mood", "teacher", "q", answer=answer, drawn=True, ladder_release=release
            )
            for id in ids
        ],
        [AuditRow(id, 0.0, "mood", release, answer, agreed) for id in ids],
    )


def broken(store, *, release="mood-2", **part):
    """One answer in 20 is wrong, all of them of one part: the whole keeps its promise."""
    for _ in range(15):
        feed(store, 38, release=release)
        feed(store, 2, agreed=False, release=release, **part)


def test_a_label_that_breaks_its_floor_climbs_and_the_rest_stays(store):
    broken(store, answer="bad")
    found = watch(store, TASK, "top-1", START)
    rollout = store.rollouts.get("mood")
    assert (rollout.live, rollout.previous) == ("mood-3", "mood-1")
    assert "floor of label bad (0.0%). It climbs" in store.rollouts.history("mood")[-1].why
    belief = Belief.of(store.catalogue.get_ladder_release("mood-3"))
    assert belief.needed("linear", "bad", "") == float("inf")
    assert belief.needed("linear", "good", "") == 0.7
    assert belief.needed("linear", "good", "acme") == 0.8
    assert found.step is Step.GATHER
    assert store.catalogue.next_number("mood") == 4
    feed(store, 200, answer="good", release="mood-3")
    watch(store, TASK, "top-1", found)
    assert store.rollouts.get("mood").live == "mood-3"


def test_a_tenant_that_breaks_its_floor_climbs(store):
    broken(store, tenant="acme")
    watch(store, TASK, "top-1", START)
    belief = Belief.of(store.catalogue.get_ladder_release(store.rollouts.get("mood").live))
    assert belief.needed("linear", "good", "acme") == float("inf")
    assert belief.needed("linear", "good", "other") == 0.7


def test_the_release_goes_where_the_task_says_so(store):
    broken(store, answer="bad")
    back = replace(TASK, watch=TaskWatch(floors=OnFloor.BACK))
    watch(store, back, "top-1", START)
    assert store.rollouts.get("mood").live == "mood-1"
    assert "refutes the floor of label bad" in store.rollouts.history("mood")[-1].why


def test_a_candidate_that_breaks_a_floor_is_dropped(store):
    candidate = replace(store.catalogue.get_ladder_release("mood-2"), id="mood-9", number=9)
    store.catalogue.add_ladder_release(candidate)
    start_canary(store, candidate, 0.2)
    broken(store, answer="bad", release="mood-9")
    watch(store, TASK, "top-1", START)
    rollout = store.rollouts.get("mood")
    assert (rollout.live, rollout.candidate) == ("mood-2", None)


def test_floors_that_hold_are_left_alone_and_the_count_goes_on(store):
    standing = START
    for _ in range(3):
        feed(store, 60, answer="good")
        feed(store, 2, answer="good", agreed=False)
        standing = watch(store, TASK, "top-1", standing)
    assert store.rollouts.get("mood").live == "mood-2"
    floors = standing.audits["mood-2"]["floors"]
    assert floors["label good"]["answers"] == 186
    assert floors["label bad"]["answers"] == 0
    assert "tenant shut" not in floors
