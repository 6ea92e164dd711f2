"""WeCom's signatures and encryption of callbacks (developer.work.weixin.qq.com/document/path/90968).

signature = SHA-1 of the sorted and joined token, timestamp, nonce and ciphertext; ciphertext = AES-256-CBC of 16 random
bytes, the text's length in 4 bytes, the text and the receiver's id, padded as PKCS #7 does, to 32 bytes.
"""

import base64
import binascii
import hashlib
import hmac
import secrets
from typing import Any

from stepladder.core import ConfigError, MissingExtra

_BLOCK = 32
_RANDOM = 16
_LENGTH = 4
_KEY_CHARACTERS = 43


class Undecipherable(Exception):
    """It was not encrypted for us."""


class Envelope:
    """Opens and seals what travels between WeCom and one receiver. Neither `repr` nor errors show a secret."""

    def __init__(self, token: str, aes_key: str, receiver: str, where: str) -> None:
        """Raises ConfigError for a key of another shape, MissingExtra without the library `cryptography`."""
        self._token = token
        self._receiver = receiver.encode()
        try:
            if len(aes_key) != _KEY_CHARACTERS:
                raise ValueError
            self._key = base64.b64decode(aes_key + "=", validate=True)
        except ValueError:
            raise ConfigError(
                f"{where} does not refer to an EncodingAESKey.",
                param=where,
                remedy="It has 43 letters and digits; copy it from WeCom's page.",
            ) from None
        self._cipher()

    def signature(self, timestamp: str, nonce: str, sealed: str) -> str:
        """What WeCom calls msg_signature."""
        joined = "".join(sorted((self._token, timestamp, nonce, sealed)))
        return hashlib.sha1(joined.encode("utf-8", "replace"), usedforsecurity=False).hexdigest()

    def signed(self, signature: str, timestamp: str, nonce: str, sealed: str) -> bool:
        """Whether the signature holds."""
        right = self.signature(timestamp, nonce, sealed)
        return hmac.compare_digest(right.encode(), signature.encode("utf-8", "replace"))

    def open(self, sealed: str) -> str:
        """The text. Raises Undecipherable, also where it was meant for another receiver."""
        try:
            data = base64.b64decode(sealed, validate=True)
            if not data or len(data) % _RANDOM:
                raise Undecipherable("it is cut off")
            decryptor = self._cipher().decryptor()
            plain = _unpadded(decryptor.update(data) + decryptor.finalize())
            end = _RANDOM + _LENGTH + int.from_bytes(plain[_RANDOM : _RANDOM + _LENGTH], "big")
            if end > len(plain) or not hmac.compare_digest(plain[end:], self._receiver):
                raise Undecipherable("it is for another receiver")
            return plain[_RANDOM + _LENGTH : end].decode()
        except (binascii.Error, UnicodeError, ValueError) as error:
            raise Undecipherable("it is not encrypted as agreed") from error

    def seal(self, text: str) -> str:
        """The text, encrypted for the receiver."""
        said = text.encode()
        plain = secrets.token_bytes(_RANDOM) + len(said).to_bytes(_LENGTH, "big") + said + self._receiver
        pad = _BLOCK - len(plain) % _BLOCK
        encryptor = self._cipher().encryptor()
        data = encryptor.update(plain + bytes([pad]) * pad) + encryptor.finalize()
        return base64.b64encode(data).decode()

    def _cipher(self) -> Any:
        try:
            from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
        except ImportError as error:
            raise MissingExtra("A chat on WeCom", "chats") from error
        return Cipher(algorithms.AES(self._key), modes.CBC(self._key[:_RANDOM]))


def _unpadded(plain: bytes) -> bytes:
    pad = plain[-1]
    if not 1 <= pad <= _BLOCK or plain[-pad:] != bytes([pad]) * pad:
        raise Undecipherable("its padding is wrong")
    return plain[:-pad]
