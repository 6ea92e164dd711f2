"""Whether a Chinese name stands at a surname, and how long it is: a linear model over the characters in it and around it.

Lists of words that border names never end; which characters stand before and after names, and which pairs of characters are
halves of everyday words, can be learnt. The weights and the table of pairs were made by `benchmarks/train_names_han.py`.
"""

import zlib
from collections.abc import Collection, Sequence
from functools import lru_cache
from importlib.resources import files

from stepladder.privacy.gazetteer import characters

SIZE = 262_139  # a prime: what is hashed is a sum of products
PAIRS = 1_048_573
SCALE = 16.0  # a stored weight of 16 is 1 in log-odds
NONE = -99.0
FEATURES = 22
_HOPELESS, _FAR = -4.25 * SCALE, -4.75 * SCALE  # below either is one name in a thousand
_EDGE = 2
_ZERO = 128
_A, _B, _C = 92_821, 1_299_709, 15_485_863
_K = [32_452_843 * kind for kind in range(FEATURES)]
LEFT, RIGHT, ABLE, TELLING, COMMON = 1, 2, 4, 8, 16
"""What a character may do: stand before a name, after it, in a given name, in hardly anything else; be a usual surname."""


def sign(character: str) -> int:
    """What a character is to the model: itself where it is one of Chinese, else what kind it is. "" is the text's edge."""
    code = ord(character) if character else _EDGE
    if code > 0x2E7F:
        return code
    if 48 <= code <= 57:
        return 48
    if code in (9, 10, 13):
        return _EDGE
    return 97 if code < 128 and character.isalpha() else code


def pair(one: int, two: int) -> int:
    """Where the table of pairs has two characters."""
    return (one * _A + two * _C) % PAIRS


def begun(head: int, first: int) -> list[int]:
    """The buckets of a surname and the character after it."""
    h, f = head * _B, first * _A
    return [(_K[0] + h) % SIZE, (_K[1] + f) % SIZE, (_K[2] + h + f) % SIZE]


def before(text: str, start: int, given: int) -> list[int]:
    """The buckets of what stands before a name, and of its surname and first character there."""
    one = sign(text[start - 1]) if start > 0 else _EDGE
    two = sign(text[start - 2]) if start > 1 else _EDGE
    three = sign(text[start - 3]) if start > 2 else _EDGE
    head, first = ord(text[given - 1]), ord(text[given])
    pairs = _pairs()
    joined, word = pairs[(one * _A + head * _C) % PAIRS], pairs[(head * _A + first * _C) % PAIRS]
    a, b, h = one * _A, two * _B, head * _B
    return [
        (_K[3] + a) % SIZE,
        (_K[4] + a + b) % SIZE,
        (_K[5] + a + b + three * _C) % SIZE,
        (_K[6] + a + h) % SIZE,
        (_K[7] + a + two * _C + h) % SIZE,
        (_K[8] + joined * _A + word * _B) % SIZE,
    ]


def after(text: str, start: int, given: int, end: int, told: bool) -> list[int]:
    """The buckets of the rest of a name ``text[start:end]``, and of what stands after it; `told`: it was announced."""
    head, first, last = ord(text[given - 1]), ord(text[given]), ord(text[end - 1])
    second = last if end - given > 1 else 0
    follows = text[end : end + 1]
    one, two, three = sign(follows), sign(text[end + 1 : end + 2]), sign(text[end + 2 : end + 3])
    pairs, table = _pairs(), _abilities()
    long = (end - given) * 2 + (given - start)
    inside = pairs[(first * _A + second * _C) % PAIRS]
    torn, goes_on = pairs[(last * _A + one * _C) % PAIRS], pairs[(one * _A + two * _C) % PAIRS]
    able = (table.get(first, 0) >> 2 & 3) * 4 + (table.get(second, 0) >> 2 & 3)
    left = table.get(ord(text[start - 1]), 4) & 1 if start > 0 and text[start - 1] > "\u4dff" else 2
    right = table.get(one, 0) >> 1 & 1 if one > 0x4DFF else 2
    sides = left * 4 + right
    a, f, s, n = one * _A, first * _A, second * _B, long * _C
    return [
        (_K[9] + long) % SIZE,
        (_K[10] + a + n) % SIZE,
        (_K[11] + a + two * _B) % SIZE,
        (_K[12] + a + two * _B + three * _C) % SIZE,
        (_K[13] + s) % SIZE,
        (_K[14] + f + s) % SIZE,
        (_K[15] + a + last * _B + n) % SIZE,
        (_K[16] + a + last * _B + two * _C) % SIZE,
        (_K[17] + (second or first) * _A + n) % SIZE,
        (_K[18] + inside * _B + pairs[(head * _A + first * _C) % PAIRS] * _A + n) % SIZE,
        (_K[19] + torn * _A + goes_on * _B + n) % SIZE,
        (_K[20] + able * _A + (table.get(head, 0) & COMMON) * _B + left * _C + long) % SIZE,
        (_K[21] + able * _A + sides * _B + n + told) % SIZE,
    ]


def buckets(text: str, start: int, given: int, end: int, told: bool) -> list[int]:
    """The buckets of a name ``text[start:end]`` whose given name begins at `given`."""
    first = begun(ord(text[given - 1]), ord(text[given]))
    return first + before(text, start, given) + after(text, start, given, end, told)


@lru_cache(maxsize=1)
def _weights() -> bytes:
    """Each with `_ZERO` added: bytes are quicker to index than anything that holds signs."""
    stored = (files("stepladder.privacy") / "names_han.bin").read_bytes()
    return bytes((weight + _ZERO) & 255 for weight in stored)


def _sum(places: Sequence[int]) -> int:
    return sum(map(_weights().__getitem__, places)) - _ZERO * len(places)


@lru_cache(maxsize=1)
def _pairs() -> bytes:
    """How common a pair of characters is as a word: 0 (it is none) to 3."""
    return zlib.decompress((files("stepladder.privacy") / "pairs_han.bin").read_bytes())


@lru_cache(maxsize=1)
def _abilities() -> dict[int, int]:
    """What characters may do, by the lists."""
    found: dict[int, int] = {}
    for name, what in (
        ("before_han", LEFT),
        ("after_han", RIGHT),
        ("given_han", ABLE),
        ("telling_han", TELLING),
        ("surnames_common_han", COMMON),
    ):
        for character in characters(name):
            found[ord(character)] = found.get(ord(character), 0) | what
    return found


@lru_cache(maxsize=1 << 16)
def _begun(head: str, first: str) -> int:
    return _sum(begun(ord(head), ord(first)))


def hopeless(text: str, given: int) -> bool:
    """Whether these two characters are hardly ever a surname and what follows it, whatever is around; quickly."""
    return _begun(text[given - 1], text[given]) < _HOPELESS


def likely(
    text: str, start: int, given: int, ends: Sequence[int], told: Collection[tuple[int, int]]
) -> tuple[float, int]:
    """Which of `ends` a name that starts here most likely has, and its log-odds against none; (`NONE`, 0) where hopeless.

    `told`: names that were announced, as (start, end).
    """
    known = _begun(text[given - 1], text[given]) + _sum(before(text, start, given))
    if known < _FAR:
        return NONE, 0
    scores = [_sum(after(text, start, given, end, (start, end) in told)) for end in ends]
    best = max(scores)
    return (known + best) / SCALE, ends[scores.index(best)]
