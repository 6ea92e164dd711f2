"""Rollouts change by compare-and-set, with their history; switches overrule them."""

from dataclasses import replace

import pytest

from stepladder.core import Mode, Rollout
from stepladder.store import RolloutConflict


def test_a_task_without_a_rollout_has_the_top_alone(either):
    assert either.rollouts.get("mood") == Rollout("mood")
    assert either.rollouts.all() == {}


def test_each_change_raises_the_version_and_is_remembered(either, clock):
    first = either.rollouts.put(Rollout("mood", candidate="L1", share=0.2), "canary")
    clock.now += 5
    second = either.rollouts.put(
        replace(first, live="L1", candidate=None, share=0.0, draw=0.3), "better", "ada"
    )
    assert second == Rollout("mood", live="L1", version=2, draw=0.3)
    assert either.rollouts.get("mood") == second
    assert either.rollouts.all() == {"mood": second}
    history = either.rollouts.history("mood")
    assert [(change.rollout, change.who, change.why, change.at) for change in history] == [
        (first, "flywheel", "canary", 1000.0),
        (second, "ada", "better", 1005.0),
    ]


def test_a_change_of_an_old_version_is_refused_and_leaves_no_trace(either):
    first = either.rollouts.put(Rollout("mood", live="L1"), "one")
    either.rollouts.put(first, "two")
    stamp = either.stamp()
    for stale in (first, Rollout("mood"), replace(first, version=9)):
        with pytest.raises(RolloutConflict):
            either.rollouts.put(stale, "stale")
    with pytest.raises(RolloutConflict):
        either.rollouts.put(Rollout("other", version=1), "never was")
    assert len(either.rollouts.history("mood")) == 2
    assert either.stamp() == stamp


def test_a_switch_is_set_replaced_and_taken_away(either):
    assert either.switches.get("mood") is None
    either.switches.put("mood", Mode.OBSERVE, "ada")
    either.switches.put("mood", Mode.TOP, "ada")
    assert either.switches.get("mood") is Mode.TOP
    assert either.switches.all() == {"mood": Mode.TOP}
    either.switches.put("mood", None, "ada")
    assert either.switches.get("mood") is None
