"""Keys: a good one names its tenant, a bad one is refused without being repeated."""

from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stepladder.core import OWNER, Grant, NotAllowed, Right, Role, SystemClock, Tenant
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


def test_a_key_does_what_its_grant_says_and_no_more():
    viewer = Tenant("vic", grant=Grant(Role.VIEWER))
    part = Tenant("oli", grant=Grant(Role.OPERATOR, frozenset({Right.SEE})))
    keys = Keys({sha256(b"sl-vic").hexdigest(): viewer, sha256(b"sl-oli").hexdigest(): part}, SystemClock())
    for secret, tenant in ((b"Bearer sl-vic", viewer), (b"Bearer sl-oli", part)):
        assert keys.identify(secret, right=Right.SEE) is tenant
        for right in (Right.ASK, Right.OPERATE, Right.OWN):
            with pytest.raises(NotAllowed, match="has no right") as caught:
                keys.identify(secret, right=right)
            assert caught.value.status == 403


def test_an_error_never_repeats_the_key():
    with pytest.raises(NotAllowed) as caught:
        KEYS.identify(b"Bearer sl-nearly-right")
    assert "nearly-right" not in str(caught.value)


def test_the_admins_door():
    assert KEYS.identify(b"Bearer sl-boss", right=Right.OWN) is BOSS
    with pytest.raises(NotAllowed) as caught:
        KEYS.identify(b"Bearer sl-ann", right=Right.SEE)
    assert (caught.value.status, caught.value.code) == (403, "forbidden")
    with pytest.raises(NotAllowed) as caught:
        KEYS.identify(b"Bearer nobody", right=Right.OWN)
    assert caught.value.status == 401
