"""All our recipes, and the rungs that they make, through one contract suite, the one that a stranger's plug-in passes."""

import importlib.util
import json
from typing import ClassVar

import pytest

from stepladder.core import Example, plugins
from stepladder.models import (
    EncoderRung,
    FastTextRung,
    FewShotRung,
    FinetunedRung,
    LinearRung,
    NeighboursRung,
    StackRung,
    TaggerRung,
    TreesRung,
)
from stepladder.testing.recipes import RecipeContract
from stepladder.training import (
    EncoderRecipe,
    FastTextRecipe,
    FewShotRecipe,
    FinetunedRecipe,
    LinearRecipe,
    NeighboursRecipe,
    StackRecipe,
    TaggerRecipe,
    TreesRecipe,
)
from tests.training.tiny_encoder import tiny_encoder

NGRAMS = {"kind": "ngrams", "dimensions": 128}
TORCH = ("torch", "transformers", "onnx", "onnxruntime", "onnxscript", "tokenizers")

FLIGHTS = tuple(
    Example(f"{k}-{n}", f"fly to {to} on day {n}", f'{{"to":"{to}"}}')
    for n in range(20)
    for k, to in enumerate(("Oslo", "Rome", "Lima", "北京", "Bonn"))
)


def needs(*names):
    missing = [name for name in names if importlib.util.find_spec(name) is None]
    return pytest.mark.skipif(bool(missing), reason=f"needs {', '.join(missing)}")


class TestLinear(RecipeContract):
    rung = LinearRung
    settings: ClassVar = {"bits": 12, "folds": 2, "costs": [1.0]}

    def recipe(self):
        return LinearRecipe()


class TestNeighbours(RecipeContract):
    rung = NeighboursRung
    settings: ClassVar = {"embedder": NGRAMS}

    def recipe(self):
        return NeighboursRecipe()


class TestEncoder(RecipeContract):
    rung = EncoderRung
    settings: ClassVar = {"embedder": NGRAMS}

    def recipe(self):
        return EncoderRecipe()


class TestStack(RecipeContract):
    rung = StackRung
    settings: ClassVar = {"embedder": NGRAMS}

    def recipe(self):
        return StackRecipe()


@needs("fasttext")
class TestFastText(RecipeContract):
    rung = FastTextRung

    def recipe(self):
        return FastTextRecipe()

    def test_a_label_in_a_text_teaches_nothing(self, tmp_path):
        spoilt = [Example(one.id, f"__label__1 {one.text}", one.label) for one in self.examples]
        made = self._fitted(tmp_path, spoilt, self.settings, [])
        assert made.metrics["out_of_fold_accuracy"] > 0.7


class TestChat(RecipeContract):
    """A recorded model that is wrong about every ninth example."""

    rung = FewShotRung
    known = (RecipeContract.examples[0].text, RecipeContract.examples[1].text)

    @classmethod
    def prepare(cls, folder):
        rows = [*cls.examples, *cls.fresh]
        other = {"good": "bad", "bad": "good"}
        lines = [
            json.dumps({"input": one.text, "answer": one.label if k % 9 else other[one.label]})
            for k, one in enumerate(rows)
        ]
        (folder / "answers.jsonl").write_text("\n".join(lines), encoding="utf-8")
        model = {"kind": "recorded", "path": str(folder / "answers.jsonl"), "price_in": 1.0}
        cls.settings = {"model": model, "asked": 60, "embedder": NGRAMS}

    def recipe(self):
        return FewShotRecipe()

    def test_what_it_asked_is_told(self):
        metrics = self.made.fitted.metrics
        assert metrics["calls"] == sum(guess is not None for guess in self.made.fitted.out_of_fold) == 60
        assert metrics["cost"] > 0
        assert 0.8 < metrics["out_of_fold_accuracy"] < 1


@needs("lightgbm")
class TestTrees(RecipeContract):
    rung = TreesRung

    def recipe(self):
        return TreesRecipe()


@needs("pycrfsuite")
class TestTagger(RecipeContract):
    rung = TaggerRung
    learns_from_few = True
    examples, fresh = FLIGHTS[:90], FLIGHTS[90:]

    def recipe(self):
        return TaggerRecipe()

    def test_it_can_say_why(self):
        def check_marks(rung):
            (mark,) = rung.explain(self.question("fly to Oslo on day 3"))
            assert (mark.path, mark.text) == ("to", "Oslo")
            assert 0 < mark.chance <= 1

        check_marks(self.load())


@needs(*TORCH)
@pytest.mark.timeout(600)
class TestFinetuned(RecipeContract):
    rung = FinetunedRung
    repeated = False

    @classmethod
    def prepare(cls, folder):
        base = tiny_encoder(folder / "tiny")
        cls.settings = {"base": str(base), "epochs": 12, "rate": 8e-3, "threads": 1}

    def recipe(self):
        return FinetunedRecipe()

    def test_it_is_served_in_8_bit_and_says_what_it_was_trained_to(self):
        metrics = self.made.fitted.metrics
        assert metrics["bits"] == 8
        assert metrics["served_gap"] < 0.2
        names = {path.name for path in self.made.folder.iterdir()}
        assert names == {"model.onnx", "model.json", "tokenizer.json"}
        hidden = sum(guess is not None for guess in self.made.fitted.out_of_fold)
        assert hidden == metrics["hidden"] == 18


def test_every_recipe_that_is_installed_is_looked_at():
    elsewhere = {"lora", "sft"}  # tests/training/language/test_contract.py: they train a language model
    suites = {
        suite.__name__.removeprefix("Test").lower()
        for suite in globals().values()
        if isinstance(suite, type) and issubclass(suite, RecipeContract) and suite is not RecipeContract
    }
    ours = set(plugins.names(plugins.RECIPES)) - elsewhere
    assert ours <= suites
