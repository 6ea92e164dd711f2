"""What a text looks like, a letter a character, so that the few odd texts are told from the many plain ones quickly.

Guards look for disguises with regular expressions that are slow; whether there can be any is a matter of substrings of
the shape, which Python finds about fifty times as fast. Letters are "a", digits "0", Han "h", their numerals "n", Greek
and Cyrillic "g", hyphens "-", white space " ", what ends a clause or frames a word ".", symbols that stand for letters
"@", any other "*". Case and width are seen through.
"""

import re
import unicodedata
from functools import lru_cache

import numpy as np
from ahocorasick_rs import AhoCorasick, BytesAhoCorasick

from stepladder.text import encode

CLAUSE = frozenset("，。！？；：、,;:!?\n\r（）()《》〈〉“”‘’\"'「」『』【】[]·•‧・—…→")
"""What ends a clause or frames a word: harmless texts are full of it."""
_NUMERALS = "零一二三四五六七八九〇壹贰叁肆伍陆柒捌玖"


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


class _Letters(dict[int, str]):
    """Code point -> its letter, worked out when first met."""

    def __missing__(self, code: int) -> str:
        found = self[code] = _class(chr(code)) if code < _TABLE.size else "*"
        return found


_LETTERS = _Letters()
_SHORT = 100  # characters; below, mapping one by one is quicker than making arrays
_ASCII = "".join(_class(chr(code)) or "*" for code in range(128)).ljust(256).encode()


@lru_cache(maxsize=8)
def shape(text: str) -> bytes:
    """Return the shape of a text, with a blank at both ends."""
    if text.isascii():
        return b" " + text.encode().translate(_ASCII) + b" "
    if len(text) < _SHORT:
        return f" {text.translate(_LETTERS)} ".encode()
    codes = np.frombuffer(text.encode("utf-32-le", "replace"), "<u4")
    codes = np.minimum(codes, _TABLE.size - 1)
    letters = _TABLE[codes]
    if not letters.all():
        for code in set(codes[letters == 0].tolist()):
            _TABLE[code] = ord(_class(chr(code)) or chr(_DROPPED))
        letters = _TABLE[codes]
    seen: bytes = letters.tobytes()
    return b" " + seen.replace(b"\1", b"") + b" "


class Pieces:
    """Which of many short pieces a shape holds, all looked for in one pass."""

    def __init__(self, **named: tuple[bytes, ...]) -> None:
        self._names = [name for name, pieces in named.items() for _ in pieces]
        self._automaton = BytesAhoCorasick([piece for pieces in named.values() for piece in pieces])

    def found(self, text_shape: bytes) -> set[str]:
        """Return the names under which pieces stand that are found."""
        return {self._names[match[0]] for match in self._matches(text_shape)}

    def places(self, text_shape: bytes) -> list[int]:
        """Return where pieces begin in the text (the blank before it is not counted)."""
        return [max(match[1] - 1, 0) for match in self._matches(text_shape)]

    def _matches(self, text_shape: bytes) -> list[tuple[int, int, int]]:
        return self._automaton.find_matches_as_indexes(text_shape, overlapping=True)


def repeated(text: str) -> list[int]:
    """Return where a letter or Han character stands thrice in a row, or three stand twice each (as 你你好好吗吗)."""
    if len(text) < _BRIEF and _DOUBLE.search(text) is None:
        return []
    codes = np.frombuffer(text.encode(), np.uint8) if text.isascii() else encode(text)
    same = codes[1:] == codes[:-1]
    twice = same.tobytes()  # one look for the few texts that go on
    found: list[int] = []
    if b"\1\1" in twice:
        found = [int(at) for at in (same[1:] & same[:-1]).nonzero()[0] if text[at].isalpha()]
    if _PAIRS.search(twice):
        found += (same[4:] & same[2:-2] & same[:-4]).nonzero()[0].tolist()
    return found


def doubled(text: str) -> list[int]:
    """Return where a Han character stands before another of its own."""
    if text.isascii():
        return []
    if len(text) < _BRIEF:
        return [match.start() for match in _HAN_DOUBLE.finditer(text)]
    codes = encode(text)
    same = codes[1:] == codes[:-1]
    return [at for at in same.nonzero()[0].tolist() if "\u4e00" <= text[at] <= "\u9fff"]


_HAN_DOUBLE = re.compile(r"([\u4e00-\u9fff])(?=\1)")
_BRIEF = 60  # characters; below, a pattern is quicker than arrays
_DOUBLE = re.compile(r"(.)\1", re.DOTALL)
_PAIRS = re.compile(b"\x01.\x01.\x01", re.DOTALL)


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

    def places(self, lower: str) -> list[int]:
        """Return where in a text in lower case one of the strings begins."""
        try:
            return [match[1] for match in self._automaton.find_matches_as_indexes(lower, overlapping=True)]
        except UnicodeEncodeError:
            return self.places(lower.encode("utf-8", "replace").decode())
