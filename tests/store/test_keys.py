"""Keys are shown once, found fast, and dead soon after they are revoked."""

import hashlib
import sqlite3
from contextlib import closing

import pytest

from stepladder.core import OWNER, BadRequest, Tenant


def test_a_key_finds_its_tenant_and_nothing_else_does(either):
    secret = either.keys.create("acme")
    admin = either.keys.create("root", admin=True)
    assert secret.startswith("sl-") and len(secret) > 40
    assert either.keys.find(secret) == Tenant("acme", key="acme")
    assert either.keys.find(admin) == Tenant("root", key="root", grant=OWNER)
    for wrong in (
        "",
        secret[:-1],
        secret + "x",
        secret.upper(),
        "\ud83d",
        hashlib.sha256(secret.encode()).hexdigest(),
    ):
        assert either.keys.find(wrong) is None


def test_the_secret_is_in_no_file(store, tmp_path):
    secret = store.keys.create("acme")
    store.keys.find(secret)
    store.close()
    files = [file.read_bytes() for file in (tmp_path / "data").iterdir()]
    assert files and not any(secret[3:].encode() in data for data in files)
    with closing(sqlite3.connect(tmp_path / "data" / "stepladder.db")) as connection:
        hash, last4 = connection.execute("SELECT hash, last4 FROM keys").fetchone()
    assert (hash, last4) == (hashlib.sha256(secret.encode()).hexdigest(), secret[-4:])


def test_a_revoked_key_is_dead_at_once_here_and_soon_elsewhere(store, second, clock):
    secret = store.keys.create("acme")
    assert second.keys.find(secret) == Tenant("acme", key="acme")
    assert store.keys.revoke("acme")
    assert store.keys.find(secret) is None
    clock.now += 1
    assert second.keys.find(secret) is None


def test_a_new_key_of_another_process_is_found_soon(store, second, clock):
    assert second.keys.find("sl-nothing") is None
    secret = store.keys.create("acme")
    clock.now += 1
    assert second.keys.find(secret) == Tenant("acme", key="acme")


def test_a_name_is_used_once_and_again_after_it_is_revoked(store, clock):
    store.keys.create("acme")
    with pytest.raises(BadRequest) as refused:
        store.keys.create("acme")
    assert refused.value.param == "name"
    assert store.keys.revoke("acme")
    assert not store.keys.revoke("acme")
    clock.now += 1
    store.keys.create("acme")
    first, again = store.keys.list()
    assert (first.name, first.revoked_at, again.revoked_at) == ("acme", 1000.0, None)
    assert again.created_at == 1001.0


@pytest.mark.parametrize("name", ["", "  ", "a\nb", "x" * 201, "\x1b[31m"])
def test_a_name_must_be_printable(store, name):
    with pytest.raises(BadRequest):
        store.keys.create(name)


def test_a_key_belongs_to_a_tenant_and_ends_when_told(store, second, clock):
    secret = store.keys.create("app", tenant="acme", expires_at=1010.0)
    assert second.keys.find(secret) == Tenant("acme", key="app", expires_at=1010.0)
    clock.now = 1009.9
    assert second.keys.find(secret) is not None
    clock.now = 1010.0
    assert second.keys.find(secret) is None and store.keys.find(secret) is None
    assert not store.keys.revoke("app")
    assert store.keys.create("app", tenant="acme")


def test_a_rotated_key_has_a_new_secret_and_the_old_one_a_while(store, clock):
    old = store.keys.create("app", tenant="acme", admin=True)
    new = store.keys.rotate("app", grace_seconds=60)
    assert new != old
    assert store.keys.find(new) == Tenant("acme", "app", grant=OWNER)
    assert store.keys.find(old) == Tenant("acme", "app", 1060.0, grant=OWNER)
    clock.now = 1060.0
    assert store.keys.find(old) is None and store.keys.find(new) is not None
    newest = store.keys.rotate("app")
    assert store.keys.find(new) is None and store.keys.find(newest) is not None
    with pytest.raises(BadRequest):
        store.keys.rotate("nobody")


def test_revoking_ends_both_secrets_of_a_rotation(store):
    old = store.keys.create("app")
    new = store.keys.rotate("app", grace_seconds=60)
    assert store.keys.revoke("app")
    assert store.keys.find(old) is None and store.keys.find(new) is None


def test_when_a_key_ends_can_be_changed(store, clock):
    secret = store.keys.create("app", expires_at=1001.0)
    assert store.keys.expire("app", None)
    clock.now = 2000.0
    assert store.keys.find(secret) is not None
    assert not store.keys.expire("nobody", 1.0)
