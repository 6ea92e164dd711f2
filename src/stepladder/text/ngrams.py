"""Hashed n-grams of words and characters, vectorised, with no vocabulary.

A text becomes tokens: a run of letters and digits is one, a Han character or kana is one, any other visible character
is one. Token n-grams catch phrases in English and words in Chinese alike; character n-grams inside a run, with its
ends marked, catch inflections and misspellings. Each n-gram is one of ``2**bits`` buckets (feature hashing, Weinberger
et al. 2009, arXiv 0902.2206, without the sign: weights are learned for each used bucket).
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache, partial
from unicodedata import category

import numpy as np
from numpy.typing import NDArray

from stepladder.text.normalise import Codes, encode, normalise

Hashes = NDArray[np.uint64]
Positions = NDArray[np.int64]
Group = tuple[Hashes, Callable[[], tuple[Positions, Positions]]]
"""N-grams of one order, and where they start and end: worked out when asked for, since a prediction never asks."""

_BASE = 0x9E3779B97F4A7C15  # odd, so it has an inverse modulo 2**64
_INVERSE = pow(_BASE, -1, 1 << 64)
# Made once: a scalar of numpy's takes as long to make as to use.
_STEP, _STEP_BACK, _ONE, _HALF = (np.uint64(number) for number in (_BASE, _INVERSE, 1, 32))
_ORDERS = tuple(map(np.uint64, range(8)))
_MIX = tuple(np.uint64(number) for number in (30, 0xBF58476D1CE4E5B9, 27, 0x94D049BB133111EB))
_SHIFTS = tuple(np.uint64(64 - max(bits, 1)) for bits in range(29))
_SPACE, _WORD, _HAN, _MARK = range(4)


@dataclass(frozen=True, slots=True)
class Feature:
    """One n-gram of a text: its bucket, and where in the *normalised* text it stands (``text[start:end]``)."""

    bucket: int
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class NgramHasher:
    """Turn text into bucket numbers; equal settings give equal buckets in every process and on every platform.

    ``tokens`` are the orders of token n-grams, ``han`` further orders kept only where no token is a word of letters
    (three Han characters are one Chinese word; three English words are a phrase seen once), ``characters`` the orders
    (>= 3) of character n-grams inside words.
    """

    bits: int = 20
    tokens: tuple[int, ...] = (1, 2)
    han: tuple[int, ...] = (3,)
    characters: tuple[int, ...] = (3, 4, 5)

    def __post_init__(self) -> None:
        if not 8 <= self.bits <= 28:
            raise ValueError(f"bits is {self.bits}: choose 8 to 28 (2**bits buckets)")
        if min(self.tokens + self.han, default=1) < 1 or min(self.characters, default=3) < 3:
            raise ValueError("token n-grams start at order 1 and character n-grams at order 3")

    def buckets(self, text: str) -> NDArray[np.int32]:
        """Return the bucket of every n-gram of ``text``, with repeats, shape (n-grams,)."""
        normal = normalise(text)
        short = _is_short(normal)
        parts = list(self._short(normal)) if short else [hashes for hashes, _ in self._ngrams(normal)]
        return self._to_buckets(np.concatenate(parts)) if parts else np.empty(0, np.int32)

    def placed(self, text: str) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
        """Return the same buckets with where in ``normalise(text)`` each n-gram begins, both of shape (n-grams,)."""
        groups = self._ngrams(normalise(text))
        if not groups:
            return np.empty(0, np.int32), np.empty(0, np.int64)
        hashes = np.concatenate([hashes for hashes, _ in groups])
        starts = np.concatenate([places()[0] for _, places in groups])
        return self._to_buckets(hashes), starts.astype(np.int64)

    def features(self, text: str) -> list[Feature]:
        """Return the same n-grams with their places in ``normalise(text)``: slower, for explanations."""
        found: list[Feature] = []
        for hashes, places in self._ngrams(normalise(text)):
            buckets = self._to_buckets(hashes)
            starts, ends = places()
            found += map(Feature, buckets.tolist(), starts.tolist(), ends.tolist())
        return found

    def _short(self, normal: str) -> Iterator[Hashes]:
        """Yield the n-grams' hashes of a short text: its tokens are looked up, since most were met before."""
        tokens = _token_pattern().findall(normal)
        words = np.fromiter(map(_KNOWN.__getitem__, tokens), np.uint64, len(tokens))
        runs = b"".join(map(_WORDLESS.__getitem__, tokens))
        han = tuple(order for order in self.han if b"\1" * order in runs)
        for order, rolling in _rolling(words, max(self.tokens + han, default=0)):
            if order in self.tokens:
                yield rolling
            if order in han:
                wordless = np.frombuffer(runs, np.bool_)
                yield rolling[_all_of(wordless, order)] if b"\0" in runs else rolling
        if self.characters:
            yield from map(_spellings(self.characters).__getitem__, tokens)

    def _to_buckets(self, hashes: Hashes) -> NDArray[np.int32]:
        """Mix (the finaliser of splitmix64, Steele et al. 2014) and keep the top bits."""
        mixed = hashes >> _MIX[0]
        mixed ^= hashes
        mixed *= _MIX[1]
        mixed ^= mixed >> _MIX[2]
        mixed *= _MIX[3]
        mixed >>= _SHIFTS[self.bits]
        return mixed.astype(np.int32)

    def _ngrams(self, normal: str) -> list[Group]:
        codes = encode(normal)
        if codes.size == 0:
            return []
        kinds = _kinds(codes)
        tokens = _tokens(codes, kinds)
        found = _token_ngrams(tokens, kinds, self.tokens, self.han)
        return found + _character_ngrams(codes, kinds, self.characters) if self.characters else found


