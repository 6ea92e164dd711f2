"""A small linear classifier over hashed n-grams, as it ships: a byte a weight, read with numpy alone.

One table says how bad a text is, a second one of which category it is; the second is asked only of what the first
flags. A long text is also judged piece by piece, so that a bad paragraph cannot hide in a good document. The tables are
made by `recipes/guards/fit.py`; how, and from what, is written there.
"""

import io
import re
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache
from importlib.resources import files
from math import exp
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from stepladder.core import DataError
from stepladder.text import NgramHasher

Floats = NDArray[np.float32]
Rows = NDArray[np.int64] | NDArray[np.int32]
_Take = Callable[..., Any]
_sum = np.add.reduce  # what `sum` of an array calls, without its detour

HASHER = NgramHasher(bits=20, tokens=(1, 2), han=(3,), characters=())
_HAN = re.compile("[\u4e00-\u9fff]")
_PIECE = 240  # characters of a piece of a long text; neighbours overlap by half
_LONG = 400


def has_han(text: str) -> bool:
    """Whether there are Han characters in a text."""
    return not text.isascii() and _HAN.search(text) is not None


@dataclass(frozen=True, slots=True)
class Grams:
    """The n-grams of a text: buckets, and of a long text the stretch (half a piece) that each begins in."""

    buckets: NDArray[np.int32]
    stretches: NDArray[np.int64] | None = None


