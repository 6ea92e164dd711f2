"""Runs of training beside the ledger: kept while they go on, once, and only where they began."""

import math

import pytest

from stepladder.core import TrackedRun, TrackerFailed


def test_a_run_is_kept_while_it_goes_on(either, clock):
    runs = either.runs
    first = runs.begin(TrackedRun("lora run", {"rank": "8"}, {"stepladder.folder": "out"}))
    clock.now += 5
    second = runs.begin(TrackedRun("sft other"))
    runs.steps(first, {1: {"loss": 2.0, "rate": 0.1}, 2: {"loss": 1.5}})
    assert [one.id for one in runs.newest()] == [second, first]
    assert (runs.get(first).ended_at, runs.get(first).settings["rank"]) == (None, "8")
    runs.end(first, {"accuracy": 0.75})
    assert (runs.get(first).ended_at, runs.get(first).failed) == (clock.now, False)
    assert runs.get(first).figures == {"accuracy": 0.75}
    assert runs.figures(first) == {1: {"loss": 2.0, "rate": 0.1}, 2: {"loss": 1.5}}
    assert runs.figures(second) == {}
    assert runs.get("run-nobody") is None


def test_a_run_that_goes_back_tells_its_steps_anew(either):
    run = either.runs.begin(TrackedRun("lora run"))
    either.runs.steps(run, {1: {"loss": 2.0}, 2: {"loss": 9.0}})
    either.runs.end(run, {}, failed=True)
    either.runs.steps(run, {2: {"loss": 1.5, "held_loss": math.nan}, 3: {"loss": 1.0}})
    either.runs.steps(run, {3: {"held_loss": 1.25}})
    assert either.runs.figures(run) == {
        1: {"loss": 2.0},
        2: {"loss": 1.5},
        3: {"loss": 1.0, "held_loss": 1.25},
    }
    assert (either.runs.get(run).failed, either.runs.get(run).ended_at) == (False, None)


def test_figures_of_a_run_that_began_elsewhere_are_refused_and_not_kept(either):
    with pytest.raises(TrackerFailed, match="does not know this run"):
        either.runs.steps("run-elsewhere", {1: {"loss": 2.0}})
    assert either.runs.figures("run-elsewhere") == {}
    with pytest.raises(TrackerFailed):
        either.runs.end("run-elsewhere", {})
