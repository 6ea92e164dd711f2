"""Texts that guards had nothing to say of, known again by their hash: a conversation comes back with every question."""

from collections import OrderedDict
from hashlib import blake2b

_MOST = 16_384


class Clean:
    """Bounded in memory; the least recently seen goes first. Holds no text."""

    def __init__(self) -> None:
        self._known: OrderedDict[bytes, None] = OrderedDict()

    def knows(self, policy: str, text: str) -> bool:
        """Whether this was clean under that policy."""
        key = _key(policy, text)
        if key not in self._known:
            return False
        self._known.move_to_end(key)
        return True

    def add(self, policy: str, text: str) -> None:
        """It is."""
        self._known[_key(policy, text)] = None
        if len(self._known) > _MOST:
            self._known.popitem(last=False)


def _key(policy: str, text: str) -> bytes:
    return blake2b(f"{policy}\0{text}".encode("utf-8", "surrogatepass"), digest_size=16).digest()
