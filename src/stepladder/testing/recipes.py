"""The contract suite of recipes and of the rungs that they make: fit, guesses, save, load, answer, confidence, explain.

    from stepladder.testing.recipes import RecipeContract

    class TestMine(RecipeContract):
        rung = MyRung

        def recipe(self):
            return MyRecipe()

The recipe is fitted once for the class; everything else is asked of the rung that is loaded from what it wrote.
"""

import math
import tempfile
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import pytest

from stepladder.core import (
    ConfigError,
    DataError,
    Dataset,
    Example,
    Fitted,
    Learned,
    LearnedLoader,
    Question,
    Recipe,
    Rung,
    Task,
)
from stepladder.testing.contracts import LearnedContract

_WORDS = {"good": ("great", "lovely", "好"), "bad": ("awful", "dull", "差")}
_FILLING = ("the soup was very {}", "{} service", "菜 很 {}", "a {} place", "very {} soup and service")


def opinions(rows: int) -> list[Example]:
    """Examples that a single word tells apart, English and Chinese, each text once."""
    found = []
    for at in range(rows):
        label = ("good", "bad")[at % 2]
        word = _WORDS[label][at // 2 % 3]
        text = f"{_FILLING[at // 6 % len(_FILLING)].format(word)} {at}"
        found.append(Example(str(at), text, label, fields={"stars": 5 - 4 * (at % 2) + at % 3 / 10}))
    return found


@dataclass(frozen=True, slots=True)
class Made:
    """What a recipe made: its word about it, and the folder."""

    fitted: Fitted
    folder: Path
    told: tuple[tuple[int, int, str], ...]


class RecipeContract(LearnedContract):
    """What every recipe keeps, and the rung that it makes. `rung` loads; `right` of ten fresh questions it must know."""

    rung: ClassVar[type[LearnedLoader]]
    settings: ClassVar[Mapping[str, Any]] = {}
    examples: ClassVar[Sequence[Example]] = tuple(opinions(90))
    fresh: ClassVar[Sequence[Example]] = tuple(opinions(100)[90:])
    right: ClassVar[int] = 8
    repeated: ClassVar[bool] = True
    """Whether a second fit, which must give the same guesses, is quick enough to be tried."""
    learns_from_few: ClassVar[bool] = False
    """Whether examples of a single answer are enough for it."""
    known = ("the soup was very great", "菜 很 差")
    task = Task(name="contract", top="top", labels=("good", "bad"), prompt="Is it good or bad?")

    def recipe(self) -> Recipe:
        """Return the recipe under test."""
        raise NotImplementedError("Override recipe.")

    made: ClassVar[Made]

    @classmethod
    def prepare(cls, folder: Path) -> None:
        """Called once before the fit, with a folder of its own: what `settings` may need is made here."""

    @pytest.fixture(scope="class", autouse=True)
    @classmethod
    def _once(cls, tmp_path_factory: pytest.TempPathFactory) -> None:
        cls.prepare(tmp_path_factory.mktemp("prepared"))
        cls.made = cls().fit(tmp_path_factory.mktemp("made"))

    def fit(self, folder: Path) -> Made:
        """Run the recipe."""
        told: list[tuple[int, int, str]] = []
        fitted = self._fitted(folder, self.examples, self.settings, told)
        return Made(fitted, folder, tuple(told))

    def _fitted(
        self,
        folder: Path,
        examples: Sequence[Example],
        settings: Mapping[str, Any],
        told: list[tuple[int, int, str]],
    ) -> Fitted:
        return self.recipe().fit(
            self.task,
            Dataset("hash", "contract", {"train": tuple(examples)}),
            folder,
            settings=settings,
            seed=1,
            progress=lambda done, total, what: told.append((done, total, what)),
        )

    def load(self) -> Learned:
        """The rung, from the folder."""
        return self.rung.load(self.made.folder, name="contract", release="r1")

    @asynccontextmanager
    async def opened(self) -> AsyncIterator[Rung]:
        """The rung, closed afterwards where it can be."""
        rung = self.load()
        try:
            yield rung
        finally:
            close = getattr(getattr(rung, "model", None), "close", None)
            if close is not None:
                close()

    def question(self, text: str) -> Question:
        """A question of the task; what is known of the text goes along as its fields."""
        fields = next((one.fields for one in self.examples if one.text == text), {})
        return Question(id=f"q-{len(text)}", task=self.task.name, text=text, fields=fields)

    def test_there_is_a_guess_or_none_for_each_example(self) -> None:
        guesses = self.made.fitted.out_of_fold
        assert len(guesses) == len(self.examples)
        said = [guess for guess in guesses if guess is not None]
        assert said
        assert all(0.0 <= guess.confidence <= 1.0 for guess in said)

    def test_its_numbers_are_numbers(self) -> None:
        assert self.recipe().name
        assert all(math.isfinite(value) for value in self.made.fitted.metrics.values())
        assert self.made.told, "it says how far it is"

    def test_what_it_made_answers_fresh_questions(self) -> None:
        async def check(rung: Rung) -> None:
            assert isinstance(rung, Learned)
            asked = [Question(one.id, "contract", one.text, fields=one.fields) for one in self.fresh]
            guesses = rung.predict(asked)
            right = sum(guess.text == one.label for guess, one in zip(guesses, self.fresh, strict=True))
            assert right >= self.right
            assert (rung.name, rung.release) == ("contract", "r1")

        self.run(check)

    def test_it_can_say_why(self) -> None:
        async def check(rung: Rung) -> None:
            assert isinstance(rung, Learned)
            question = Question("q", "contract", self.fresh[0].text, fields=self.fresh[0].fields)
            assert rung.explain(question)

        self.run(check)

    def test_the_same_examples_make_the_same_guesses(self, tmp_path: Path) -> None:
        if not self.repeated:
            pytest.skip("a second fit takes too long")
        again = self.fit(tmp_path)
        assert list(again.fitted.out_of_fold) == list(self.made.fitted.out_of_fold)

    def test_unknown_settings_are_refused(self, tmp_path: Path) -> None:
        with pytest.raises(ConfigError, match="no_such_setting"):
            self._fitted(tmp_path, self.examples, {**self.settings, "no_such_setting": 1}, [])

    def test_too_little_to_learn_is_said(self, tmp_path: Path) -> None:
        one = [example for example in self.examples if example.label == self.examples[0].label]
        for few in ([],) if self.learns_from_few else ([], one):
            with pytest.raises(DataError):
                self._fitted(tmp_path, few, self.settings, [])

    def test_a_folder_without_an_artefact_is_refused(self) -> None:
        with tempfile.TemporaryDirectory() as empty, pytest.raises(DataError):
            self.rung.load(Path(empty), name="contract", release="r1")
