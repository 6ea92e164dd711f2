"""Leases by a clock that is turned, progress, and the flywheel's state."""

import pytest

from stepladder.core import BadRequest, StoreError
from stepladder.store import Stage


def test_a_lease_has_one_holder_until_it_is_over(either, clock):
    take, renew = either.leases.take, either.leases.renew
    assert take("wheel", "a", 10)
    assert not take("wheel", "b", 10)
    assert not renew("wheel", "b", 10)
    assert take("other", "b", 10)
    clock.now += 9
    assert renew("wheel", "a", 10)
    clock.now += 9
    assert not take("wheel", "b", 10)
    clock.now += 1
    assert not renew("wheel", "a", 10)
    assert take("wheel", "b", 10)
    assert not take("wheel", "a", 10)
    assert not renew("wheel", "a", 10)


def test_the_holder_may_take_again_which_renews(either, clock):
    assert either.leases.take("wheel", "a", 10)
    clock.now += 9
    assert either.leases.take("wheel", "a", 10)
    clock.now += 9
    assert not either.leases.take("wheel", "b", 10)


def test_only_the_holder_gives_a_lease_back(store, second):
    assert store.leases.take("wheel", "a", 10)
    second.leases.release("wheel", "b")
    assert not second.leases.take("wheel", "b", 10)
    store.leases.release("wheel", "a")
    assert not store.leases.renew("wheel", "a", 10)
    assert second.leases.take("wheel", "b", 10)


@pytest.mark.parametrize("seconds", [0, -1, float("nan")])
def test_a_lease_without_time_is_refused(store, seconds):
    with pytest.raises(BadRequest):
        store.leases.take("wheel", "a", seconds)


def test_the_last_report_of_each_task_counts(either, clock):
    either.progress.report("mood", "fit", 1, 4, "n-grams")
    either.progress.report("mood", "fit", 2, 4)
    either.progress.report("天", "gather", 0, 10)
    assert either.progress.all() == [
        Stage("mood", "fit", 2, 4, "", 1000.0),
        Stage("天", "gather", 0, 10, "", 1000.0),
    ]


def test_the_state_of_a_turn_comes_back(either):
    assert either.turns.get("mood") is None
    either.turns.put("mood", {"step": "fit"})
    state = {"step": "canary", "at": 1.5, "seen": [1, 2], "inner": {"名": None}}
    either.turns.put("mood", state)
    assert either.turns.get("mood") == state


def test_a_state_that_is_no_json_is_refused_and_the_old_one_stays(store):
    store.turns.put("mood", {"step": "fit"})
    with pytest.raises(StoreError):
        store.turns.put("mood", {"step": object()})
    assert store.turns.get("mood") == {"step": "fit"}
