"""The `trees` rung: gradient boosted trees over a question's fields, and over what a linear model says of its text.

Numbers, categories and times belong in columns and not in a prompt: here the fortieth field counts as much as the first.
The artefact holds LightGBM's own text, compressed, and the linear model's artefact in the folder `linear`.
"""

import gzip
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from stepladder.core import Answer, DataError, Guess, MissingExtra, Part, Question
from stepladder.models.artefact import Artefact, usable
from stepladder.models.columns import Columns
from stepladder.models.embedded_columns import EmbeddedColumns
from stepladder.models.linear import LinearModel
from stepladder.models.look import Array, likely, softmax, surest
from stepladder.models.off_loop import off_loop

FORMAT = 2
"""Version of the artefact; a folder of another version is refused."""

_BOOSTER = "trees.txt.gz"
_LEAST = 1e-6


@dataclass(frozen=True, slots=True)
class Pull:
    """How far one column moved the answer: logits, positive speaks for it."""

    column: str
    weight: float


@dataclass(frozen=True, slots=True, eq=False)
class TreesModel:
    """`booster` is LightGBM's, over the columns of the fields, the `text` model's log probabilities, and the `meaning`'s.

    `text` is None where the training questions' texts told nothing, `meaning` where no embedder was asked for. Logits are
    `slope` * log probability + `offsets` (classes,), and the confidence is the largest softmax.
    """

    classes: tuple[str, ...]
    columns: Columns
    text: LinearModel | None
    booster: Any
    slope: float
    offsets: Array
    meaning: EmbeddedColumns | None = None

    def __post_init__(self) -> None:
        wide = len(self.names)
        if self.booster.num_feature() != wide or self.offsets.shape != (len(self.classes),):
            raise DataError("trees model: its parts do not fit together.", remedy="Fit it again.")

    @property
    def names(self) -> list[str]:
        """The columns' names."""
        said = [f"text: {name}" for name in self.classes] if self.text else []
        return [*self.columns.names, *said, *(self.meaning.names if self.meaning else ())]

    def probabilities(self, questions: Sequence[Question]) -> Array:
        """The calibrated probability of each class, (questions, classes)."""
        if not questions:
            return np.empty((0, len(self.classes)))
        chances = class_chances(self.booster, self.table(questions))
        return softmax(self.slope * np.log(np.maximum(chances, _LEAST)) + self.offsets)

    def table(self, questions: Sequence[Question]) -> Array:
        """What the trees see, (questions, columns)."""
        texts = [question.text for question in questions]
        parts = [self.columns.table(question.fields for question in questions)]
        parts += [text_columns(self.text, texts)] if self.text else []
        parts += [self.meaning.table(texts)] if self.meaning else []
        return np.hstack(parts)

    def explain(self, question: Question, limit: int = 10) -> list[Pull]:
        """The columns that moved the answer most (Lundberg's tree SHAP, as LightGBM computes it), strongest first."""
        names = self.names
        found = np.asarray(self.booster.predict(self.table([question]), pred_contrib=True, num_threads=1))
        if len(self.classes) == 2:
            sign = 1.0 if int(self.probabilities([question]).argmax()) else -1.0
            moved = sign * found.reshape(-1)[:-1]
        else:
            best = int(self.probabilities([question]).argmax())
            moved = found.reshape(len(self.classes), -1)[best, :-1]
        order = np.argsort(-np.abs(moved), kind="stable")[:limit]
        return [Pull(names[k], float(moved[k])) for k in order]

    def save(self, folder: Path) -> None:
        """Write the artefact into `folder`."""
        folder.mkdir(parents=True, exist_ok=True)
        if self.text is not None:
            self.text.save(folder / "linear")
        written = gzip.compress(self.booster.model_to_string().encode(), mtime=0)
        (folder / _BOOSTER).write_bytes(written)
        description = {
            "classes": list(self.classes),
            "columns": self.columns.describe(),
            "text": self.text is not None,
            "slope": self.slope,
            "meaning": self.meaning.describe() if self.meaning else None,
        }
        numbers: dict[str, NDArray[Any]] = {"offsets": self.offsets}
        if self.meaning is not None:
            numbers |= {"centre": self.meaning.centre, "basis": self.meaning.basis}
        Artefact("trees", FORMAT, description, numbers).save(folder)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read what `save` wrote. Raises DataError, and MissingExtra without LightGBM."""
        lightgbm = import_lightgbm()
        found = Artefact.load(folder, "trees", FORMAT)
        with usable(folder, "trees"):
            told = found.description
            try:
                text = gzip.decompress((folder / _BOOSTER).read_bytes()).decode()
                booster = lightgbm.Booster(model_str=text)
            except (EOFError, lightgbm.basic.LightGBMError) as error:
                raise ValueError(f"{_BOOSTER} is damaged") from error
            meaning = None
            if told["meaning"]:
                numbers = [found.tensor(name, np.float32) for name in ("centre", "basis")]
                meaning = EmbeddedColumns.of(told["meaning"], *numbers)
            return cls(
                tuple(told["classes"]),
                Columns.of(told["columns"]),
                LinearModel.load(folder / "linear") if told["text"] else None,
                booster,
                float(told["slope"]),
                found.tensor("offsets", np.float64),
                meaning,
            )


def import_lightgbm() -> Any:
    """LightGBM, loaded now. Raises MissingExtra."""
    try:
        import lightgbm
    except ImportError as error:
        raise MissingExtra("The trees rung", "trees") from error
    return lightgbm


def class_chances(booster: Any, table: Array, rounds: int | None = None) -> Array:
    """A booster's own probabilities, a column for each class, (rows, classes)."""
    found: NDArray[np.float64] = np.asarray(booster.predict(table, num_iteration=rounds, num_threads=1))
    return np.column_stack((1 - found, found)) if found.ndim == 1 else found


def text_columns(model: LinearModel, texts: Sequence[str]) -> Array:
    """What a linear model says of texts, as columns: log probabilities, (texts, classes)."""
    return np.log(np.maximum(model.look(texts).probabilities, _LEAST))


@dataclass(frozen=True, slots=True)
class TreesRung:
    """A trees model as a rung of a ladder. It looks at a question's fields and its text."""

    name: str
    release: str
    model: TreesModel

    @classmethod
    def load(cls, folder: Path, *, name: str, release: str) -> Self:
        """Open the model in a release's folder. Raises DataError, MissingExtra."""
        return cls(name, release, TreesModel.load(folder))

    async def answer(self, question: Question) -> AsyncIterator[Part]:
        """Yield one Answer; the work is done off the event loop."""
        began = perf_counter()
        (row,) = await off_loop(self.model.probabilities, [question])
        (guess,) = surest(self.model.classes, row[None])
        told = likely(self.model.classes, row, question.likely) if question.likely else ()
        spent = (perf_counter() - began) * 1000
        yield Answer(guess.text, guess.confidence, self.name, self.release, latency_ms=spent, likely=told)

    def predict(self, questions: Sequence[Question]) -> list[Guess]:
        """What `answer` would say to each question."""
        return surest(self.model.classes, self.model.probabilities(questions))

    def explain(self, question: Question, limit: int = 10) -> list[Pull]:
        """The columns that moved the answer most."""
        return self.model.explain(question, limit)