class _Known(dict[str, int]):
    """Token -> its hash, as `_tokens` has it, filled as texts come; emptied when it has grown large."""

    def __missing__(self, token: str) -> int:
        if len(self) >= _MOST_KNOWN:
            self.clear()
        total = 0
        for character in reversed(token):
            total = (total * _BASE + ord(character) + 1) & _ALL_BITS
        found = self[token] = total ^ total >> 32
        return found


class _Spellings(dict[str, Hashes]):
    """Token -> the hashes of the character n-grams inside it, filled and emptied likewise."""

    def __init__(self, orders: tuple[int, ...]) -> None:
        super().__init__()
        self._orders = orders

    def __missing__(self, token: str) -> Hashes:
        if len(self) >= _MOST_SPELLED:
            self.clear()
        codes = encode(token)
        groups = _character_ngrams(codes, _kinds(codes), self._orders)
        parts = [hashes for hashes, _ in groups]
        found = self[token] = np.concatenate(parts) if parts else np.empty(0, np.uint64)
        return found


class _Wordless(dict[str, bytes]):
    """Token -> one byte, 1 where it is no word of letters; filled and emptied likewise."""

    def __missing__(self, token: str) -> bytes:
        if len(self) >= _MOST_KNOWN:
            self.clear()
        found = self[token] = b"\1" if _kind_table()[min(ord(token[0]), 0x20000)] != _WORD else b"\0"
        return found


_WORDLESS = _Wordless()
_spellings = lru_cache(maxsize=4)(_Spellings)
_MOST_SPELLED = 8_000  # about 2 MB
_KNOWN = _Known()
_MOST_KNOWN = 20_000  # about 3 MB
_ALL_BITS = (1 << 64) - 1
_SHORT, _SHORT_HAN = 2000, 150  # characters; above, arrays are quicker than looking tokens up


def _is_short(normal: str) -> bool:
    """Whether a text is one for `_short`, whose pattern knows the characters below U+10000 only."""
    if normal.isascii():
        return len(normal) < _SHORT
    return len(normal) < _SHORT_HAN and max(normal) < "\U00010000"


@lru_cache(maxsize=1)
def _token_pattern() -> re.Pattern[str]:
    """Return what finds the tokens of a normalised text (6 ms, once)."""
    letters = np.flatnonzero(_kind_table()[:0x10000] == _WORD)
    ends = np.flatnonzero(np.diff(letters) > 1)
    firsts, lasts = np.concatenate((letters[:1], letters[ends + 1])), np.append(letters[ends], letters[-1])
    ranges = "".join(f"\\u{first:04x}-\\u{last:04x}" for first, last in zip(firsts, lasts, strict=True))
    return re.compile(f"[{ranges}]+|[^ ]")


def _tokens(codes: Codes, kinds: NDArray[np.uint8]) -> tuple[Hashes, Positions, Positions]:
    """Return hash, start and end of every token; a substring's hash is a difference of prefix sums."""
    letter = kinds == _WORD
    inside = letter[1:] & letter[:-1]
    if not inside.any():  # every token is one character
        starts = kinds.nonzero()[0]
        return codes[starts].astype(np.uint64) + _ONE, starts, starts + 1
    between = np.ones(codes.size + 1, np.bool_)
    np.logical_not(inside, out=between[1:-1])  # no token begins between two letters
    edges = between.nonzero()[0]
    starts, ends = edges[:-1], edges[1:]
    visible = kinds[starts] != _SPACE
    starts, ends = starts[visible], ends[visible]
    powers, inverses = _powers(codes.size)
    prefix = np.zeros(codes.size + 1, np.uint64)
    np.cumsum((codes.astype(np.uint64) + _ONE) * powers, out=prefix[1:])
    words = (prefix[ends] - prefix[starts]) * inverses[starts]
    words ^= words >> _HALF  # breaks the linearity, or "ab c" and "a bc" would be close relatives
    return words, starts, ends


