"""The `stack` rung: several models asked together, one answer and one confidence out of what they say.

The answer is the class of a log-linear pool of the members' probabilities. The confidence is the chance that this answer
is right, seen from what the pool and each member say of it, how long the text is and how like an example it is. The
artefact holds the members' own artefacts in folders of their names.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from stepladder.core import DataError, Guess
from stepladder.models.artefact import Artefact, usable
from stepladder.models.encoder import EncoderModel
from stepladder.models.linear import LinearModel
from stepladder.models.look import Array, Look, Looking, softmax
from stepladder.models.neighbours import NeighboursModel
from stepladder.models.off_loop import OffLoopRung

FORMAT = 1
"""Version of the artefact; a folder of another version is refused."""

MEMBERS: Mapping[str, Callable[[Path], Looking]] = {
    "linear": LinearModel.load,
    "encoder": EncoderModel.load,
    "neighbours": NeighboursModel.load,
}
"""What may be stacked, and how it is read, in the order in which it is asked."""

_LEAST = 1e-6  # a probability below says no more than this one


@dataclass(frozen=True, slots=True)
class Voice:
    """What a member says for the stack's answer to a question: its own answer, and its probability of the stack's."""

    member: str
    answer: str
    probability: float


@dataclass(frozen=True, slots=True, eq=False)
class StackModel:
    """Members by name, the pool's `slopes` (members,) and `offsets` (classes,), and the deferral's `weights` and `bias`.

    All members have the same classes. `weights` has a place for each of `features`.
    """

    classes: tuple[str, ...]
    members: Mapping[str, Looking]
    slopes: Array
    offsets: Array
    weights: Array
    bias: float

    def __post_init__(self) -> None:
        for name, member in self.members.items():
            if member.classes != self.classes:
                raise DataError(f"stack model: member {name} has other classes.", remedy="Fit it again.")
        shapes = {
            "slopes": (self.slopes.shape, (len(self.members),)),
            "offsets": (self.offsets.shape, (len(self.classes),)),
            "weights": (self.weights.shape, (4 + 2 * len(self.members),)),
        }
        for name, (found, expected) in shapes.items():
            if found != expected:
                raise DataError(
                    f"stack model: {name} has shape {found}, expected {expected}.", remedy="Fit it again."
                )

    def predict(self, texts: Sequence[str]) -> list[Guess]:
        """The pool's class for each text, and the chance that it is right. Raises RungFailed."""
        if not texts:
            return []
        looks = [member.look(texts) for member in self.members.values()]
        logs = log_probabilities(looks)
        pooled = softmax(np.einsum("m,rmc->rc", self.slopes, logs) + self.offsets)
        seen = features(texts, looks, pooled)
        logits = (seen * self.weights).sum(axis=1) + self.bias
        chances = 1 / (1 + np.exp(-np.clip(logits, -500, 500)))
        return [
            Guess(self.classes[k], float(chance))
            for k, chance in zip(pooled.argmax(axis=1), chances, strict=True)
        ]

    def explain(self, text: str, limit: int = 5) -> list[Voice]:
        """What each member says, the one that speaks most for the answer first. Raises RungFailed."""
        answer = self.classes.index(self.predict([text])[0].text)
        voices = []
        for name, member in self.members.items():
            (row,) = member.look([text]).probabilities
            voices.append(Voice(name, self.classes[int(row.argmax())], float(row[answer])))
        return sorted(voices, key=lambda voice: -voice.probability)[:limit]

    def save(self, folder: Path) -> None:
        """Write the artefact into `folder`, the members' own in folders of their names."""
        for name, member in self.members.items():
            member.save(folder / name)
        description = {"classes": list(self.classes), "members": list(self.members), "bias": self.bias}
        tensors: dict[str, NDArray[Any]] = {name: getattr(self, name) for name in _TENSORS}
        Artefact("stack", FORMAT, description, tensors).save(folder)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read what `save` wrote and its members. Raises DataError, and MissingExtra where an embedder is missing."""
        found = Artefact.load(folder, "stack", FORMAT)
        with usable(folder, "stack"):
            told = found.description
            members = {name: MEMBERS[name](folder / name) for name in told["members"]}
            tensors = {name: found.tensor(name, np.float64) for name in _TENSORS}
            return cls(tuple(told["classes"]), members, bias=float(told["bias"]), **tensors)


_TENSORS = ("slopes", "offsets", "weights")


def log_probabilities(looks: Sequence[Look]) -> Array:
    """The members' log probabilities, (texts, members, classes)."""
    return np.log(np.maximum(np.stack([look.probabilities for look in looks], axis=1), _LEAST))


def features(texts: Sequence[str], looks: Sequence[Look], pooled: Array) -> Array:
    """What the confidence is read from, (texts, 4 + 2 * members), given the pool's probabilities (texts, classes).

    The pool's logit (always first), its lead over the runner-up, the length of the text, its familiarity; then for each
    member whether it gives the same answer, and the logit of its probability of it.
    """
    best, rows = pooled.argmax(axis=1), np.arange(len(texts))
    ranked = np.sort(pooled, axis=1)
    found = [
        _logit(pooled[rows, best]),
        np.log(ranked[:, -1]) - np.log(np.maximum(ranked[:, -2], _LEAST)),
        np.log1p([len(text) for text in texts]),
        np.min([look.familiarity for look in looks], axis=0),
    ]
    for look in looks:
        found.append((look.probabilities.argmax(axis=1) == best).astype(np.float64))
        found.append(_logit(look.probabilities[rows, best]))
    return np.stack(found, axis=1)


def _logit(chances: Array) -> Array:
    kept = np.clip(chances, _LEAST, 1 - _LEAST)
    return np.asarray(np.log(kept / (1 - kept)))


class StackRung(OffLoopRung[StackModel]):
    """A stack as a rung of a ladder."""

    __slots__ = ()

    @classmethod
    def load(cls, folder: Path, *, name: str, release: str) -> Self:
        """Open the models in a release's folder. Raises DataError, MissingExtra."""
        return cls(name, release, StackModel.load(folder))