@lru_cache(maxsize=4)
def grams(text: str) -> Grams:
    """Hash a text; what several classifiers ask of one text is worked out once."""
    if len(text) <= _LONG:
        buckets = HASHER.buckets(text)
        buckets.sort()
        fresh = buckets[1:] != buckets[:-1]
        return Grams(buckets if fresh.all() else np.concatenate((buckets[:1], buckets[1:][fresh])))
    buckets, starts = HASHER.placed(text)
    return Grams(buckets, starts // (_PIECE // 2))


@dataclass(frozen=True, slots=True, eq=False)
class Bytes:
    """Numbers that are kept as a byte each (a fifth of the memory); `values`, shape (256,), says what a byte stands for."""

    kept: NDArray[np.uint8]
    values: Floats

    def take(self, rows: Rows, axis: int = 0) -> Floats:
        """The numbers of these rows, as `ndarray.take` has them."""
        return self.values.take(self.kept.take(rows, axis=axis))


@dataclass(frozen=True, slots=True, eq=False)
class Table:
    """Weights (rows, columns), squared inverse document frequencies (rows,), and the calibration of the columns.

    Row i is that of bucket `buckets[i]`, sorted; without `buckets` there is a row for every bucket.
    """

    weights: Floats | Bytes
    squares: Floats | Bytes
    bias: Floats
    slope: float
    offsets: Floats
    buckets: NDArray[np.int32] | None = None

    def logits(self, buckets: NDArray[np.int32]) -> Floats:
        """Return slope * score + offsets of the n-grams, shape (columns,)."""
        rows: Rows = buckets
        if self.buckets is not None:
            rows = np.searchsorted(self.buckets, buckets)
            rows = rows[self.buckets[np.minimum(rows, self.buckets.size - 1)] == buckets]
        total = self.weights.take(rows, axis=0).sum(axis=0)
        norm = max(float(self.squares.take(rows).sum()), 1e-12) ** 0.5
        return np.asarray(self.slope * (total / norm + self.bias) + self.offsets, np.float32)


def _looks(numbers: Floats | Bytes) -> tuple[_Take, _Take]:
    """How rows are looked up, and then what they stand for."""
    if isinstance(numbers, Bytes):
        return numbers.kept.reshape(-1).take, numbers.values.take
    flat = numbers.reshape(-1)
    return flat.take, lambda found: found


@dataclass(frozen=True, slots=True, eq=False)
class Classifier:
    """`thresholds` are the scores from which a text counts as bad: with Han characters in it, and without.

    They were set on rows that training had not seen. `least`, for the same two: the logits by which a piece must be worse than
    a whole text, since a long text has many pieces to be wrong about.
    """

    bad: Table
    kind: Table
    kinds: tuple[str, ...]
    thresholds: tuple[float, float]
    digest: str
    least: tuple[float, float] = (2.5, 2.5)
    _way: tuple[_Take, _Take, _Take, _Take, float, float, float] = field(init=False, repr=False)
    """Worked out once: how bytes and what they stand for are looked up, then slope, bias and offset."""

    def __post_init__(self) -> None:
        bad = self.bad
        looks = (*_looks(bad.weights), *_looks(bad.squares))
        object.__setattr__(self, "_way", (*looks, bad.slope, float(bad.bias[0]), float(bad.offsets[0])))

    def threshold(self, text: str) -> float:
        """Return the score from which this text counts as bad."""
        return self.thresholds[0 if has_han(text) else 1]

    def score(self, text: str) -> float:
        """Return the probability (0 to 1) that the text, or the worst piece of it, is bad."""
        found = grams(text)
        of_weights, in_weights, of_squares, in_squares, slope, bias, offset = self._way
        weights = in_weights(of_weights(found.buckets))
        squares = in_squares(of_squares(found.buckets))
        norm = max(float(_sum(squares)), 1e-12) ** 0.5
        logit = slope * (float(_sum(weights)) / norm + bias)
        if found.stretches is not None:
            logit = max(
                logit, self._worst(found.stretches, weights, squares) - self.least[0 if has_han(text) else 1]
            )
        return 1 / (1 + exp(-min(max(logit + offset, -30.0), 30.0)))

    def _of(self, buckets: NDArray[np.int32]) -> tuple[Floats, Floats]:
        of_weights, weights, of_squares, squares, *_ = self._way
        return weights(of_weights(buckets)), squares(of_squares(buckets))

    def _worst(self, stretches: NDArray[np.int64], weights: Floats, squares: Floats) -> float:
        """Return the highest logit, without its offset, of pieces of two stretches each."""
        totals, norms = np.bincount(stretches, weights), np.bincount(stretches, squares)
        totals[:-1] += totals[1:]
        norms[:-1] += norms[1:]
        worst = (totals / np.sqrt(np.maximum(norms, 1e-12))).max()
        return self.bad.slope * (float(worst) + float(self.bad.bias[0]))

    def worst(self, text: str) -> str:
        """Return the piece of a long text that looks worst."""
        buckets, starts = HASHER.placed(text)
        stretches = starts // (_PIECE // 2)
        weights, squares = self._of(buckets)
        totals, norms = np.bincount(stretches, weights), np.bincount(stretches, squares)
        totals[:-1] += totals[1:]
        norms[:-1] += norms[1:]
        start = int((totals / np.sqrt(np.maximum(norms, 1e-12))).argmax()) * (_PIECE // 2)
        return text[start : start + _PIECE]

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
                    (float(stored["thresholds"][0]), float(stored["thresholds"][1])),
                    str(stored["digest"]),
                    (float(stored["least"][0]), float(stored["least"][1])),
                )
        except (OSError, ValueError, KeyError, zipfile.BadZipFile) as error:
            raise DataError(
                f"The weights of the guard {name} cannot be read ({type(error).__name__}).",
                remedy="Install Stepladder again.",
            ) from error


_EVERY = np.arange(256, dtype=np.uint8)


def _table(stored: "np.lib.npyio.NpzFile", name: str) -> Table:
    """Undo `pack`: weights are stored as the signed square root of their share of the largest one."""
    small = _EVERY.view(np.int8).astype(np.float32) / 127
    values = (np.sign(small) * small**2 * float(stored[f"{name}_scale"])).astype(np.float32)
    weights = Bytes(stored[f"{name}_weights"].view(np.uint8), values)
    squares = Bytes(stored[f"{name}_squares"], np.square(_EVERY.astype(np.float32) / 16).astype(np.float32))
    bias, offsets = stored[f"{name}_bias"], stored[f"{name}_offsets"]
    buckets = np.cumsum(stored[f"{name}_steps"], dtype=np.int32) if f"{name}_steps" in stored else None
    return Table(weights, squares, bias, float(stored[f"{name}_slope"]), offsets, buckets)


def pack(name: str, table: Table) -> dict[str, NDArray[np.generic]]:
    """Return what a file holds of a fitted table: a byte a weight (companded), a byte an inverse document frequency."""
    assert not isinstance(table.weights, Bytes) and not isinstance(table.squares, Bytes)
    scale = max(float(np.abs(table.weights).max()), 1e-12)
    small = np.sign(table.weights) * np.sqrt(np.abs(table.weights) / scale) * 127
    steps = (
        {} if table.buckets is None else {f"{name}_steps": np.diff(table.buckets, prepend=0).astype(np.int32)}
    )
    return steps | {
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
