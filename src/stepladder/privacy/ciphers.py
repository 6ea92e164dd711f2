"""AES-256-GCM out of the library `cryptography`, and the keys for it: 32 bytes, by reference only."""

import base64
import binascii
from typing import Any

from stepladder.core import ConfigError, MissingExtra, config

NONCE = 12
"""Bytes. Drawn anew each time, so that one key is good for some four thousand million texts (NIST SP 800-38D, 8.3)."""


def library(what: str) -> tuple[type[Exception], Any]:
    """What a wrong key raises, and the cipher's class. Raises MissingExtra."""
    try:
        from cryptography.exceptions import InvalidTag
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM
    except ImportError as error:
        raise MissingExtra(what, "privacy") from error
    return InvalidTag, AESGCM


def key_of(reference: str, where: str) -> bytes:
    """The 32 bytes behind "env:NAME" or "file:PATH". Raises ConfigError naming the key of the configuration."""
    text = config.secret(reference, where)
    for decode in (
        bytes.fromhex,
        lambda value: base64.b64decode(value.translate({45: "+", 95: "/"}), validate=True),
    ):
        try:
            key = decode(text)
        except (ValueError, binascii.Error):
            continue
        if len(key) == 32:
            return key
    raise ConfigError(
        f"{where} must be 32 bytes in base64 or hexadecimal.",
        param=where,
        remedy="Make one: openssl rand -base64 32",
    )
