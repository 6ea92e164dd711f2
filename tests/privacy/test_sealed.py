"""Vaults at rest: nothing readable, nothing that another key, conversation or hand could pass off, gone when expired."""

import base64
import builtins

import pytest

from stepladder.core import ConfigError, MissingExtra
from stepladder.privacy import SealedVaults, Vault, VaultUnreadable
from stepladder.testing import FakeClock

pytest.importorskip("cryptography", reason="the extra `privacy` is not installed")


class MemoryStore:
    def __init__(self):
        self.kept = {}

    def get(self, name):
        return self.kept.get(name, (None, 0))[0]

    def put(self, name, sealed, expires):
        self.kept[name] = (sealed, expires)

    def delete(self, name):
        self.kept.pop(name, None)


@pytest.fixture
def key(monkeypatch):
    monkeypatch.setenv("VAULT_KEY", base64.b64encode(bytes(range(32))).decode())
    return "env:VAULT_KEY"


@pytest.fixture
def store():
    return MemoryStore()


@pytest.fixture
def vaults(store, key):
    return SealedVaults(store, key, clock=FakeClock(), lifetime=60)


def test_a_vault_comes_back_as_it_was_saved(vaults):
    vault = Vault([("PERSON", 1, "王小明"), ("TEXT", 3, "\ud800 <PERSON_1>")])
    vaults.save("c1", vault)
    assert vaults.load("c1").entries() == vault.entries()
    assert len(vaults.load("c2")) == 0


def test_nothing_of_it_can_be_read_in_the_store(vaults, store):
    vaults.save("c1", Vault([("EMAIL", 1, "mary@example.org")]))
    assert b"mary" not in store.get("c1")
    first = store.get("c1")
    vaults.save("c1", Vault([("EMAIL", 1, "mary@example.org")]))
    assert store.get("c1") != first  # a nonce is never used twice


def test_it_expires(store, key):
    clock = FakeClock()
    vaults = SealedVaults(store, key, clock=clock, lifetime=60)
    vaults.save("c1", Vault([("PERSON", 1, "Ann")]))
    assert store.kept["c1"][1] == clock.time() + 60
    clock.advance(59)
    assert len(vaults.load("c1")) == 1
    clock.advance(1)
    assert len(vaults.load("c1")) == 0
    assert store.kept == {}


def test_another_key_cannot_open_it(vaults, store, tmp_path):
    vaults.save("c1", Vault([("PERSON", 1, "Ann")]))
    (tmp_path / "key").write_text("ab" * 32 + "\n")
    other = SealedVaults(store, f"file:{tmp_path / 'key'}", clock=FakeClock())
    with pytest.raises(VaultUnreadable, match="another key"):
        other.load("c1")


@pytest.mark.parametrize("at", [0, 5, 15, 30, -1])
def test_a_changed_bit_is_noticed(vaults, store, at):
    vaults.save("c1", Vault([("PERSON", 1, "Ann")]))
    sealed = bytearray(store.get("c1"))
    sealed[at] ^= 1
    store.put("c1", bytes(sealed), 0)
    with pytest.raises(VaultUnreadable):
        vaults.load("c1")


@pytest.mark.parametrize("sealed", [b"", b"SLV1", b"SLV1" + bytes(30)])
def test_rubbish_is_noticed(vaults, store, sealed):
    store.put("c1", sealed, 0)
    with pytest.raises(VaultUnreadable):
        vaults.load("c1")


def test_one_conversation_s_vault_cannot_be_passed_off_as_another_s(vaults, store):
    vaults.save("c1", Vault([("PERSON", 1, "Ann")]))
    store.put("c2", store.get("c1"), 0)
    with pytest.raises(VaultUnreadable):
        vaults.load("c2")


def test_a_forgotten_vault_is_gone(vaults, store):
    vaults.save("c1", Vault([("PERSON", 1, "Ann")]))
    vaults.forget("c1")
    assert store.kept == {}


@pytest.mark.parametrize("written", ["short", "YWJj", "00" * 16])
def test_a_key_of_another_size_is_refused_without_being_shown(store, monkeypatch, written):
    monkeypatch.setenv("VAULT_KEY", written)
    with pytest.raises(ConfigError, match="32 bytes") as caught:
        SealedVaults(store, "env:VAULT_KEY", clock=FakeClock())
    assert written not in str(caught.value)


def test_a_key_in_the_configuration_itself_is_refused(store):
    with pytest.raises(ConfigError, match="reference"):
        SealedVaults(store, "00" * 32, clock=FakeClock())


def test_without_the_library_the_command_is_named(store, key, monkeypatch):
    real = builtins.__import__

    def without(name, *args, **kwargs):
        if name.startswith("cryptography"):
            raise ImportError(name)
        return real(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(MissingExtra, match=r"stepladder\[privacy\]"):
        SealedVaults(store, key, clock=FakeClock())