def _token_ngrams(
    tokens: tuple[Hashes, Positions, Positions],
    kinds: NDArray[np.uint8],
    orders: tuple[int, ...],
    han: tuple[int, ...],
) -> list[Group]:
    """Hash the n-grams of tokens by a rolling polynomial; of the orders in `han` only what has no word in it."""
    words, starts, ends = tokens
    wordless = kinds[starts] != _WORD
    some_words = not wordless.all()
    found: list[Group] = []
    for order, rolling in _rolling(words, max(orders + han, default=0)):
        if order in orders:
            found.append((rolling, partial(_between, starts, ends, order, slice(None))))
        if order in han:
            which = _all_of(wordless, order) if some_words else slice(None)
            found.append((rolling[which], partial(_between, starts, ends, order, which)))
    return found


def _rolling(words: Hashes, most: int) -> Iterator[tuple[int, Hashes]]:
    """Yield each order up to `most` with the hashes of all its n-grams."""
    rolling = words
    for order in range(1, min(most, words.size) + 1):
        if order > 1:
            rolling = rolling[:-1] * _STEP_BACK
            rolling += words[order - 1 :]
        yield order, rolling + _ORDERS[order] if order < len(_ORDERS) else rolling + np.uint64(order)


def _all_of(flags: NDArray[np.bool_], order: int) -> NDArray[np.bool_]:
    """Return for each stretch of `order` flags whether all are set."""
    count = flags.size - order + 1
    every = flags[:count]
    for step in range(1, order):
        every = every & flags[step : step + count]
    return every


def _between(
    starts: Positions, ends: Positions, order: int, which: NDArray[np.bool_] | slice
) -> tuple[Positions, Positions]:
    return starts[: starts.size - order + 1][which], ends[order - 1 :][which]


def _character_ngrams(codes: Codes, kinds: NDArray[np.uint8], orders: tuple[int, ...]) -> list[Group]:
    """Hash character n-grams whose inner characters are all of one word; an end that is not reads as a blank."""
    letter = np.zeros(codes.size + 2, np.bool_)
    np.equal(kinds, _WORD, out=letter[1:-1])
    blanked = np.zeros(codes.size + 2, np.uint64)
    np.multiply(codes, letter[1:-1], out=blanked[1:-1])
    found: list[Group] = []
    rolling = blanked
    inner: NDArray[np.bool_] = letter[1:-1]
    for order in range(2, max(orders, default=0) + 1):
        if order > blanked.size:
            break
        rolling = rolling[:-1] * _STEP
        rolling += blanked[order - 1 :]
        if order > 3:
            inner = inner[:-1] & letter[order - 2 : -1]
        if order in orders:
            found.append((rolling[inner] + np.uint64(order << 56), partial(_inside, letter, inner, order)))
    return found


def _inside(letter: NDArray[np.bool_], inner: NDArray[np.bool_], order: int) -> tuple[Positions, Positions]:
    at = inner.nonzero()[0]
    # A blanked end is no part of the n-gram's text.
    return at - letter[at], at + order - 2 + letter[at + order - 1]


def _kinds(codes: Codes) -> NDArray[np.uint8]:
    table = _kind_table()
    return table.take(codes, mode="clip")


@lru_cache(maxsize=1)
def _kind_table() -> NDArray[np.uint8]:
    """Return the kind of every code point below U+20000 and one last entry for the Han planes above (10 ms, once)."""
    table = np.full(0x20001, _MARK, np.uint8)
    # Combining marks (Devanagari vowels, Arabic points) belong to the word that they stand in.
    table[[code for code in range(0x20000) if category(chr(code))[0] in "LNM"]] = _WORD
    for first, end in (
        (0x3040, 0x3100),
        (0x31F0, 0x3200),
        (0x3400, 0x4DC0),
        (0x4E00, 0xA000),
        (0xF900, 0xFB00),
    ):
        table[first:end] = _HAN
    table[0x20000] = _HAN
    table[32] = _SPACE
    table.flags.writeable = False
    return table


def _powers(size: int) -> tuple[Hashes, Hashes]:
    """Return the first ``size`` powers of the base and of its inverse, grown in doublings so that few are made."""
    powers, inverses = _power_table(max(12, (size - 1).bit_length()))
    return powers[:size], inverses[:size]


@lru_cache(maxsize=24)
def _power_table(bits: int) -> tuple[Hashes, Hashes]:
    ones = np.full(1 << bits, 1, np.uint64)
    powers, inverses = ones.copy(), ones.copy()
    powers[1:], inverses[1:] = np.uint64(_BASE), np.uint64(_INVERSE)
    return np.cumprod(powers, dtype=np.uint64), np.cumprod(inverses, dtype=np.uint64)
