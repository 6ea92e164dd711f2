"""How strange a text is: bits a character under a small model of character n-grams.

The model interpolates orders 1 to 5 as Witten and Bell (1991) weigh them: a context that was followed by many different
characters says less than one that was always followed by the same. Counts are kept under 32-bit hashes in arrays, so the
model's size does not depend on the alphabet: Chinese and English alike.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from stepladder.text import normalise

ORDER = 5
_BITS = 20
_SIZE = 1 << _BITS
_LONGEST = 2_000
_START = np.uint64(2)
_PAD = ORDER - 1
_TOGETHER = 256
_CHARACTERS = 1 << 16  # what an unseen character is drawn from

Codes = NDArray[np.uint64]
Floats = NDArray[np.float64]


class Surprise:
    """A character model. `fit` it on ordinary texts; then `bits` says how surprising others are."""

    def __init__(self) -> None:
        self._seen = [np.zeros(_SIZE, np.float32) for _ in range(ORDER)]
        self._after = [np.zeros(_SIZE, np.float32) for _ in range(ORDER)]
        self._kinds = [np.zeros(_SIZE, np.float32) for _ in range(ORDER)]

    @classmethod
    def fit(cls, texts: Sequence[str]) -> "Surprise":
        """Count the n-grams of texts, each up to its first 2,000 characters."""
        model = cls()
        for start in range(0, len(texts), _TOGETHER):
            model._count(_codes(texts[start : start + _TOGETHER])[0])
        return model

    def bits(self, texts: Sequence[str]) -> Floats:
        """For each text the mean of -log2 P(character | the four before it), 0 for an empty one; shape (texts,)."""
        codes, lengths = _codes(texts)
        if not codes.size:
            return np.zeros(len(texts))
        chance = np.full(codes.size, 1.0 / _CHARACTERS, np.float32)
        for order, (context, whole) in enumerate(_places(codes)):
            after = self._after[order][context]
            kinds = np.maximum(self._kinds[order][context], 1.0)
            weight = after / (after + kinds)
            share = np.minimum(self._seen[order][whole] / np.maximum(after, 1.0), 1.0)
            chance = weight * share + (1 - weight) * chance
        chance[codes == _START] = 1.0
        ends = np.cumsum(lengths)
        sums = np.append(0.0, np.cumsum(-np.log2(chance.astype(np.float64))))
        return np.asarray((sums[ends] - sums[ends - lengths]) / np.maximum(lengths - _PAD, 1))

    def _count(self, codes: Codes) -> None:
        real = codes != _START
        for order, places in enumerate(_places(codes)):
            context, whole = (place[real] for place in places)
            fresh = np.flatnonzero(self._seen[order][whole] == 0)
            first = fresh[np.unique(whole[fresh], return_index=True)[1]]
            np.add.at(self._kinds[order], context[first], 1)
            np.add.at(self._seen[order], whole, 1)
            np.add.at(self._after[order], context, 1)


def outlying(bits: Sequence[float], spread: float = 6.0) -> float:
    """Where strangeness begins: the median plus `spread` times the middle half's spread, as a normal one would have."""
    low, middle, high = np.percentile(np.asarray(bits, np.float64), [25, 50, 75])
    return float(middle + spread * max((high - low) / 1.349, 0.05 * middle))


def _codes(texts: Sequence[str]) -> tuple[Codes, NDArray[np.int64]]:
    """All texts' characters behind each other, each text after its padding; and how long each is with it."""
    kept = ["\x02" * _PAD + normalise(text[:_LONGEST]) for text in texts]
    codes = np.frombuffer("".join(kept).encode("utf-32-le", "replace"), np.uint32).astype(np.uint64)
    return codes, np.array([len(text) for text in kept], np.int64)


def _places(codes: Codes) -> list[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """For each order, where each character's context and its n-gram are counted; shape (characters,)."""
    found = []
    context = np.zeros(codes.size, np.uint64)
    for order in range(ORDER):
        if order:
            earlier = np.concatenate([np.full(order, _START, np.uint64), codes[:-order]])[: codes.size]
            context = context * np.uint64(0x9E3779B97F4A7C15) + earlier + np.uint64(order)
        found.append((_hashed(context), _hashed(context * np.uint64(0xD6E8FEB86659FD93) + codes)))
    return found


def _hashed(values: Codes) -> NDArray[np.int64]:
    mixed = (values ^ (values >> np.uint64(31))) * np.uint64(0xBF58476D1CE4E5B9)
    return (mixed >> np.uint64(64 - _BITS)).astype(np.int64)
