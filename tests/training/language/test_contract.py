"""`lora` and `sft`, and the rungs that they make, through the contract suite of all recipes: on a tiny model."""

from importlib.util import find_spec
from typing import ClassVar

import pytest

from stepladder.core import Example, Task
from stepladder.models.tuned import TunedRung
from stepladder.testing.recipes import RecipeContract
from stepladder.training.language import LoraRecipe, SftRecipe
from tests.training.language.places import tiny_base

needed = ("torch", "transformers", "trl", "peft", "datasets", "gguf", "xllamacpp")
missing = [name for name in needed if find_spec(name) is None]
pytestmark = [
    pytest.mark.skipif(
        bool(missing), reason=f"needs stepladder[train,local]: {', '.join(missing)} is not installed"
    ),
    pytest.mark.timeout(600),
]
LABELS = ("cancel", "refund", "address")


def orders(first, last):
    return tuple(Example(str(k), f"{LABELS[k % 3]} my order {k}", LABELS[k % 3]) for k in range(first, last))


class Tuned(RecipeContract):
    __test__ = False
    rung = TunedRung
    repeated = False
    examples, fresh = orders(0, 90), orders(900, 910)
    known = ("cancel my order 5", "refund my order 12")
    task = Task(name="contract", top="top", prompt="What is asked?", labels=LABELS)

    @classmethod
    def prepare(cls, folder):
        base = tiny_base(folder / "base")
        cls.settings = {"base": str(base), "threads": 1, "length": 64, **cls.taught}

    def test_only_files_that_no_loader_executes_are_in_the_release(self):
        assert {path.name for path in self.made.folder.iterdir()} == {"model.gguf", "model.json"}


class TestSft(Tuned):
    __test__ = True
    taught: ClassVar = {"steps": 60, "rate": 5e-3}

    def recipe(self):
        return SftRecipe()


class TestLora(Tuned):
    __test__ = True
    taught: ClassVar = {"steps": 150, "rate": 3e-3, "rank": 16, "alpha": 32.0}

    def recipe(self):
        return LoraRecipe()
