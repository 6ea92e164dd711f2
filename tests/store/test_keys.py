"""Keys are shown once, found fast, and dead soon after they are revoked."""

import hashlib
import sqlite3
from contextlib import closing

import pytest

from stepladder.core import BadRequest, Tenant


def test_a_key_finds_its_tenant_and_nothing_else_does(either):
    secret = either.keys.create("acme")
    admin = either.keys.create("root", admin=True)
    assert secret.startswith("sl-") and len(secret) > 40
    assert either.keys.find(secret) == Tenant("acme")
    assert either.keys.find(admin) == Tenant("root", admin=True)
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
    assert second.keys.find(secret) == Tenant("acme")
    assert store.keys.revoke("acme")
    assert store.keys.find(secret) is None
    clock.now += 1
    assert second.keys.find(secret) is None


def test_a_new_key_of_another_process_is_found_soon(store, second, clock):
    assert second.keys.find("sl-nothing") is None
    secret = store.keys.create("acme")
    clock.now += 1
    assert second.keys.find(secret) == Tenant("acme")


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
