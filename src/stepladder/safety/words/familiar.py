"""Which character sequences harmless texts are full of: two Bloom filters made from permissively licensed texts.

`known` holds words of a dictionary and short sequences seen in several harmless texts; `frequent` those seen in many.
The file is `safety/data/familiar.bin`, made by `recipes/guards/familiar.py`: eight bytes a filter (hashes, bits as a power
of two), then its bits. A filter never forgets a sequence and takes about one in a hundred for known that is not.
"""

from dataclasses import dataclass
from functools import lru_cache
from hashlib import blake2b
from importlib.resources import files
from struct import pack, unpack_from

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Bloom:
    """A Bloom filter (Bloom 1970) with `hashes` places a key, over `bits` (uint8, a power of two many)."""

    hashes: int
    bits: NDArray[np.uint8]

    @classmethod
    def empty(cls, hashes: int, power: int) -> "Bloom":
        """Return a filter of 2**power bits that holds nothing."""
        return cls(hashes, np.zeros(1 << (power - 3), np.uint8))

    def add(self, key: str) -> None:
        """Put a key in (only while the filter is being made)."""
        for place in self._places(key):
            self.bits[place >> 3] |= 1 << (place & 7)

    def __contains__(self, key: str) -> bool:
        return all(self.bits[place >> 3] >> (place & 7) & 1 for place in self._places(key))

    def _places(self, key: str) -> list[int]:
        digest = blake2b(key.encode("utf-8", "replace"), digest_size=16).digest()
        first, step = unpack_from("<QQ", digest)
        return [(first + i * (step | 1)) & (self.bits.size * 8 - 1) for i in range(self.hashes)]

    def to_bytes(self) -> bytes:
        """Return the filter as the file holds it."""
        return pack("<II", self.hashes, (self.bits.size * 8).bit_length() - 1) + self.bits.tobytes()

    @classmethod
    def from_bytes(cls, data: bytes, offset: int) -> tuple["Bloom", int]:
        """Return the filter at `offset` and where the next one begins."""
        hashes, power = unpack_from("<II", data, offset)
        end = offset + 8 + (1 << (power - 3))
        return cls(hashes, np.frombuffer(data[offset + 8 : end], np.uint8)), end


@dataclass(frozen=True, slots=True)
class Familiar:
    """What harmless texts say: `known` sequences, and `frequent` ones."""

    known: Bloom
    frequent: Bloom


@lru_cache(maxsize=1)
def familiar() -> Familiar:
    """Return the shipped filters."""
    data = (files("stepladder.safety") / "data" / "familiar.bin").read_bytes()
    known, end = Bloom.from_bytes(data, 0)
    frequent, _ = Bloom.from_bytes(data, end)
    return Familiar(known, frequent)
