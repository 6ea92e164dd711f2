"""The texts of a stream so far: their n-grams, in how many texts each occurs, and which answers are known."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from stepladder.text import NgramHasher
from stepladder.training.dual import Floats, Rows

Buckets = NDArray[np.int32]

_LONG_TEXT = 500  # characters; above, words alone rank better (as in the `linear` recipe)
_SHORT_TEXT = 250  # characters; embedding a longer one takes longer than it is worth
_FIRST = 20  # texts after which their length is known well enough to choose n-grams


class SeenTexts:
    """The last `memory` texts, by their number in the stream, with the class number of those that were labelled.

    `embed` gives the vector of a text; it is asked where texts are short.
    """

    def __init__(self, bits: int, memory: int, embed: Callable[[str], Floats] | None = None) -> None:
        self.count = 0
        self._memory = memory
        self._bits = bits
        self._hasher: NgramHasher | None = None
        self._raw: list[str] = []  # until the n-grams are chosen
        self._frequency = np.zeros(1 << bits, np.int32)
        self._buckets: dict[int, Buckets] = {}
        self.labels: dict[int, int] = {}
        self.vectors: dict[int, Floats] = {}
        self._embed = embed

    def add(self, text: str) -> int:
        """Take in the next text and return its number."""
        if self._hasher is None:
            self._raw.append(text)
            if len(self._raw) == _FIRST:
                self._choose()
        else:
            self._hash(self.count, text)
        self.count += 1
        gone = self.count - 1 - self._memory
        for kept in (self._buckets, self.labels, self.vectors):
            kept.pop(gone, None)
        return self.count - 1

    def _choose(self) -> None:
        length = sum(map(len, self._raw)) / max(len(self._raw), 1)
        self._hasher = NgramHasher(bits=self._bits, characters=(3, 4, 5) if length <= _LONG_TEXT else ())
        if length > _SHORT_TEXT:
            self._embed = None
        for number, text in enumerate(self._raw):
            self._hash(number, text)
        self._raw = []

    def _hash(self, number: int, text: str) -> None:
        assert self._hasher is not None
        buckets = np.unique(self._hasher.buckets(text)).astype(np.int32)
        self._frequency[buckets] += 1
        self._buckets[number] = buckets
        if self._embed is not None:
            self.vectors[number] = self._embed(text)

    @property
    def hasher(self) -> NgramHasher:
        """The n-grams in use, chosen by the length of the first texts."""
        if self._hasher is None:
            self._choose()
        assert self._hasher is not None
        return self._hasher

    def numbers(self) -> NDArray[np.int64]:
        """The numbers of all texts still remembered, in order."""
        return np.fromiter(self._buckets, np.int64, len(self._buckets))

    def buckets(self, number: int) -> Buckets:
        """The n-grams of a text, each once."""
        return self._buckets[number]

    def features(self, most: int = 0) -> "Features":
        """The n-grams in use now, weighted by how rare they have been; `most`: only so many, the commonest."""
        frequency = self._frequency
        used = np.flatnonzero(frequency >= (2 if self.count >= 100 else 1))
        if most and used.size > most:
            used = np.sort(used[np.argpartition(-frequency[used], most)[:most]])
        place = np.zeros(frequency.size, np.int32)
        place[used] = np.arange(1, used.size + 1)
        idf = np.log((1 + self.count) / (1 + frequency[used])) + 1
        return Features(place, np.append(0, idf).astype(np.float32), used)


@dataclass(frozen=True, slots=True, eq=False)
class Features:
    """Which column an n-gram has (`place` (buckets,), 0: none) and its inverse document frequency `idf` (columns,)."""

    place: NDArray[np.int32]
    idf: Floats
    used: NDArray[np.int64]

    @property
    def width(self) -> int:
        """Columns, with the bias in column 0."""
        return self.idf.size

    def row(self, buckets: Buckets) -> tuple[NDArray[np.int64], Floats]:
        """Columns and values of a text: a bias of 1, then its n-grams, of unit length together."""
        columns = self.place[buckets]
        columns = columns[columns > 0].astype(np.int64)
        values = self.idf[columns]
        length = max(float(np.sqrt(values @ values)), 1e-12)
        return np.append(0, columns), np.append(np.float32(1), values / np.float32(length))

    def rows(self, texts: Sequence[Buckets]) -> Rows:
        """Several texts as sparse rows."""
        parts = [self.row(buckets) for buckets in texts]
        ends = np.cumsum([columns.size for columns, _ in parts])
        columns = np.concatenate([columns for columns, _ in parts])
        return Rows(columns, np.concatenate([values for _, values in parts]), ends, self.width)


def without_bias(rows: Rows) -> Rows:
    """The same rows with nothing in the bias's column."""
    return replace(rows, values=np.where(rows.columns == 0, np.float32(0), rows.values))
