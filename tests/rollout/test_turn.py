"""When a turn begins before the labels have grown, and how much is drawn to calibrate it."""

from collections.abc import Callable
from dataclasses import replace
from typing import NamedTuple

import pytest

from stepladder.core import Certificate, LadderRelease, Mode, Promise, Release, Task, Turning
from stepladder.rollout import (
    Standing,
    Step,
    calibrate,
    next_turn,
    promote,
    start_canary,
    wait_for_calibration,
)
from stepladder.store import LedgerRow, Store

TASK = Task(
    "mood", "teacher", labels=("good", "bad"), promise=Promise(0.9, 0.1), flywheel=Turning(labels=100)
)
LIVE = Standing(trained=100, due=1000, top="top-1")


@pytest.fixture
def store():
    store = Store.open("sqlite://")
    store.catalogue.add_release(Release("r", "mood", "linear", "linear", "d", "x"))
    certificate = Certificate("exact rule", 100, 0.9, 0.05, 500, 3, 4, 0.6)
    ladder = LadderRelease("mood-1", "mood", 1, {"linear": "r"}, {"linear": 0.8}, certificate, "top-1")
    store.ledger.write_many(row(f"old{i}", top=True, ladder_release="") for i in range(100))
    store.catalogue.add_ladder_release(ladder)
    start_canary(store, ladder, 0.2)
    promote(store, ladder, "it was good")
    yield store
    store.close()


def row(id, **more):
    made = LedgerRow(id, 0.0, "", "mood", "teacher", "q", answer="good", ladder_release="mood-1")
    return replace(made, **more)


class Planned(NamedTuple):
    planned: int
    enough: Callable[[int], int]


def asked(store, low, climbed):
    start = store.ledger.last_seq()
    store.ledger.write_many(row(f"q{start + i}", top=i >= low, rung="linear") for i in range(low + climbed))


def test_a_turn_begins_early_where_clearly_fewer_questions_are_answered_low_than_were_certified(store):
    asked(store, 150, 120)
    assert next_turn(store, TASK, Mode.LADDER, LIVE).step is Step.GATHER
    asked(store, 30, 270)
    early = next_turn(store, TASK, Mode.LADDER, LIVE)
    assert (early.step, early.trained) == (Step.FIT, 490)


def test_it_waits_for_as_many_new_labels_as_the_first_turn_took(store):
    asked(store, 2, 90)
    assert next_turn(store, TASK, Mode.LADDER, LIVE).step is Step.GATHER
    asked(store, 0, 10)
    assert next_turn(store, TASK, Mode.LADDER, LIVE).step is Step.FIT


def test_of_rows_held_back_no_more_are_taken_than_are_of_use(store):
    store.ledger.write_many(row(f"d{i}", top=True, drawn=True) for i in range(100))
    held = replace(TASK, flywheel=replace(TASK.flywheel, hold_back=0.3, calibration=20))
    plan = Planned(500, lambda rows: rows - 7)
    assert calibrate(store, held, LIVE, {"linear": "r"}, plan).planned == 93
    assert calibrate(store, TASK, LIVE, {"linear": "r"}, plan).planned == 500


def test_what_would_climb_anyway_is_drawn_without_a_call_of_its_own(store):
    waiting = calibrate(store, TASK, LIVE, {"linear": "r"}, Planned(50, lambda rows: rows))
    assert store.rollouts.get("mood").draw == pytest.approx(0.2)
    asked(store, 150, 150)
    wait_for_calibration(store, TASK, waiting)
    assert store.rollouts.get("mood").draw == pytest.approx(0.4)
    asked(store, 0, 300)
    wait_for_calibration(store, TASK, waiting)
    assert store.rollouts.get("mood").draw == pytest.approx(1.0)
    changes = len(store.rollouts.history("mood"))
    wait_for_calibration(store, TASK, waiting)
    assert len(store.rollouts.history("mood")) == changes
