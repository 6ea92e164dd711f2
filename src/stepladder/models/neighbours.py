"""The `neighbours` rung: what the examples nearest to a question were answered with.

The artefact keeps every example's vector and label, so a new class needs a handful of examples and no training
(`NeighboursModel.with_examples`). Vectors are centred first: those of sentence encoders lie in a narrow cone. Beside the
neighbours' votes counts how like a text is to each class as a whole, the mean of its examples (Snell et al. 2017, arXiv
1703.05175, "prototypical networks"): a few neighbours are a noisy witness where classes are many.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from stepladder.core import DataError, Guess
from stepladder.models.artefact import Artefact, usable
from stepladder.models.embedded import Remembering, embedder_of
from stepladder.models.look import Array, Look, softmax, surest
from stepladder.models.off_loop import OffLoopRung

Floats = NDArray[np.float32]

FORMAT = 2
"""Version of the artefact; a folder of another version is refused."""


@dataclass(frozen=True, slots=True)
class Vote:
    """How neighbours vote: the nearest `count`, each with exp((similarity - 1) / `width`); every class starts with `doubt`.

    With a text that is near to nothing, doubt outweighs the votes, and the answer is unsure. `pull` times the similarity to
    a class's mean is added to its log votes.
    """

    count: int
    width: float
    doubt: float
    pull: float = 0.0

    def scores(
        self, similarities: Array, labels: NDArray[np.int64], balance: Floats, to_means: Array
    ) -> Array:
        """Log votes of each class, (texts, classes), from (texts, neighbours) similarities, falling, and class numbers.

        `balance` (classes,) is what a vote for a class counts, `to_means` (texts, classes) the similarity to its mean.
        """
        classes = balance.size
        weights = np.exp((similarities[:, : self.count] - 1) / self.width)
        rows = np.arange(len(weights))[:, None] * classes + labels[:, : self.count]
        votes = np.bincount(rows.ravel(), weights.ravel(), len(weights) * classes)
        return np.asarray(np.log(votes.reshape(-1, classes) * balance + self.doubt) + self.pull * to_means)


@dataclass(frozen=True, slots=True)
class Neighbour:
    """An example that spoke: its id, its label, and how like the question it is (a cosine)."""

    example: str
    label: str
    similarity: float


@dataclass(frozen=True, slots=True, eq=False)
class NeighboursModel:
    """Examples as centred unit `vectors` (examples, dimensions), their class numbers `labels` and their `ids`.

    A vote for a class counts `balance` (classes,): more than 1 where a class is new and its examples are few. Logits are
    `slope` * score + `offsets` (classes,), and the confidence is the largest softmax.
    """

    classes: tuple[str, ...]
    embedder: Remembering
    settings: Mapping[str, Any]
    ids: tuple[str, ...]
    labels: NDArray[np.int64]
    centre: Floats
    vectors: Floats
    vote: Vote
    slope: float
    offsets: Floats
    balance: Floats
    _means: Floats = field(init=False, repr=False)

    def __post_init__(self) -> None:
        rows, dimensions = len(self.ids), self.centre.size
        shapes = {
            "vectors": (self.vectors.shape, (rows, dimensions)),
            "labels": (self.labels.shape, (rows,)),
            "offsets": (self.offsets.shape, (len(self.classes),)),
            "balance": (self.balance.shape, (len(self.classes),)),
        }
        for name, (found, expected) in shapes.items():
            if found != expected:
                raise DataError(
                    f"neighbours model: {name} has shape {found}, expected {expected}.",
                    remedy="Fit it again.",
                )
        if not rows or not 0 <= int(self.labels.min()) <= int(self.labels.max()) < len(self.classes):
            raise DataError("neighbours model: labels are out of range.", remedy="Fit it again.")
        object.__setattr__(self, "_means", unit(sums(self.vectors, self.labels, len(self.classes))))

    def look(self, texts: Sequence[str]) -> Look:
        """Probabilities by class; familiarity is the similarity of the nearest example. Raises RungFailed."""
        rows = centred(self.embedder.embed(texts), self.centre)
        nearest, similarities = self._nearest(rows)
        to_means = np.array([self._means @ row for row in rows]).reshape(len(rows), len(self.classes))
        scores = self.vote.scores(similarities, self.labels[nearest], self.balance, to_means)
        return Look(softmax(self.slope * scores + self.offsets), np.maximum(similarities[:, 0], 0.0))

    def predict(self, texts: Sequence[str]) -> list[Guess]:
        """The most probable class of each text. Raises RungFailed."""
        return surest(self.classes, self.look(texts).probabilities)

    def explain(self, text: str, limit: int = 5) -> list[Neighbour]:
        """The nearest examples, nearest first. Raises RungFailed."""
        nearest, similarities = self._nearest(centred(self.embedder.embed([text]), self.centre))
        return [
            Neighbour(self.ids[k], self.classes[self.labels[k]], float(similarity))
            for k, similarity in zip(nearest[0][:limit], similarities[0], strict=False)
        ]

    def with_examples(
        self, ids: Sequence[str], texts: Sequence[str], labels: Sequence[str]
    ) -> "NeighboursModel":
        """A model that knows these examples too, classes that it had never met included. Raises RungFailed.

        A handful of a new class stands against many of the old ones, and how often it will be asked for is not known:
        its votes count as if it had as many examples as the others have.
        """
        new = sorted(set(labels) - set(self.classes))
        classes = (*self.classes, *new)
        number = {name: k for k, name in enumerate(classes)}
        # A class that nothing is known of yet is given the middle of what the others were found to need.
        middle = np.full(len(new), self.offsets.mean(), np.float32)
        all_labels = np.append(self.labels, [number[label] for label in labels])
        sizes = np.bincount(all_labels, minlength=len(classes))
        late = np.append(self.balance > 1, np.ones(len(new), np.bool_))
        usual = float(sizes[~late].mean()) if not late.all() else 1.0
        balance = np.where(late, np.maximum(usual / np.maximum(sizes, 1), 1.0), 1.0)
        return replace(
            self,
            classes=classes,
            ids=(*self.ids, *ids),
            labels=all_labels,
            vectors=np.vstack((self.vectors, centred(self.embedder.embed(texts), self.centre))),
            offsets=np.append(self.offsets, middle),
            balance=balance.astype(np.float32),
        )

    def _nearest(self, rows: Floats) -> tuple[NDArray[np.int64], Array]:
        """The `vote.count` examples nearest to each centred text, nearest first, and their similarities."""
        count = min(self.vote.count, len(self.ids))
        found = np.empty((len(rows), count), np.int64)
        similarities = np.empty((len(rows), count))
        for i, row in enumerate(
            rows
        ):  # one at a time: a product of matrices differs in its last bits with their sizes
            all_similar = self.vectors @ row
            some = np.argpartition(-all_similar, count - 1)[:count]
            found[i] = some[np.argsort(-all_similar[some], kind="stable")]
            similarities[i] = all_similar[found[i]]
        return found, similarities

    def save(self, folder: Path) -> None:
        """Write the artefact into `folder`."""
        description = {
            "classes": list(self.classes),
            "embedder": dict(self.settings),
            "embedder_name": self.embedder.name,
            "ids": list(self.ids),
            "vote": [self.vote.count, self.vote.width, self.vote.doubt, self.vote.pull],
            "slope": self.slope,
        }
        tensors = {name: getattr(self, name) for name in _TENSORS}
        Artefact("neighbours", FORMAT, description, tensors).save(folder)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read what `save` wrote. Raises DataError, and MissingExtra where its embedder is not installed."""
        found = Artefact.load(folder, "neighbours", FORMAT)
        with usable(folder, "neighbours"):
            told = found.description
            embedder = embedder_of(told["embedder"], told["embedder_name"])
            count, *terms = told["vote"]
            return cls(
                tuple(told["classes"]),
                embedder,
                told["embedder"],
                tuple(told["ids"]),
                vote=Vote(int(count), *map(float, terms)),
                slope=float(told["slope"]),
                **{name: found.tensor(name, dtype) for name, dtype in _TENSORS.items()},
            )


_TENSORS = {"labels": np.int64, **dict.fromkeys(("centre", "vectors", "offsets", "balance"), np.float32)}


def centred(vectors: Floats, centre: Floats) -> Floats:
    """Unit rows again, around `centre`."""
    return unit(vectors - centre)


def unit(rows: Floats) -> Floats:
    """The rows at length 1; nought stays nought."""
    lengths = np.sqrt(np.einsum("ij,ij->i", rows, rows))[:, None]
    return np.asarray(rows / np.maximum(lengths, 1e-12), np.float32)


def sums(rows: Floats, labels: NDArray[np.int64], classes: int) -> Floats:
    """The sum of each class's rows, (classes, dimensions)."""
    found = np.zeros((classes, rows.shape[1]), np.float32)
    np.add.at(found, labels, rows)
    return found


class NeighboursRung(OffLoopRung[NeighboursModel]):
    """A neighbours model as a rung of a ladder."""

    __slots__ = ()

    @classmethod
    def load(cls, folder: Path, *, name: str, release: str) -> Self:
        """Open the model in a release's folder. Raises DataError, MissingExtra."""
        return cls(name, release, NeighboursModel.load(folder))
