"""The `encoder` rung: a sentence embedding and a trained linear head, for questions whose words were never seen."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from stepladder.core import DataError, Guess
from stepladder.models.artefact import Artefact, usable
from stepladder.models.embedded import CHARACTERS, Remembering, embedder_of
from stepladder.models.left_out import left_out
from stepladder.models.linear import Evidence
from stepladder.models.look import Look, softmax, surest
from stepladder.models.off_loop import OffLoopRung

Floats = NDArray[np.float32]

FORMAT = 1
"""Version of the artefact; a folder of another version is refused."""

_TENSORS = dict.fromkeys(("centre", "weights", "bias", "offsets"), np.float32)


@dataclass(frozen=True, slots=True, eq=False)
class EncoderModel:
    """A head over vectors around `centre` (dimensions,): `weights` (dimensions, classes), `bias` (classes,).

    Logits are `slope` * score + `offsets` (classes,), and the confidence is the largest softmax.
    """

    classes: tuple[str, ...]
    embedder: Remembering
    settings: Mapping[str, Any]
    centre: Floats
    weights: Floats
    bias: Floats
    slope: float
    offsets: Floats

    def __post_init__(self) -> None:
        shapes = {
            "weights": (self.weights.shape, (self.centre.size, len(self.classes))),
            "bias": (self.bias.shape, (len(self.classes),)),
            "offsets": (self.offsets.shape, (len(self.classes),)),
        }
        for name, (found, expected) in shapes.items():
            if found != expected:
                raise DataError(
                    f"encoder model: {name} has shape {found}, expected {expected}.", remedy="Fit it again."
                )

    def look(self, texts: Sequence[str]) -> Look:
        """Probabilities by class; it cannot tell how familiar a text is. Raises RungFailed."""
        rows = self.embedder.embed(texts) - self.centre
        scores = np.empty((len(texts), len(self.classes)))
        for score, row in zip(scores, rows, strict=True):  # one at a time, so that a batch changes nothing
            score[:] = row @ self.weights + self.bias
        return Look(softmax(self.slope * scores + self.offsets), np.ones(len(texts)))

    def predict(self, texts: Sequence[str]) -> list[Guess]:
        """The most probable class of each text. Raises RungFailed."""
        return surest(self.classes, self.look(texts).probabilities)

    def explain(self, text: str, limit: int = 5) -> list[Evidence]:
        """The words that the answer stands on. Raises RungFailed."""
        return left_out(lambda texts: self.look(texts).probabilities, text[:CHARACTERS], limit)

    def save(self, folder: Path) -> None:
        """Write the artefact into `folder`."""
        description = {
            "classes": list(self.classes),
            "embedder": dict(self.settings),
            "embedder_name": self.embedder.name,
            "slope": self.slope,
        }
        tensors = {name: getattr(self, name) for name in _TENSORS}
        Artefact("encoder", FORMAT, description, tensors).save(folder)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read what `save` wrote. Raises DataError, and MissingExtra where its embedder is not installed."""
        found = Artefact.load(folder, "encoder", FORMAT)
        with usable(folder, "encoder"):
            told = found.description
            embedder = embedder_of(told["embedder"], told["embedder_name"])
            tensors = {name: found.tensor(name, dtype) for name, dtype in _TENSORS.items()}
            return cls(
                tuple(told["classes"]), embedder, told["embedder"], slope=float(told["slope"]), **tensors
            )


class EncoderRung(OffLoopRung[EncoderModel]):
    """An encoder model as a rung of a ladder."""

    __slots__ = ()

    @classmethod
    def load(cls, folder: Path, *, name: str, release: str) -> Self:
        """Open the model in a release's folder. Raises DataError, MissingExtra."""
        return cls(name, release, EncoderModel.load(folder))
