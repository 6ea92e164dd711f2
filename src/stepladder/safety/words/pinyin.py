"""How a Han character sounds, so that a word can be found by its sound, its spelling and its initials.

One reading a character (the most frequent one), no tones. The table is `safety/data/pinyin.txt`.
"""

from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files

import numpy as np
from numpy.typing import NDArray

from stepladder.text import decode, encode

_LAST = 0xFFFF
_SHORT = 100  # characters; below, mapping one by one is quicker than making arrays
_FIRST = 0xE000  # a syllable is one private-use character, so that sounds can be searched like a text


@dataclass(frozen=True, slots=True)
class Sounds:
    """`of` maps a Han character's code point to its sound, `spelled` a sound to its spelling, `table` a code point too."""

    of: dict[int, str]
    spelled: dict[str, str]
    table: NDArray[np.uint32]

    def of_text(self, text: str) -> str:
        """Return the text with every known Han character as its sound, length kept."""
        if len(text) < _SHORT:
            return text.translate(self.of)
        codes = encode(text)
        return decode(np.where(codes < self.table.size, self.table[np.minimum(codes, _LAST)], codes))

    def spelling(self, word: str) -> list[str]:
        """Return the syllables of a word of Han characters; empty if one of its characters is not known."""
        sounds = [self.of.get(ord(character)) for character in word]
        return [self.spelled[sound] for sound in sounds if sound] if all(sounds) else []


@lru_cache(maxsize=1)
def sounds() -> Sounds:
    """Return the table, read once (about 5 ms)."""
    lines = (files("stepladder.safety") / "data" / "pinyin.txt").read_text(encoding="utf-8").splitlines()
    of, spelled = {}, {}
    for number, line in enumerate(line for line in lines if not line.startswith("#")):
        syllable, _, characters = line.partition(" ")
        sound = chr(_FIRST + number)
        spelled[sound] = syllable
        of.update(dict.fromkeys(map(ord, characters), sound))
    table = np.arange(_LAST + 1, dtype=np.uint32)
    table[list(of)] = [ord(sound) for sound in of.values()]
    return Sounds(of, spelled, table)
