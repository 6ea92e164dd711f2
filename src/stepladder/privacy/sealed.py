"""Vaults at rest: encrypted with AES-256-GCM, bound to their conversation and their expiry.

What is stored is opaque; where it is stored is a `VaultStore`'s affair.
"""

import os
import struct
from typing import Protocol

import msgspec

from stepladder.core import Clock, StepladderError
from stepladder.privacy.ciphers import key_of, library
from stepladder.privacy.pseudonyms import Vault

_MAGIC = b"SLV1"
_NONCE = 12
_HEAD = len(_MAGIC) + 8


class VaultUnreadable(StepladderError):
    """A stored vault cannot be opened: another key sealed it, or it was changed."""

    code = "vault_unreadable"


class VaultStore(Protocol):
    """Keeps opaque bytes by name, each until a time (seconds since 1970)."""

    def get(self, name: str) -> bytes | None:
        """Return the bytes kept under ``name``, None where there are none."""

    def put(self, name: str, sealed: bytes, expires: float) -> None:
        """Keep ``sealed`` under ``name``, in place of what was there; it may be dropped after ``expires``."""

    def delete(self, name: str) -> None:
        """Drop what is kept under ``name``, if anything is."""


class SealedVaults:
    """Opens and keeps the vaults of conversations. `key` is "env:NAME" or "file:PATH" of 32 bytes in base64 or hexadecimal.

    Raises ConfigError where the key is missing or of another size, MissingExtra without the library `cryptography`.
    """

    def __init__(self, store: VaultStore, key: str, *, clock: Clock, lifetime: float = 86_400.0) -> None:
        self._invalid, gcm = library("Keeping pseudonyms")
        self._cipher = gcm(key_of(key, "guards.vault_key"))
        self._store = store
        self._clock = clock
        self._lifetime = lifetime

    def load(self, conversation: str) -> Vault:
        """Return the conversation's vault, an empty one where there is none or it has expired.

        Raises VaultUnreadable where it was sealed with another key, for another conversation, or was changed.
        """
        sealed = self._store.get(conversation)
        if sealed is None:
            return Vault()
        entries, expires = self._open(conversation, sealed)
        if expires <= self._clock.time():
            self._store.delete(conversation)
            return Vault()
        return Vault(entries)

    def save(self, conversation: str, vault: Vault) -> None:
        """Seal and keep the vault; it expires a lifetime from now."""
        expires = self._clock.time() + self._lifetime
        head = _MAGIC + struct.pack(">d", expires)
        nonce = os.urandom(_NONCE)
        plain = msgspec.msgpack.encode(
            [
                (label, number, text.encode("utf-8", "surrogatepass"))
                for label, number, text in vault.entries()
            ]
        )
        sealed = (
            head
            + nonce
            + self._cipher.encrypt(nonce, plain, head + conversation.encode("utf-8", "surrogatepass"))
        )
        self._store.put(conversation, sealed, expires)

    def forget(self, conversation: str) -> None:
        """Drop the vault: its placeholders can never be restored again."""
        self._store.delete(conversation)

    def _open(self, conversation: str, sealed: bytes) -> tuple[list[tuple[str, int, str]], float]:
        head, nonce, body = sealed[:_HEAD], sealed[_HEAD : _HEAD + _NONCE], sealed[_HEAD + _NONCE :]
        try:
            if head[: len(_MAGIC)] != _MAGIC or len(body) < 16:
                raise ValueError
            plain = self._cipher.decrypt(nonce, body, head + conversation.encode("utf-8", "surrogatepass"))
        except (self._invalid, ValueError) as error:
            raise VaultUnreadable(
                "The pseudonyms of this conversation cannot be opened: another key sealed them, or they were changed.",
                remedy="Restore the key that sealed them, or forget the conversation's vault.",
            ) from error
        stored = msgspec.msgpack.decode(plain, type=list[tuple[str, int, bytes]])
        entries = [(label, number, text.decode("utf-8", "surrogatepass")) for label, number, text in stored]
        return entries, struct.unpack(">d", head[len(_MAGIC) :])[0]
