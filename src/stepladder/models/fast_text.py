"""The `fasttext` rung: supervised fastText (Joulin et al. 2017, arXiv 1607.01759) through its own library.

It is the reference that `linear` is measured against. The artefact holds fastText's file, compressed; the library only
reads files, so it is unpacked beside the release for a moment when it is loaded.
"""

import gzip
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np

from stepladder.core import DataError, Guess, MissingExtra
from stepladder.models.artefact import Artefact, usable
from stepladder.models.left_out import left_out
from stepladder.models.linear import Evidence
from stepladder.models.look import Array, Look, softmax, surest
from stepladder.models.off_loop import OffLoopRung

FORMAT = 1
"""Version of the artefact; a folder of another version is refused."""

PREFIX = "__label__"
_FILE = "fasttext.gz"
_LEAST = 1e-6


@dataclass(frozen=True, slots=True, eq=False)
class FastTextModel:
    """fastText's `file`, opened as `engine`, whose labels are the places in `classes`.

    Logits are `slope` * log probability + `offsets` (classes,), and the confidence is the largest softmax.
    """

    classes: tuple[str, ...]
    file: bytes
    engine: Any
    slope: float
    offsets: Array

    def look(self, texts: Sequence[str]) -> Look:
        """Probabilities by class; it cannot tell how familiar a text is."""
        logits = self.slope * log_chances(self.engine, texts, len(self.classes)) + self.offsets
        return Look(softmax(logits) if len(texts) else logits, np.ones(len(texts)))

    def predict(self, texts: Sequence[str]) -> list[Guess]:
        """The most probable class of each text."""
        return surest(self.classes, self.look(texts).probabilities)

    def explain(self, text: str, limit: int = 5) -> list[Evidence]:
        """The words that the answer stands on."""
        return left_out(lambda texts: self.look(texts).probabilities, text, limit)

    def save(self, folder: Path) -> None:
        """Write the artefact into `folder`."""
        folder.mkdir(parents=True, exist_ok=True)
        (folder / _FILE).write_bytes(gzip.compress(self.file, compresslevel=1, mtime=0))
        description = {"classes": list(self.classes), "slope": self.slope}
        Artefact("fasttext", FORMAT, description, {"offsets": self.offsets}).save(folder)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read what `save` wrote. Raises DataError, and MissingExtra without fastText."""
        import_fasttext()
        found = Artefact.load(folder, "fasttext", FORMAT)
        with usable(folder, "fasttext"):
            try:
                file = gzip.decompress((folder / _FILE).read_bytes())
            except EOFError as error:
                raise ValueError(f"{_FILE} is damaged") from error
            classes = tuple(found.description["classes"])
            slope, offsets = float(found.description["slope"]), found.tensor("offsets", np.float64)
            return cls(classes, file, open_engine(file), slope, offsets)


def import_fasttext() -> Any:
    """The library, loaded now. Raises MissingExtra."""
    try:
        import fasttext
    except ImportError as error:
        raise MissingExtra("The fasttext rung", "fasttext") from error
    return fasttext


def open_engine(file: bytes) -> Any:
    """fastText's own object for the bytes of a model's file. Raises DataError."""
    with tempfile.NamedTemporaryFile(suffix=".bin") as place:
        place.write(file)
        place.flush()
        engine = import_fasttext().FastText._FastText().f
        try:
            engine.loadModel(place.name)
        except (ValueError, RuntimeError) as error:
            raise DataError("fasttext model: the file is damaged.", remedy="Fit it again.") from error
    return engine


def log_chances(engine: Any, texts: Sequence[str], classes: int) -> Array:
    """The library's log probability of each class, (texts, classes); all alike for a text without a word.

    The binding's own `predict` does not know every numpy, so the plain one under it is asked.
    """
    found = np.full((len(texts), classes), -np.log(classes))
    for row, text in zip(found, texts, strict=True):
        for chance, label in engine.predict(line_of(text), -1, 0.0, "strict"):
            row[int(label.removeprefix(PREFIX))] = np.log(min(max(chance, _LEAST), 1.0))
    return found


def line_of(text: str) -> str:
    """A line of its input, Han characters as words: fastText only knows blanks. No word of it looks like a label."""
    spaced = "".join(f" {c} " if "\u3400" <= c <= "\u9fff" else c for c in text.replace("\0", " "))
    words = " ".join(word.lstrip("_") or "_" for word in spaced.split())
    return words.encode("utf-8", "replace").decode() + "\n"


class FastTextRung(OffLoopRung[FastTextModel]):
    """A fastText model as a rung of a ladder."""

    __slots__ = ()

    @classmethod
    def load(cls, folder: Path, *, name: str, release: str) -> Self:
        """Open the model in a release's folder. Raises DataError, MissingExtra."""
        return cls(name, release, FastTextModel.load(folder))
