"""Keys: a good one names its tenant, a bad one is refused without being repeated."""

from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stepladder.core import OWNER, NotAllowed, SystemClock, Tenant
from stepladder.traffic import Keys

ANN, BOSS = Tenant("ann"), Tenant("boss", grant=OWNER)
KEYS = Keys({sha256(b"sl-ann").hexdigest(): ANN, sha256(b"sl-boss").hexdigest(): BOSS}, SystemClock())


@pytest.mark.parametrize("header", [b"Bearer sl-ann", b"bearer sl-ann", b"BEARER  sl-ann "])
def test_a_good_key_names_its_tenant(header):
    assert KEYS.identify(header) is ANN


@given(st.none() | st.binary() | st.binary().map(lambda rest: b"Bearer " + rest))
def test_anything_else_is_a_401(header):
    with pytest.raises(NotAllowed) as caught:
        KEYS.identify(header)
    assert caught.value.status == 401


def test_an_error_never_repeats_the_key():
    with pytest.raises(NotAllowed) as caught:
        KEYS.identify(b"Bearer sl-nearly-right")
    assert "nearly-right" not in str(caught.value)


def test_the_admins_door():
    assert KEYS.identify_admin(b"Bearer sl-boss") is BOSS
    with pytest.raises(NotAllowed) as caught:
        KEYS.identify_admin(b"Bearer sl-ann")
    assert (caught.value.status, caught.value.code) == (403, "forbidden")
    with pytest.raises(NotAllowed) as caught:
        KEYS.identify_admin(b"Bearer nobody")
    assert caught.value.status == 401
