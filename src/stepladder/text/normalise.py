"""One normal form for Chinese and English: what two people mean by "the same text".

Width, case, ligatures, white space, invisible characters and traditional or simplified writing carry no meaning for a
label, so they are taken away once, here, for the dictionary, the n-grams and the duplicates alike.
"""

import re
import unicodedata
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

Codes = NDArray[np.uint32]

# Soft hyphen, Arabic letter mark, zero-width and bidirectional marks, joiners, variation selectors, byte-order mark,
# tags: all invisible, all used to slip a copy of a text past an exact comparison.
_INVISIBLE = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164"
    "\ufe00-\ufe0f\ufeff\uffa0\U000e0000-\U000e0fff]"
)
_SIGNED_END = re.compile(r"[a-z]#|[0-9]%")
_SIGNED_START = re.compile(r"(?<!\.)\.[a-z]|(?<![\w-])-[0-9]")
_HAN_PLANES = ((0x3400, 0x4DC0), (0x4E00, 0xA000), (0x20000, 0x2FA20), (0x30000, 0x323B0))
_TABLE_SIZE = 0x323B0


def normalise(text: str) -> str:
    """Return the normal form: NFKC, case-folded, simplified, invisible characters gone, white space collapsed.

    A fixed point: ``normalise(normalise(t)) == normalise(t)``. Lone surrogates, which JSON can carry and UTF-8 cannot,
    become U+FFFD. Traditional characters become simplified ones one for one (OpenCC's character table), so lengths
    after NFKC are kept; phrase-level conversion is left out because it would not be.
    """
    if text.isascii():
        return " ".join(text.lower().split())
    quick = text.translate(_CHARACTERS) if len(text) < _SHORT else _looked_up(text)
    if _IRREGULAR not in quick:
        return " ".join(quick.split())
    folded = unicodedata.normalize("NFKC", _INVISIBLE.sub("", text)).casefold()
    # Case folding can take text out of NFKC and NFKC can bring invisible characters in: once more settles both.
    settled = unicodedata.normalize("NFKC", _INVISIBLE.sub("", folded)).casefold()
    return " ".join(decode(simplify(encode(settled))).split())


def tidy(text: str) -> str:
    """The same form, its case kept: NFKC, simplified, invisible characters gone, white space collapsed."""
    folded = unicodedata.normalize("NFKC", _INVISIBLE.sub("", text))
    return " ".join(decode(simplify(encode(folded))).split())


_IRREGULAR = "\0"


class _Characters(dict[int, str]):
    """Code point -> its normal form, filled as texts come; of what may combine with a neighbour, `_IRREGULAR`."""

    def __missing__(self, code: int) -> str:
        found = self[code] = _by_itself(chr(code))
        return found


_CHARACTERS = _Characters()
_HANGUL = re.compile("[\u1100-\u11ff\ua960-\ua97f\uac00-\ud7ff]")
_SHORT = 100  # characters; above, looking code points up in an array is quicker than in a mapping
_ARRAY = np.zeros(0x10000, np.uint32)  # code point -> normal form plus one, filled as texts come


def _by_itself(character: str) -> str:
    """Return the normal form of a character, `_IRREGULAR` where it may join a neighbour, is many or none.

    NFKC puts characters together only where one of them is a mark or a Hangul letter.
    """
    if character.isspace():
        return " "
    folded = unicodedata.normalize("NFKC", character).casefold()
    settled = unicodedata.normalize("NFKC", folded).casefold()
    joins = any(unicodedata.category(one)[0] in "MC" or _HANGUL.match(one) for one in character + settled)
    if len(settled) != 1 or joins or settled.isspace() or _INVISIBLE.match(character):
        return _IRREGULAR
    return decode(simplify(encode(settled)))


def _looked_up(text: str) -> str:
    """Return the text with every character as its normal form by itself, like `translate(_CHARACTERS)`."""
    codes = encode(text)
    if codes.max() >= _ARRAY.size:
        return _IRREGULAR
    found = _ARRAY[codes]
    if not found.all():
        for code in set(codes[found == 0].tolist()):
            _ARRAY[code] = ord(_CHARACTERS[code]) + 1
        found = _ARRAY[codes]
    return decode(found - np.uint32(1))


def dictionary_key(text: str) -> str:
    """Return the key under which a dictionary entry is found: the normal form without punctuation at its ends.

    A text that is nothing but punctuation keeps its normal form, so that "?" and "!" stay two entries; a sign that makes
    another name or number of what it is written to stays too: C#, .NET, 5%, -1.
    """
    normal = normalise(text)
    first, last = 0, len(normal)
    while first < last and _is_edge(normal[first]):
        first += 1
    while last > first and _is_edge(normal[last - 1]):
        last -= 1
    if _SIGNED_END.match(normal, last - 1):
        last += 1
    if _SIGNED_START.match(normal, first - 1):
        first -= 1
    return normal[first:last] or normal


def encode(text: str) -> Codes:
    """Return the code points of ``text``, shape (characters,); lone surrogates become U+FFFD."""
    try:
        raw = text.encode("utf-32-le")
    except UnicodeEncodeError:
        raw = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace").encode("utf-32-le")
    return np.frombuffer(raw, dtype="<u4").astype(np.uint32, copy=False)


def decode(codes: Codes) -> str:
    """Return the text of code points made by `encode`."""
    return codes.astype("<u4", copy=False).tobytes().decode("utf-32-le")


def simplify(codes: Codes) -> Codes:
    """Return ``codes`` with every traditional Chinese character as its simplified one, length kept."""
    if codes.size == 0 or codes.max() < _HAN_PLANES[0][0]:
        return codes
    return (
        _simplified()[np.minimum(codes, _TABLE_SIZE - 1)]
        if codes.max() < _TABLE_SIZE
        else _simplify_rare(codes)
    )


def _simplify_rare(codes: Codes) -> Codes:
    known = codes < _TABLE_SIZE
    result = codes.copy()
    result[known] = _simplified()[codes[known]]
    return result


@lru_cache(maxsize=1)
def _simplified() -> Codes:
    """Return the table code point -> simplified code point, built once (about 40 ms) from OpenCC's ``t2s``."""
    import opencc  # only texts with Han characters pay for it

    table = np.arange(_TABLE_SIZE, dtype=np.uint32)
    han = np.concatenate([np.arange(first, end, dtype=np.uint32) for first, end in _HAN_PLANES])
    # A line break between characters keeps OpenCC from seeing phrases.
    lines = opencc.OpenCC("t2s").convert("\n".join(map(chr, han.tolist()))).split("\n")
    table[han] = [
        ord(line) if len(line) == 1 else code for line, code in zip(lines, han.tolist(), strict=True)
    ]
    while not np.array_equal(table[table], table):  # follow chains, so that normalising is a fixed point
        table = table[table]
    table.flags.writeable = False
    return table


def _is_edge(character: str) -> bool:
    return character == " " or unicodedata.category(character)[0] == "P"
