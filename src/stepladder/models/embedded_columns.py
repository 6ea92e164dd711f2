"""A text's embedding as a few columns: its coordinates along the directions in which the training texts vary most."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stepladder.models.embedded import Remembering, embedder_of
from stepladder.models.look import Array

Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class EmbeddedColumns:
    """`basis` (dimensions, columns) of unit directions around `centre` (dimensions,)."""

    embedder: Remembering
    settings: Mapping[str, Any]
    centre: Floats
    basis: Floats

    @classmethod
    def learn(
        cls, embedder: Remembering, settings: Mapping[str, Any], vectors: Floats, columns: int
    ) -> "EmbeddedColumns":
        """The principal directions of the training texts' vectors (rows, dimensions); no label is looked at."""
        centre = vectors.mean(axis=0)
        _, _, directions = np.linalg.svd(vectors - centre, full_matrices=False)
        return cls(embedder, settings, centre, np.ascontiguousarray(directions[:columns].T, np.float32))

    @property
    def names(self) -> list[str]:
        """The columns' names."""
        return [f"meaning {place}" for place in range(self.basis.shape[1])]

    def table(self, texts: Sequence[str]) -> Array:
        """The coordinates, (texts, columns). Raises RungFailed where the embedder cannot be asked."""
        rows = self.embedder.embed(texts) - self.centre
        found = np.empty((len(rows), self.basis.shape[1]))
        for place, row in zip(found, rows, strict=True):  # one at a time, so that a batch changes nothing
            place[:] = row @ self.basis
        return found

    def describe(self) -> dict[str, Any]:
        """For JSON; `of` reads it back."""
        return {"settings": dict(self.settings), "name": self.embedder.name}

    @classmethod
    def of(cls, told: Mapping[str, Any], centre: Floats, basis: Floats) -> "EmbeddedColumns":
        """What was described, with its numbers. Raises DataError, MissingExtra."""
        return cls(embedder_of(told["settings"], told["name"]), told["settings"], centre, basis)
