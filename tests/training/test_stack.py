"""The stack recipe: as good as its best member, honest about it, and by settings that are checked."""

import numpy as np
import pytest

from stepladder.core import ConfigError, Dataset, Example, Task
from stepladder.models import StackModel
from stepladder.training import StackRecipe, StackSettings, fit_stack
from tests.training.test_encoder import One
from tests.training.test_linear import accuracy, reviews

NGRAMS = {"kind": "ngrams", "dimensions": 256}
SETTINGS = StackSettings(embedder=NGRAMS)


@pytest.mark.parametrize("language", ["en", "zh"])
def test_it_is_about_as_good_as_its_best_member_and_says_so(language):
    fitted = fit_stack(*reviews(500, language=language, noise=0.15), settings=SETTINGS)
    best = max(value for name, value in fitted.metrics.items() if name.endswith("_out_of_fold_accuracy"))
    assert fitted.metrics["out_of_fold_accuracy"] > best - 0.03
    assert accuracy(One(fitted.model), *reviews(300, language=language, noise=0, seed=1)) > 0.95
    fresh, truth = reviews(500, language=language, noise=0.15, seed=2)
    found = fitted.model.predict(fresh)
    agreed = np.mean([guess.text == label for guess, label in zip(found, truth, strict=True)])
    assert np.mean([guess.confidence for guess in found]) == pytest.approx(agreed, abs=0.06)
    assert np.mean([guess.confidence for guess in fitted.guesses]) == pytest.approx(agreed, abs=0.06)


def test_out_of_fold_guesses_know_nothing_of_their_labels():
    rng = np.random.default_rng(0)
    texts = [" ".join(f"w{k}" for k in rng.integers(0, 3000, 12)) for _ in range(500)]
    labels = rng.choice(["a", "b"], 500).tolist()
    fitted = fit_stack(texts, labels, settings=SETTINGS)
    assert fitted.metrics["out_of_fold_accuracy"] < 0.58
    assert np.mean([guess.confidence for guess in fitted.guesses]) < 0.62


@pytest.mark.parametrize("rows", [2, 3, 5, 10])
def test_tiny_sets_are_fitted(rows):
    texts, labels = ["很好 great", "很差 awful", "great 好", "awful 差", "great"], ["+", "-", "+", "-", "+"]
    fitted = fit_stack((texts * 2)[:rows], (labels * 2)[:rows], settings=SETTINGS)
    assert len(fitted.guesses) == rows
    assert 0 <= fitted.model.predict(["great 好"])[0].confidence <= 1


def test_the_same_input_and_seed_give_the_same_answers():
    texts, labels = reviews(120)
    one, two = (fit_stack(texts, labels, settings=SETTINGS, seed=4) for _ in range(2))
    assert one.guesses == two.guesses
    assert one.model.predict(texts[:5]) == two.model.predict(texts[:5])


def test_the_recipe_writes_what_loads(tmp_path):
    texts, labels = reviews(120)
    examples = tuple(Example(str(i), *row) for i, row in enumerate(zip(texts, labels, strict=True)))
    said = []
    fitted = StackRecipe().fit(
        Task("t", top="big"),
        Dataset("h", "t", {"train": examples}),
        tmp_path,
        settings={"embedder": NGRAMS, "members": ["neighbours", "linear"]},
        seed=0,
        progress=lambda done, total, what: said.append(what),
    )
    assert len(fitted.out_of_fold) == 120
    assert list(StackModel.load(tmp_path).members) == ["linear", "neighbours"]
    assert any(what.startswith("linear: ") for what in said)


@pytest.mark.parametrize("members", [[], ["linear", "linear"], ["oracle"], "linear"])
def test_members_are_checked(members):
    with pytest.raises(ConfigError, match="members"):
        StackSettings.read({"members": members})
