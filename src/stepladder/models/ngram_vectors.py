"""The embedder that needs nothing: a text's hashed n-grams, folded into a few hundred signed dimensions."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stepladder.core import ConfigError, config
from stepladder.text import NgramHasher

_HASHER = NgramHasher(bits=20)


@dataclass(frozen=True, slots=True)
class NgramSettings:
    """`kind = "ngrams"`."""

    dimensions: int = 1024


@dataclass(frozen=True, slots=True)
class NgramVectors:
    """Signed feature hashing (Weinberger et al. 2009, arXiv 0902.2206): it knows words, not what they mean."""

    dimensions: int = 1024

    @property
    def name(self) -> str:
        """The dimensions make another model."""
        return f"ngrams-{self.dimensions}"

    @classmethod
    def open(cls, name: str, settings: Mapping[str, Any]) -> "NgramVectors":
        """Check the settings. Raises ConfigError."""
        chosen = config.settings(settings, NgramSettings, name)
        if not 16 <= chosen.dimensions <= 8192:
            raise ConfigError(
                f"{name}.dimensions is {chosen.dimensions}.",
                param=f"{name}.dimensions",
                remedy="Choose 16 to 8192.",
            )
        return cls(chosen.dimensions)

    def embed(self, texts: Sequence[str], *, query: bool) -> NDArray[np.float32]:
        """One row a text, of unit length, or all zero where the text has no n-gram. An n-gram counts once."""
        rows = np.zeros((len(texts), self.dimensions), np.float32)
        for i, text in enumerate(texts):
            buckets = np.unique(_HASHER.buckets(text))
            signs = (buckets & 1) * 2.0 - 1
            row = np.bincount((buckets >> 1) % self.dimensions, signs, self.dimensions)
            rows[i] = row / max(float(np.sqrt(row @ row)), 1e-12)
        return rows
