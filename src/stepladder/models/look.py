"""What a fitted model sees in texts, in the form that other models can build on."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from stepladder.core import Guess

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Look:
    """Calibrated `probabilities` (texts, classes), and how like something known each text is, `familiarity` (texts,)
    from 0 to 1; a model that cannot say gives 1 for all."""

    probabilities: Array
    familiarity: Array


@runtime_checkable
class Looking(Protocol):
    """A fitted model that gives every class a probability."""

    @property
    def classes(self) -> tuple[str, ...]: ...

    def look(self, texts: Sequence[str]) -> Look: ...

    def save(self, folder: Path) -> None: ...


def surest(classes: Sequence[str], probabilities: Array) -> list[Guess]:
    """The most probable class of each row, and its probability as the confidence."""
    best = probabilities.argmax(axis=1)
    return [Guess(classes[k], float(row[k])) for k, row in zip(best, probabilities, strict=True)]


def likely(classes: Sequence[str], probabilities: Array, count: int) -> tuple[tuple[str, float], ...]:
    """The `count` most probable classes of one row, (classes,), the most probable first."""
    order = np.argsort(-probabilities, kind="stable")[:count]
    return tuple((classes[k], float(probabilities[k])) for k in order)


def softmax(logits: Array) -> Array:
    """Rows of odds that sum to 1."""
    odds = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return np.asarray(odds / odds.sum(axis=-1, keepdims=True))
