"""What all recipes of one model do: read the examples, learn, save the artefact, hand on the guesses."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Protocol

from stepladder.core import Dataset, Example, Fitted, Guess, Progress, Task


class Saving(Protocol):
    """A fitted model."""

    def save(self, folder: Path) -> None: ...


class Learnt(Protocol):
    """What a fit hands back: the model, for each training row in order the guess of a model that had not seen it (None
    where there is none), and numbers for the report."""

    @property
    def model(self) -> Saving: ...

    @property
    def guesses(self) -> Sequence[Guess | None]: ...

    @property
    def metrics(self) -> Mapping[str, float]: ...


@dataclass(frozen=True, slots=True)
class Lesson:
    """What is to be learnt: a task's labelled `examples`, its `unlabelled` texts, the recipe's `settings` as they stand in
    the configuration, and the seed. Files too large for memory may be written into the artefact's `folder` at once."""

    task: Task
    examples: Sequence[Example]
    unlabelled: Sequence[str]
    settings: Mapping[str, Any]
    seed: int
    progress: Progress
    folder: Path

    @property
    def texts(self) -> list[str]:
        """The examples' texts."""
        return [example.text for example in self.examples]

    @property
    def labels(self) -> list[str]:
        """The examples' labels."""
        return [example.label for example in self.examples]


class ModelRecipe(ABC):
    """A recipe whose artefact is one model's folder: `learn` is all that differs."""

    name: ClassVar[str]

    def fit(
        self,
        task: Task,
        dataset: Dataset,
        folder: Path,
        *,
        settings: Mapping[str, Any],
        seed: int,
        progress: Progress,
    ) -> Fitted:
        """Fit to the `train` split, save the artefact into `folder`, and return the guesses for hidden rows.

        Raises:
            ConfigError: a setting is unknown or out of range.
            DataError: there is nothing to learn (no examples, or one class only).
            MissingExtra: a library that the recipe needs is not installed.
        """
        examples = dataset.splits.get("train", ())
        unlabelled = [example.text for example in dataset.splits.get("unlabelled", ())]
        learnt = self.learn(Lesson(task, examples, unlabelled, settings, seed, progress, folder))
        learnt.model.save(folder)
        return Fitted(learnt.guesses, learnt.metrics)

    @abstractmethod
    def learn(self, lesson: Lesson) -> Learnt:
        """Fit a model. Raises ConfigError, DataError, MissingExtra."""
