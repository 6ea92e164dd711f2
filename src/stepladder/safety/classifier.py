"""A small linear classifier over hashed n-grams, as it ships: a byte a weight, read with numpy alone.

One table says how bad a text is, a second one of which category it is; the second is asked only of what the first
flags. A long text is also judged piece by piece, so that a bad paragraph cannot hide in a good document. The tables are
made by `recipes/guards/fit.py`; how, and from what, is written there.
"""

import io
import zipfile
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from typing import Self

import numpy as np
from numpy.typing import NDArray

from stepladder.core import DataError
from stepladder.text import NgramHasher

Floats = NDArray[np.float32]

HASHER = NgramHasher(bits=17, tokens=(1, 2), han=(3,), characters=(3, 4, 5))
_PIECE = 240  # characters of a piece of a long text; neighbours overlap by half
_LONG = 400


@dataclass(frozen=True, slots=True)
class Grams:
    """The n-grams of a text: buckets in the order of their places, and the places."""

    buckets: NDArray[np.int32]
    starts: NDArray[np.int64]


@lru_cache(maxsize=4)
def grams(text: str) -> Grams:
    """Hash a text; what several classifiers ask of one text is worked out once."""
    if len(text) <= _LONG:
        buckets = np.sort(HASHER.buckets(text))
        keep = np.ones(buckets.size, np.bool_)
        keep[1:] = buckets[1:] != buckets[:-1]
        return Grams(buckets[keep], np.empty(0, np.int64))
    buckets, starts = HASHER.placed(text)
    order = np.argsort(starts, kind="stable")
    return Grams(buckets[order], starts[order])


@dataclass(frozen=True, slots=True, eq=False)
class Table:
    """Weights (buckets, columns), squared inverse document frequencies (buckets,), and the calibration of the columns."""

    weights: Floats
    squares: Floats
    bias: Floats
    slope: float
    offsets: Floats

    def logits(self, buckets: NDArray[np.int32]) -> Floats:
        """Return slope * score + offsets of the n-grams, shape (columns,)."""
        total = self.weights[buckets].sum(axis=0)
        norm = np.sqrt(max(float(self.squares[buckets].sum()), 1e-12))
        return np.asarray(self.slope * (total / norm + self.bias) + self.offsets, np.float32)


@dataclass(frozen=True, slots=True, eq=False)
class Classifier:
    """`threshold` is the score from which a text counts as bad; it was set on rows that training had not seen."""

    bad: Table
    kind: Table
    kinds: tuple[str, ...]
    threshold: float
    digest: str

    def score(self, text: str) -> float:
        """Return the probability (0 to 1) that the text, or the worst piece of it, is bad."""
        found = grams(text)
        logit = float(self.bad.logits(found.buckets)[0])
        if found.starts.size:
            logit = max(logit, self._worst(found))
        return float(1 / (1 + np.exp(-np.clip(logit, -30, 30))))

    def _worst(self, found: Grams) -> float:
        """Return the highest logit of overlapping pieces, each a difference of running sums."""
        weights = np.concatenate(([0.0], np.cumsum(self.bad.weights[found.buckets, 0], dtype=np.float64)))
        squares = np.concatenate(([0.0], np.cumsum(self.bad.squares[found.buckets], dtype=np.float64)))
        firsts = np.arange(0, int(found.starts[-1]) + 1, _PIECE // 2)
        begin = np.searchsorted(found.starts, firsts)
        end = np.searchsorted(found.starts, firsts + _PIECE)
        total, norm = weights[end] - weights[begin], np.sqrt(np.maximum(squares[end] - squares[begin], 1e-12))
        scores = self.bad.slope * (total / norm + float(self.bad.bias[0])) + float(self.bad.offsets[0])
        return float(scores[end > begin].max(initial=-30.0))

    def category(self, text: str) -> str:
        """Return the likeliest category of a bad text."""
        return self.kinds[int(self.kind.logits(grams(text).buckets).argmax())]

    @classmethod
    def load(cls, name: str) -> Self:
        """Read a shipped classifier ("attacks" or "harm"). Raises DataError if its file is missing or damaged."""
        try:
            data = (files("stepladder.safety") / "data" / f"{name}.npz").read_bytes()
            with np.load(io.BytesIO(data)) as stored:
                return cls(
                    _table(stored, "bad"),
                    _table(stored, "kind"),
                    tuple(str(stored["kinds"]).split(",")),
                    float(stored["threshold"]),
                    str(stored["digest"]),
                )
        except (OSError, ValueError, KeyError, zipfile.BadZipFile) as error:
            raise DataError(
                f"The weights of the guard {name} cannot be read ({type(error).__name__}).",
                remedy="Install Stepladder again.",
            ) from error


def _table(stored: "np.lib.npyio.NpzFile", name: str) -> Table:
    """Undo `pack`: weights are stored as the signed square root of their share of the largest one."""
    small = stored[f"{name}_weights"].astype(np.float32) / 127
    weights = (np.sign(small) * small**2 * float(stored[f"{name}_scale"])).astype(np.float32)
    squares = np.square(stored[f"{name}_squares"].astype(np.float32) / 16).astype(np.float32)
    bias, offsets = stored[f"{name}_bias"], stored[f"{name}_offsets"]
    return Table(weights, squares, bias, float(stored[f"{name}_slope"]), offsets)


def pack(name: str, table: Table) -> dict[str, NDArray[np.generic]]:
    """Return what a file holds of a table: a byte a weight (companded), a byte an inverse document frequency."""
    scale = max(float(np.abs(table.weights).max()), 1e-12)
    small = np.sign(table.weights) * np.sqrt(np.abs(table.weights) / scale) * 127
    return {
        f"{name}_weights": np.round(small).astype(np.int8),
        f"{name}_squares": np.clip(np.round(np.sqrt(table.squares) * 16), 0, 255).astype(np.uint8),
        f"{name}_scale": np.array(scale),
        f"{name}_bias": table.bias.astype(np.float32),
        f"{name}_slope": np.array(table.slope),
        f"{name}_offsets": table.offsets.astype(np.float32),
    }


@lru_cache(maxsize=2)
def shipped(name: str) -> Classifier:
    """Return a shipped classifier, read once (about 20 ms)."""
    return Classifier.load(name)
