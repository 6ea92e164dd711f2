"""Which of several servers is asked."""

from collections import Counter
from contextlib import ExitStack

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stepladder.core import UpstreamFailed
from stepladder.models.replicas import Replica, Replicas
from stepladder.models.upstream import Patience, Upstream

PATIENCE = Patience(1, 1, 1, 1)


def servers(*weights):
    made = [
        Replica(Upstream("big", f"http://127.0.0.1:{at + 1}/v1", {}, PATIENCE, 8), "m", weight)
        for at, weight in enumerate(weights)
    ]
    return Replicas("big", made), made


@given(st.lists(st.floats(0.5, 4.0), min_size=1, max_size=5), st.integers(1, 60))
def test_without_a_key_calls_are_spread_by_weight(weights, calls):
    replicas, made = servers(*weights)
    with ExitStack() as under_way:
        for _ in range(calls):
            under_way.enter_context(replicas.choose(b"").call())
        for replica in made:
            share = calls * replica.weight / sum(weights)
            assert abs(replica.busy - share) <= len(made)
    assert [replica.busy for replica in made] == [0] * len(made)


def test_a_key_keeps_its_server_and_keys_are_spread_by_weight():
    replicas, made = servers(1.0, 3.0)
    chosen = {key: replicas.choose(f"c-{key}") for key in range(2000)}
    assert all(replicas.choose(f"c-{key}") is replica for key, replica in chosen.items())
    counts = Counter(made.index(replica) for replica in chosen.values())
    assert 400 < counts[0] < 600


def test_a_server_more_moves_only_the_keys_that_it_gets():
    replicas, _ = servers(1.0, 1.0, 1.0)
    fewer = Replicas("big", replicas.all[:2])
    for key in range(300):
        now = replicas.choose(f"c-{key}")
        if now is not replicas.all[2]:
            assert fewer.choose(f"c-{key}") is now


def test_an_overloaded_server_loses_its_keys_for_the_time_being():
    replicas, made = servers(1.0, 1.0)
    own = replicas.choose("c-1")
    (other,) = [replica for replica in made if replica is not own]
    own.busy, other.busy = 10, 9
    assert replicas.choose("c-1") is own, "nearly even is no overload"
    own.busy, other.busy = 10, 3
    assert replicas.choose("c-1") is other
    own.busy = 2
    assert replicas.choose("c-1") is own


def test_what_was_tried_is_asked_again_only_where_there_is_no_other():
    replicas, made = servers(1.0, 1.0)
    assert {replicas.choose(f"c-{key}", made[:1]) for key in range(20)} == {made[1]}
    assert replicas.choose("c-1", made) in made


def test_servers_that_rest_are_left_out_and_all_resting_is_an_error_with_a_time():
    replicas, made = servers(1.0, 1.0)
    for _ in range(5):
        made[0].breaker.failed()
    assert {replicas.choose(f"c-{key}") for key in range(20)} == {made[1]}
    made[1].breaker.pause(0.9)
    with pytest.raises(UpstreamFailed, match="asks for a pause") as caught:
        replicas.choose(b"")
    assert (caught.value.status, caught.value.retryable) == (429, True)
    assert caught.value.retry_after == 1.0
    for _ in range(5):
        made[1].breaker.failed()
    with pytest.raises(UpstreamFailed, match="rests") as caught:
        replicas.choose(b"")
    assert caught.value.status == 503


@pytest.mark.parametrize(
    ("status", "state"),
    [(500, "open"), (503, "open"), (401, "open"), (400, "closed"), (422, "closed"), (429, "closed")],
)
def test_what_counts_as_a_servers_failure(status, state):
    _, (replica,) = servers(1.0)
    for _ in range(5):
        with pytest.raises(UpstreamFailed), replica.call():
            retryable = status in (429, 500, 503)
            raise UpstreamFailed("big", "no", upstream_status=status, retryable=retryable)
    assert replica.breaker.state == state
    assert replica.busy == 0
