"""Guessing keys: a while of silence for the address, and no harm to who has a good one."""

from hashlib import sha256

import pytest

from stepladder.core import NotAllowed, Tenant, TooMany
from stepladder.traffic import Bans, Keys, Strikes, mark_of
from tests.traffic.times import Time

ANN = Tenant("ann")


@pytest.fixture
def clock():
    return Time()


@pytest.fixture
def keys(clock):
    return Keys({sha256(b"sl-ann").hexdigest(): ANN}, clock, Bans(clock, after=3, seconds=10.0))


def guess(keys, address="1.2.3.4"):
    with pytest.raises((NotAllowed, TooMany)) as refused:
        keys.identify(b"Bearer sl-guess", address)
    return refused.value


def test_after_some_wrong_keys_the_address_is_banned_for_a_while(keys, clock):
    assert [guess(keys).status for _ in range(5)] == [401, 401, 401, 429, 429]
    assert guess(keys).retry_after == 10.0
    assert guess(keys, "5.6.7.8").status == 401
    assert keys.identify(b"Bearer sl-ann", "1.2.3.4") is ANN
    clock.passed += 10.1
    assert [guess(keys).status for _ in range(4)] == [401, 401, 401, 429]
    assert guess(keys).retry_after == pytest.approx(20.0)


def test_a_wrong_key_now_and_then_is_no_guessing(keys, clock):
    for _ in range(20):
        assert guess(keys).status == 401
        clock.passed += 31


def test_a_ban_outlasts_a_crowd_of_others(keys, clock):
    assert [guess(keys).status for _ in range(4)] == [401, 401, 401, 429]
    for number in range(20_000):
        guess(keys, f"10.0.{number // 250}.{number % 250}")
    assert guess(keys).status == 429, "who was idle longest is forgotten first"


def test_a_key_that_has_ended_is_a_wrong_one(clock):
    keys = Keys({sha256(b"sl-ann").hexdigest(): Tenant("ann", expires_at=clock.time() + 5)}, clock)
    assert keys.identify(b"Bearer sl-ann").name == "ann"
    clock.passed += 5
    assert guess(keys).status == 401 and not keys.tenants()


def test_a_lifted_ban_is_over_and_forgotten_and_no_other_is(clock):
    strikes = Strikes()
    assert strikes.ban("ann", 10.0, 100.0, 0.0) == 10.0
    assert strikes.ban("ann", 10.0, 100.0, 11.0) == 20.0
    assert strikes.ban("bob", 10.0, 100.0, 11.0) == 10.0
    assert sorted(strikes.standing(12.0)) == sorted([(mark_of("ann"), 19.0, 2), (mark_of("bob"), 9.0, 1)])
    assert strikes.lift(mark_of("ann"), 12.0)
    assert not strikes.lift(mark_of("ann"), 12.0) and not strikes.lift("", 12.0)
    assert (strikes.banned("ann", 12.0), strikes.banned("bob", 12.0)) == (0.0, 9.0)
    assert strikes.ban("ann", 10.0, 100.0, 13.0) == 10.0
    assert [mark for mark, _, _ in strikes.standing(22.0)] == [mark_of("ann")]
