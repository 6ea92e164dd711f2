"""What a text looks like, a letter a character, so that the few odd texts are told from the many plain ones quickly.

Guards look for disguises with regular expressions that are slow; whether there can be any is a matter of substrings of
the shape, which Python finds about fifty times as fast. Letters are "a", digits "0", Han "h", their numerals "n", Greek
and Cyrillic "g", hyphens "-", white space " ", what ends a clause or frames a word ".", symbols that stand for letters
"@", any other "*". Case and width are seen through.
"""

import unicodedata
from functools import lru_cache

import numpy as np
from ahocorasick_rs import AhoCorasick

CLAUSE = frozenset("，。！？；：、,;:!?\n\r（）()《》〈〉“”‘’\"'「」『』【】[]·•‧・—…→")
"""What ends a clause or frames a word: harmless texts are full of it."""
_NUMERALS = "零一二三四五六七八九〇壹贰叁肆伍陆柒捌玖"
_LETTERS_OF_RUNS = "abcdefghijklmnopqrstuvwxyz"


_RANGES = ((0x370, 0x52F, "g"), (0x3400, 0x9FFF, "h"), (0x20000, 0x3FFFF, "h"))


def _class(character: str) -> str:
    if character.isspace() or character in CLAUSE:
        return " " if character.isspace() else "."
    plain = unicodedata.normalize("NFKC", character)[:1] or character
    if plain in "@$|+-–":
        return "-" if plain in "-–" else "@"
    if plain in _NUMERALS:
        return "n"
    for low, high, letter in _RANGES:
        if low <= ord(plain) <= high:
            return letter
    if unicodedata.category(plain) in ("Mn", "Cf", "Me"):
        return ""
    return ("0" if plain.isdigit() else "a") if plain.isalnum() else "*"


_TABLE = np.zeros(0x30000, np.uint8)  # code point -> its letter, filled in as they are met
_DROPPED = 1


@lru_cache(maxsize=4)
def shape(text: str) -> bytes:
    """Return the shape of a text, with a blank at both ends."""
    codes = np.frombuffer(text.encode("utf-32-le", "replace"), "<u4")
    codes = np.minimum(codes, _TABLE.size - 1)
    letters = _TABLE[codes]
    if not letters.all():
        for code in set(codes[letters == 0].tolist()):
            _TABLE[code] = ord(_class(chr(code)) or chr(_DROPPED))
        letters = _TABLE[codes]
    seen: bytes = letters.tobytes()
    return b" " + seen.replace(b"\1", b"") + b" "


def has(text_shape: bytes, pieces: tuple[bytes, ...]) -> bool:
    """Whether a shape holds any of the pieces."""
    return any(piece in text_shape for piece in pieces)


def repeats(lower: str) -> bool:
    """Whether a letter stands three times in a row."""
    return any(letter in lower for letter in _RUNS)


_RUNS = tuple(letter * 3 for letter in _LETTERS_OF_RUNS)


class Literals:
    """Whether a text holds any of many strings, whatever their case."""

    def __init__(self, *words: str) -> None:
        self._automaton = AhoCorasick([word.lower() for word in words], store_patterns=False)

    def within(self, lower: str) -> bool:
        """Whether a text in lower case does."""
        return bool(self.found(lower))

    def found(self, lower: str) -> set[int]:
        """Return the numbers of the strings that are found in a text in lower case."""
        try:
            return {match[0] for match in self._automaton.find_matches_as_indexes(lower, overlapping=True)}
        except UnicodeEncodeError:  # a lone surrogate, which JSON can carry and UTF-8 cannot
            return self.found(lower.encode("utf-8", "replace").decode())
