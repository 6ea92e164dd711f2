"""The `finetuned` rung: a small encoder, every weight of which was trained for one task, in ONNX.

The artefact holds the network with its head (`model.onnx`, in 8 bit as a rule), the tokeniser, and the calibration. It is
served by onnxruntime alone, one text at a time: in 8 bit, what stands beside a text in a batch would change its answer.
"""

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import msgspec
import numpy as np

from stepladder.core import DataError, Guess
from stepladder.models.artefact import usable
from stepladder.models.folder_embedder import Forward, open_onnx, open_tokenizer, tokens_of
from stepladder.models.left_out import left_out
from stepladder.models.linear import Evidence
from stepladder.models.look import Array, Look, softmax, surest
from stepladder.models.off_loop import OffLoopRung

FORMAT = 1
"""Version of the artefact; a folder of another version is refused."""

NETWORK, TOKENIZER = "model.onnx", "tokenizer.json"


class Head(msgspec.Struct, frozen=True):
    """`model.json`: the classes in the order of the network's scores, after how many tokens (`length`) a text is cut, in
    how many `bits` the weights are, and the calibration: logits are `slope` * score + `offsets`."""

    classes: list[str]
    length: int
    bits: int
    slope: float
    offsets: list[float]
    kind: str = "finetuned"
    format: int = FORMAT


@dataclass(frozen=True, slots=True, eq=False)
class FinetunedModel:
    """The network in `folder`, opened: `forward` gives the scores (1, classes) of one text's tokens."""

    head: Head
    folder: Path
    tokenizer: Any
    forward: Forward

    @classmethod
    def open(cls, folder: Path, head: Head) -> Self:
        """Open network and tokeniser. Raises DataError where they do not fit the head, MissingExtra."""
        tokenizer = open_tokenizer(folder, head.length)
        model = cls(head, folder, tokenizer, open_onnx(folder / NETWORK))
        if model.scores([""]).shape != (1, len(head.classes)) or len(head.offsets) != len(head.classes):
            raise DataError("finetuned model: its parts do not fit together.", remedy="Fit it again.")
        return model

    @property
    def classes(self) -> tuple[str, ...]:
        """The labels that it knows."""
        return tuple(self.head.classes)

    def scores(self, texts: Sequence[str]) -> Array:
        """What the network says, not calibrated, (texts, classes)."""
        rows = [self.forward(tokens_of(self.tokenizer, text))[0] for text in texts]
        return np.array(rows, np.float64).reshape(len(rows), len(self.head.classes))

    def look(self, texts: Sequence[str]) -> Look:
        """Probabilities by class; it cannot tell how familiar a text is."""
        logits = self.head.slope * self.scores(texts) + np.array(self.head.offsets)
        return Look(softmax(logits) if len(texts) else logits, np.ones(len(texts)))

    def predict(self, texts: Sequence[str]) -> list[Guess]:
        """The most probable class of each text."""
        return surest(self.classes, self.look(texts).probabilities)

    def explain(self, text: str, limit: int = 5) -> list[Evidence]:
        """The words that the answer stands on."""
        return left_out(lambda texts: self.look(texts).probabilities, text[: 8 * self.head.length], limit)

    def save(self, folder: Path) -> None:
        """Write the artefact into `folder`, which may be the one where the network is."""
        folder.mkdir(parents=True, exist_ok=True)
        if folder.resolve() != self.folder.resolve():
            for name in (NETWORK, TOKENIZER):
                shutil.copyfile(self.folder / name, folder / name)
        (folder / "model.json").write_bytes(msgspec.json.encode(self.head))

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read what `save` wrote. Raises DataError, and MissingExtra without onnxruntime or tokenizers."""
        with usable(folder, "finetuned"):
            head = msgspec.json.decode((folder / "model.json").read_bytes(), type=Head)
        if head.format != FORMAT or head.kind != "finetuned":
            raise DataError(f"{folder}: finetuned model of another format.", remedy="Fit it again.")
        return cls.open(folder, head)


class FinetunedRung(OffLoopRung[FinetunedModel]):
    """A fine-tuned encoder as a rung of a ladder."""

    __slots__ = ()

    @classmethod
    def load(cls, folder: Path, *, name: str, release: str) -> Self:
        """Open the model in a release's folder. Raises DataError, MissingExtra."""
        return cls(name, release, FinetunedModel.load(folder))
