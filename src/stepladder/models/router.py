"""A fitted router: from a question alone, what a large model would gain on it over a small one.

It looks at the shape of the text, at the directions that its n-grams lie in, and at an embedding where it was fitted with
one. The artefact holds numbers only; how they come to be is the trainer's business.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from stepladder.models.artefact import Artefact, usable
from stepladder.models.embedded import embedder_of
from stepladder.models.linear import probe, read_hasher
from stepladder.text import NgramHasher

Array = NDArray[np.float64]
Floats = NDArray[np.float32]
Embed = Callable[[str], Floats]

FORMAT = 1
"""Version of the artefact; a folder of another version is refused."""

_NUMBER = re.compile(r"\d+(?:[.,]\d+)*")
_TENSORS = dict.fromkeys(("idf", "basis"), np.float32) | dict.fromkeys(
    ("middle", "scale", "weights", "foreseen"), np.float64
)


@dataclass(frozen=True, slots=True, eq=False)
class Router:
    """Foresees the gain of asking the large model, in the units of the scores that it was fitted to.

    `buckets` (features,) are the n-grams in use, sorted, with their `idf`; `basis` (features, rank) the directions.
    `foreseen` are the gains of the training questions, sorted. `embedded` are the embedder's settings and name, where there
    is one; `embed` has to be the one that it was fitted with.
    """

    hasher: NgramHasher
    buckets: NDArray[np.int64]
    idf: Floats
    basis: Floats
    middle: Array
    scale: Array
    weights: Array
    base: float
    foreseen: Array
    embed: Embed | None = None
    embedded: Mapping[str, Any] | None = None

    def gain(self, text: str) -> float:
        """How much better the large model is expected to do on a question. Raises what the embedder raises."""
        wide = wide_row(text, self._latent(text), self.embed)
        return float((wide - self.middle) / self.scale @ self.weights + self.base)

    def cut(self, share: float) -> float:
        """The gain above which this share of the training questions lies."""
        if share <= 0 or not self.foreseen.size:
            return float("inf") if share <= 0 else self.base
        if share >= 1:
            return float("-inf")
        return float(np.quantile(self.foreseen, 1 - share))

    def _latent(self, text: str) -> Floats:
        if not self.basis.size:
            return np.zeros(0, np.float32)
        found = np.unique(self.hasher.buckets(text)).astype(np.int64)
        places = np.searchsorted(self.buckets, found)
        places = places[(places < self.buckets.size)]
        places = places[np.isin(self.buckets[places], found)]
        values = self.idf[places]
        length = max(float(np.sqrt(values @ values)), 1e-12)
        return np.asarray(values / np.float32(length) @ self.basis[places], np.float32)

    def save(self, folder: Path) -> None:
        """Write the artefact into `folder`."""
        description = {
            "hasher": asdict(self.hasher),
            "probe": probe(self.hasher),
            "base": self.base,
            "embedded": self.embedded,
        }
        tensors: dict[str, NDArray[Any]] = {name: getattr(self, name) for name in _TENSORS}
        Artefact("router", FORMAT, description, tensors | {"buckets": self.buckets}).save(folder)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read what `save` wrote. Raises DataError, and MissingExtra where its embedder is not installed."""
        found = Artefact.load(folder, "router", FORMAT)
        with usable(folder, "router"):
            told = found.description
            embed: Embed | None = None
            if told["embedded"] is not None:
                embedder = embedder_of(told["embedded"]["settings"], told["embedded"]["name"])

                def embed(text: str) -> Floats:
                    return np.asarray(embedder.embed([text])[0], np.float32)

            return cls(
                read_hasher(told, folder),
                found.tensor("buckets", np.int64),
                base=float(told["base"]),
                embed=embed,
                embedded=told["embedded"],
                **{name: found.tensor(name, dtype) for name, dtype in _TENSORS.items()},
            )


def wide_row(text: str, latent: Floats, embed: Embed | None) -> Array:
    """All that a router looks at, side by side."""
    vector = [] if embed is None else [embed(text)]
    return np.concatenate([shape(text), latent, *vector]).astype(np.float64)


def shape(text: str) -> Array:
    """What a question looks like: length, numbers, lines, marks; counts in logarithms."""
    words = text.split()
    counts = [
        len(text),
        len(words),
        len(_NUMBER.findall(text)),
        text.count("\n"),
        text.count("?") + text.count("？"),
        sum(text.count(mark) for mark in "%$€£¥"),
        sum(text.count(mark) for mark in "{}()[]=<>;`"),
        sum(text.count(mark) for mark in ",.，。"),
    ]
    return np.append(np.log1p(counts), sum(map(len, words)) / max(len(words), 1) / 5)
