"""Envelope encryption of texts at rest: a master key wraps the keys of tenants, and those seal texts (AES-256-GCM).

The wrapped keys lie beside what they seal; the master key lies elsewhere, and is named by a reference.
"""

import base64
import hmac
import os
from collections.abc import Sequence
from typing import Any

from stepladder.core import ConfigError, Sealing, StoreError
from stepladder.privacy.ciphers import NONCE, key_of, library

_WHERE = "privacy.sealing.key"


class SealedKeys:
    """The master keys of `[privacy.sealing]`: the first wraps, all open what they wrapped.

    Raises ConfigError where a key is missing or of another size, MissingExtra without the library `cryptography`.
    """

    def __init__(self, sealing: Sealing) -> None:
        self._invalid, self._gcm = library("Sealing texts")
        keys = [key_of(sealing.key, _WHERE)]
        keys += [key_of(one, "privacy.sealing.old_keys") for one in sealing.old_keys]
        self._masters = {_name(key): key for key in keys}
        self.master = _name(keys[0])

    def make(self, id: str, tenant: str) -> bytes:
        """A new data key, wrapped for this id and tenant."""
        return self._wrapped(id, tenant, os.urandom(32))

    def open(self, id: str, tenant: str, master: str, wrapped: bytes) -> "TextCipher":
        """The data key's cipher. Raises ConfigError where that master key is not configured, StoreError for a wrong one."""
        return TextCipher(self._gcm(self._data_key(id, tenant, master, wrapped)), self._invalid, id)

    def rewrap(self, id: str, tenant: str, master: str, wrapped: bytes) -> bytes:
        """The same data key, wrapped by the master key that wraps now."""
        return self._wrapped(id, tenant, self._data_key(id, tenant, master, wrapped))

    def _wrapped(self, id: str, tenant: str, key: bytes) -> bytes:
        nonce = os.urandom(NONCE)
        return nonce + bytes(self._gcm(self._masters[self.master]).encrypt(nonce, key, _bound((id, tenant))))

    def _data_key(self, id: str, tenant: str, master: str, wrapped: bytes) -> bytes:
        key = self._masters.get(master)
        if key is None:
            raise ConfigError(
                f"Texts are sealed under the master key {master}, and privacy.sealing names {', '.join(self._masters)}.",
                param=_WHERE,
                remedy="Name it as key, or among old_keys until `stepladder sealing rewrap` has run.",
            )
        try:
            return bytes(self._gcm(key).decrypt(wrapped[:NONCE], wrapped[NONCE:], _bound((id, tenant))))
        except (self._invalid, ValueError) as error:
            raise StoreError(
                f"The data key {id} of tenant {tenant!r} was changed.",
                remedy="Restore the database from a backup.",
            ) from error


class TextCipher:
    """Seals texts under one data key, bound to its id."""

    def __init__(self, gcm: Any, invalid: type[Exception], id: str) -> None:
        self._gcm = gcm
        self._invalid = invalid
        self._bound = id.encode()

    def seal(self, text: str) -> str:
        """The text, encrypted, in base 64."""
        nonce = os.urandom(NONCE)
        return base64.b64encode(nonce + self._gcm.encrypt(nonce, text.encode(), self._bound)).decode()

    def unseal(self, sealed: str) -> str:
        """The text as it was. Raises StoreError where it was changed."""
        try:
            data = base64.b64decode(sealed, validate=True)
            return bytes(self._gcm.decrypt(data[:NONCE], data[NONCE:], self._bound)).decode()
        except (self._invalid, ValueError) as error:
            raise StoreError(
                "A sealed text was changed, and cannot be opened.",
                remedy="Restore the database from a backup.",
            ) from error


def _name(key: bytes) -> str:
    """Tells one master key from another, and nothing of it."""
    return hmac.digest(key, b"stepladder master key", "sha256").hex()[:12]


def _bound(parts: Sequence[str]) -> bytes:
    return b"\0".join(part.encode("utf-8", "surrogatepass") for part in parts)
