"""The `linear` rung: one weight per n-gram and class, answered in the event loop in about a tenth of a millisecond.

The artefact is a folder of two files: `model.safetensors` (which buckets are used, and a row of weights for each) and
`model.json` (classes, n-gram settings, calibration, versions). It is read with numpy alone; how the weights came to be
is the trainer's business (`stepladder.training`).
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from time import perf_counter
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from stepladder.core import Answer, DataError, Guess, Part, Question
from stepladder.models.artefact import Artefact, usable
from stepladder.models.look import Look, likely
from stepladder.text import Feature, NgramHasher, normalise

Floats = NDArray[np.float32]

FORMAT = 1
"""Version of the artefact; a folder of another version is refused."""

_TENSORS = {"buckets": np.int32, "weights": np.float32, "bias": np.float32, "offsets": np.float32}

_PROBE = "Ｓtepladder 繁體字, don't! 好的 café №7"
"""Hashed at fit and at load: if a library changed what a text's n-grams are, the weights no longer fit them."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """An n-gram of the normalised question and how far it moved the answer: logits, positive speaks for it."""

    text: str
    weight: float
    start: int
    end: int


@dataclass(frozen=True, slots=True, eq=False)
class LinearModel:
    """Classes, weights and calibration of a linear classifier over hashed n-grams.

    `buckets` is sorted, shape (features,). `weights` has shape (features, columns + 1): the weight of a feature for
    each column, its inverse document frequency folded in, and last its squared inverse document frequency, whose sum
    normalises the text. Columns are the classes, or the second class alone where there are two. `bias` has shape
    (columns,). Logits are `slope` * score + `offsets` (classes,), and the confidence is the largest softmax.
    """

    classes: tuple[str, ...]
    hasher: NgramHasher
    buckets: NDArray[np.int32]
    weights: Floats
    bias: Floats
    slope: float
    offsets: Floats
    _rows: NDArray[np.int32] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        columns = 1 if len(self.classes) == 2 else len(self.classes)
        shapes = {
            "weights": (self.weights.shape, (self.buckets.size, columns + 1)),
            "bias": (self.bias.shape, (columns,)),
            "offsets": (self.offsets.shape, (len(self.classes),)),
        }
        for name, (found, expected) in shapes.items():
            if found != expected:
                raise DataError(
                    f"linear model: {name} has shape {found}, expected {expected}.", remedy="Fit it again."
                )
        if self.buckets.size and not 0 <= self.buckets[0] <= self.buckets[-1] < 1 << self.hasher.bits:
            raise DataError("linear model: buckets lie outside the hash range.", remedy="Fit it again.")
        rows = np.full(1 << self.hasher.bits, -1, np.int32)
        rows[self.buckets] = np.arange(self.buckets.size, dtype=np.int32)
        object.__setattr__(self, "_rows", rows)

    def probabilities(self, text: str) -> NDArray[np.float64]:
        """Return the calibrated probability of each class, shape (classes,)."""
        rows = self._rows.take(self.hasher.buckets(text))
        rows = rows[rows >= 0]
        rows.sort()
        fresh = np.ones(rows.size, np.bool_)
        np.not_equal(rows[1:], rows[:-1], out=fresh[1:])
        total = np.add.reduce(self.weights.take(rows[fresh], axis=0), axis=0, dtype=np.float64)
        score = total[:-1] / max(np.sqrt(total[-1]), 1e-12) + self.bias
        if score.size == 1:
            score = np.array((0.0, score[0]))
        logits = self.slope * score + self.offsets
        odds = np.exp(logits - logits.max())
        return np.asarray(odds / odds.sum())

    def look(self, texts: Sequence[str]) -> Look:
        """Probabilities by class of several texts; it cannot tell how familiar a text is."""
        rows = [self.probabilities(text) for text in texts]
        return Look(np.array(rows).reshape(len(rows), len(self.classes)), np.ones(len(rows)))

    def predict(self, text: str) -> Guess:
        """Return the most probable class and its probability."""
        probabilities = self.probabilities(text)
        best = int(probabilities.argmax())
        return Guess(self.classes[best], float(probabilities[best]))

    def likely(self, text: str, count: int) -> tuple[tuple[str, float], ...]:
        """The `count` most probable classes, the most probable first."""
        return likely(self.classes, self.probabilities(text), count)

    def explain(self, text: str, limit: int = 10) -> list[Evidence]:
        """Return the `limit` n-grams that moved the answer most, strongest first.

        The weight is the n-gram's share of the logit of the answer over the strongest other class.
        """
        ranking = self.probabilities(text).argsort()[::-1]
        normal = normalise(text)
        found: dict[int, Feature] = {}
        for feature in self.hasher.features(text):
            row = int(self._rows[feature.bucket])
            if row >= 0:
                found.setdefault(row, feature)
        rows = np.fromiter(found, np.int64, len(found))
        norm = max(np.sqrt(self.weights[rows, -1].sum(dtype=np.float64)), 1e-12)
        each = self._for_class(rows, int(ranking[0])) - self._for_class(rows, int(ranking[1]))
        moved = self.slope * each / norm
        order = np.argsort(-np.abs(moved), kind="stable")[:limit]
        places = [found[int(row)] for row in rows[order]]
        return [
            Evidence(normal[place.start : place.end], float(weight), place.start, place.end)
            for place, weight in zip(places, moved[order], strict=True)
        ]

    def _for_class(self, rows: NDArray[np.int64], label: int) -> NDArray[np.float64]:
        # Two classes share a column: it speaks for the second, and the first stands at 0.
        pair = len(self.classes) == 2
        return np.asarray(self.weights[rows, 0 if pair else label] * (label if pair else 1.0), np.float64)

    def save(self, folder: Path) -> None:
        """Write the artefact into `folder`."""
        tensors = {name: getattr(self, name) for name in _TENSORS}
        description = {
            "classes": list(self.classes),
            "hasher": asdict(self.hasher),
            "slope": self.slope,
            "probe": probe(self.hasher),
        }
        Artefact("linear", FORMAT, description, tensors).save(folder)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read what `save` wrote.

        Raises:
            DataError: a file is missing or damaged, of another version, or made by another normaliser.
        """
        found = Artefact.load(folder, "linear", FORMAT)
        with usable(folder, "linear"):
            hasher = read_hasher(found.description, folder)
            tensors = {name: found.tensor(name, dtype) for name, dtype in _TENSORS.items()}
            slope = float(found.description["slope"])
            return cls(tuple(found.description["classes"]), hasher, slope=slope, **tensors)


@dataclass(frozen=True, slots=True)
class LinearRung:
    """A fitted linear model as a rung of a ladder: sure of itself to the degree that its calibration says."""

    name: str
    release: str
    model: LinearModel

    @classmethod
    def load(cls, folder: Path, *, name: str, release: str) -> Self:
        """Open the model in a release's folder; DataError if it cannot be used."""
        return cls(name, release, LinearModel.load(folder))

    async def answer(self, question: Question) -> AsyncIterator[Part]:
        """Yield one Answer; it takes no await, so it never leaves the event loop."""
        began = perf_counter()
        guess = self.model.predict(question.text)
        told = self.model.likely(question.text, question.likely) if question.likely else ()
        spent = (perf_counter() - began) * 1000
        yield Answer(guess.text, guess.confidence, self.name, self.release, latency_ms=spent, likely=told)

    def predict(self, questions: Sequence[Question]) -> list[Guess]:
        """Return what `answer` would say to each question."""
        return [self.model.predict(question.text) for question in questions]

    def explain(self, question: Question, limit: int = 10) -> list[Evidence]:
        """Return the n-grams that moved the answer most."""
        return self.model.explain(question.text, limit)


def probe(hasher: NgramHasher) -> list[int]:
    """The buckets of one awkward text: kept in an artefact, they tell whether n-grams still are what they were."""
    return [int(bucket) for bucket in hasher.buckets(_PROBE)]


def read_hasher(description: Mapping[str, Any], folder: Path) -> NgramHasher:
    """The hasher that an artefact's `hasher` and `probe` describe. Raises DataError where texts now hash otherwise."""
    hasher = NgramHasher(**{k: _setting(v) for k, v in description["hasher"].items()})
    if description["probe"] != probe(hasher):
        raise DataError(
            f"{folder}: made where texts gave other n-grams (another normaliser).", remedy="Fit it again."
        )
    return hasher


def _setting(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value
