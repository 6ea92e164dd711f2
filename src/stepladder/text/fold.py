"""A form for matching, with a way back: where in the original does a piece of the folded text stand?

`normalise` says when two texts are the same and may reorder and compose; here every character is folded by itself, so
that each folded character has exactly one original one. Folding goes further than normalising: accents and other marks
are dropped and letters of other scripts that look Latin become Latin, because whoever hides a word uses them.
"""

import unicodedata
from bisect import bisect_left
from dataclasses import dataclass, field

import numpy as np

from stepladder.text.normalise import decode, encode, simplify

# Cyrillic, Greek, Armenian, Cherokee and other letters that are drawn like Latin ones. After case folding, so lower case.
_LOOKS = {
    letter: latin
    for latin, letters in {
        "a": "аαɑᴀ", "b": "ьʙβƅ", "c": "сᴄϲ", "d": "ԁᴅ", "e": "еεᴇ", "g": "ɡցɢ", "h": "һнʜ", "i": "іιıɪ", "j": "јᴊ",
        "k": "кκᴋ", "l": "ƚʟⅼ", "m": "ммᴍ", "n": "ոηɴ", "o": "оοօᴏσ", "p": "рρᴘ", "q": "ԛ", "r": "гᴦʀ", "s": "ѕꜱ",
        "t": "тτᴛ", "u": "υսᴜ", "v": "νѵᴠ", "w": "ԝωᴡ", "x": "хχ", "y": "уγʏվ", "z": "ᴢ",
    }.items()
    for letter in letters
}  # fmt: skip
# Letters in boxes and circles that compatibility decomposition leaves alone, and regional indicators (flags).
_BOXED = {first + i: chr(97 + i) for first in (0x1F150, 0x1F170, 0x1F1E6) for i in range(26)}
_NUMERALS = dict(zip("壹贰叁肆伍陆柒捌玖零〇", "一二三四五六七八九零零", strict=True))
_DROPPED = {"Mn", "Me", "Cf", "Cc"}


class _Table(dict[int, str]):
    """Code point -> what it folds to, worked out when first met."""

    def __missing__(self, code: int) -> str:
        found = self[code] = _fold_one(chr(code))
        return found


def _fold_one(character: str) -> str:
    code = ord(character)
    if character in "\t\n\r\v\f":
        return character
    if unicodedata.category(character) in _DROPPED or code in (0x115F, 0x1160, 0x3164, 0xFFA0):
        return ""
    if 0xD800 <= code < 0xE000:
        return "\ufffd"
    if code in _BOXED:
        return _BOXED[code]
    parts = unicodedata.normalize("NFKD", unicodedata.normalize("NFKC", character).casefold()).casefold()
    if "\uac00" <= character <= "\ud7a3":
        parts = character  # Hangul syllables stay whole
    bare = "".join(part for part in parts if unicodedata.category(part) not in _DROPPED)
    simple = decode(simplify(encode(bare)))
    return "".join(_NUMERALS.get(part) or _LOOKS.get(part) or _digit(part) for part in simple)


def _digit(character: str) -> str:
    """A digit of another script as the ASCII one; what is none stays."""
    value = unicodedata.decimal(character, None)
    return character if value is None else str(value)


_TABLE = _Table()


@dataclass(slots=True)
class Folded:
    """`text`, folded from `original`; `span` leads back. Places are worked out only when somebody asks."""

    original: str
    text: str
    _starts: list[int] | None = field(default=None, repr=False)

    def span(self, start: int, end: int) -> tuple[int, int]:
        """Return where `text[start:end]` (not empty) stands in `original`, dropped characters inside included."""
        if len(self.original) == len(self.text) and self.original.isascii():
            return start, end
        starts = self.starts()
        return starts[start], starts[end - 1] + 1

    def starts(self) -> list[int]:
        """Return for each character of `text` the index of the original character that it comes from."""
        if self._starts is None:
            lengths = [len(_TABLE[ord(character)]) for character in self.original]
            self._starts = [i for i, length in enumerate(lengths) for _ in range(length)]
        return self._starts

    def place(self, index: int) -> int:
        """Return where in `text` the first character stands that comes from `original[index:]`."""
        return bisect_left(self.starts(), index)


def fold(text: str) -> Folded:
    """Fold every character: width, case, marks, traditional writing, look-alikes, styles of digits, invisible ones.

    Digits of every style become ASCII ones; formal numerals (壹) become plain ones (一). White space is kept.
    """
    if text.isascii():
        return Folded(text, text.lower()) if text.isprintable() else Folded(text, text.translate(_TABLE))
    if len(text) < _SHORT:
        return Folded(text, text.translate(_TABLE))
    return Folded(text, _fold_quickly(text) or text.translate(_TABLE))


# What a code point folds to where that is one code point: an array is looked up far quicker than a mapping is.
_SHORT = 100  # characters; below, mapping one by one is quicker than making arrays
_UNKNOWN, _IRREGULAR = 0, 1
_ONE_FOR_ONE = np.zeros(0x10000, np.uint32)


def _fold_quickly(text: str) -> str:
    """Return the folded text where every character folds to one; else an empty text."""
    codes = encode(text)
    if codes.max() >= _ONE_FOR_ONE.size:
        return ""
    folded = _ONE_FOR_ONE[codes]
    if not folded.all():
        for code in set(codes[folded == _UNKNOWN].tolist()):
            found = _TABLE[code]
            _ONE_FOR_ONE[code] = ord(found) if len(found) == 1 else _IRREGULAR
        folded = _ONE_FOR_ONE[codes]
    return "" if (folded == _IRREGULAR).any() else decode(folded)
