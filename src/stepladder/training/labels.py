"""Labels as class numbers, and the folds that take turns being hidden."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from stepladder.core import DataError

Labels = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Classes:
    """The sorted `names` of the classes and the `numbers` (rows,) of each row's."""

    names: tuple[str, ...]
    numbers: Labels

    @classmethod
    def of(cls, texts: Sequence[str], labels: Sequence[str]) -> "Classes":
        """Number the labels. Raises DataError: they do not fit the texts, are none, or of one class only."""
        if len(texts) != len(labels):
            raise DataError(
                f"{len(texts)} texts but {len(labels)} labels.", remedy="Give one label for each text."
            )
        names = tuple(sorted(set(labels)))
        if len(names) < 2:
            seen = f"only {names[0]!r}" if names else "no examples"
            raise DataError(
                f"A model needs examples of at least two classes; the training set has {seen}.",
                remedy="Gather more labelled examples.",
            )
        number = {name: k for k, name in enumerate(names)}
        return cls(names, np.array([number[label] for label in labels], np.int64))


def folds(numbers: Labels, count: int, rng: np.random.Generator) -> Labels:
    """The fold of each row (rows,): shuffled within a class, so that every fold hides a fair share of every class."""
    shuffled = rng.permutation(numbers.size)
    fold = np.empty(numbers.size, np.int64)
    fold[shuffled[np.argsort(numbers[shuffled], kind="stable")]] = np.arange(numbers.size) % count
    return fold
