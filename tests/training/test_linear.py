"""The linear recipe on corpora made here: it learns, is honest about how well, and refuses what it cannot learn."""

import gzip
import json
import os
from pathlib import Path

import numpy as np
import pytest

from stepladder.core import ConfigError, DataError, Dataset, Example, Task
from stepladder.models import LinearModel
from stepladder.training import LinearRecipe, LinearSettings, fit_linear

GOOD = {
    "en": ["great", "lovely", "tasty", "superb", "friendly", "quick"],
    "zh": ["好吃", "美味", "很快", "热情", "推荐", "满意"],
}
BAD = {
    "en": ["awful", "cold", "rude", "slow", "stale", "broken"],
    "zh": ["难吃", "太慢", "冷了", "退款", "失望", "恶心"],
}
FILL = {
    "en": ["the", "food", "and", "place", "was", "with", "my", "order", "from", "them", "today"],
    "zh": ["这个", "外卖", "今天", "我们", "一份", "送来", "的", "了"],
}


def reviews(rows, *, language="en", noise=0.1, share=0.5, seed=0):
    """Texts of filler with two to four telling words; a share `noise` of the labels is turned over."""
    rng = np.random.default_rng(seed)
    texts, labels = [], []
    for _ in range(rows):
        good = rng.random() < share
        words = [
            *rng.choice(FILL[language], 8),
            *rng.choice((GOOD if good else BAD)[language], rng.integers(1, 4)),
        ]
        texts.append((" " if language == "en" else "").join(rng.permutation(words).tolist()))
        labels.append("good" if good ^ (rng.random() < noise) else "bad")
    return texts, labels


def accuracy(model, texts, labels):
    return np.mean([model.predict(text).text == label for text, label in zip(texts, labels, strict=True)])


@pytest.mark.parametrize("language", ["en", "zh"])
def test_both_languages_are_learned_to_the_noise(language):
    fitted = fit_linear(*reviews(600, language=language))
    assert accuracy(fitted.model, *reviews(500, language=language, noise=0, seed=1)) > 0.97
    assert fitted.metrics["out_of_fold_accuracy"] == pytest.approx(0.9, abs=0.04)
    assert fitted.metrics["duality_gap"] <= 0.02


def test_texts_without_labels_tell_which_words_go_together():
    rng = np.random.default_rng(3)

    def texts(rows):
        signs = rng.random(rows) < 0.5
        words = [[f"{'up' if sign else 'down'}{k}" for k in rng.integers(0, 300, 4)] for sign in signs]
        return [" ".join(one) for one in words], np.where(signs, "good", "bad").tolist()

    known, others, fresh = texts(40), texts(1500)[0], texts(500)
    settings = LinearSettings(characters=False)
    alone = fit_linear(*known, settings=settings)
    helped = fit_linear(*known, unlabelled=others, settings=settings)
    assert accuracy(helped.model, *fresh) > accuracy(alone.model, *fresh) + 0.05
    assert "cost_latent" in helped.metrics
    # What is hidden of the labelled rows stays hidden: their guesses are no better than those of fresh rows.
    right = np.mean([one.text == label for one, label in zip(helped.guesses, known[1], strict=True)])
    assert right == pytest.approx(accuracy(helped.model, *fresh), abs=0.15)


def test_confidence_is_calibrated_continuous_and_not_of_rows_seen():
    texts, labels = reviews(1500, noise=0.2)
    fitted = fit_linear(texts, labels)
    guesses = fitted.guesses
    confidence = np.array([guess.confidence for guess in guesses])
    right = np.array([guess.text == label for guess, label in zip(guesses, labels, strict=True)])
    # A sigmoid cannot level off at 0.8, where uniform noise puts the truth: hence the width.
    assert confidence.mean() == pytest.approx(right.mean(), abs=0.05)
    assert ((confidence >= 0.5) & (confidence <= 1)).all()
    assert np.unique(confidence).size > 0.95 * np.unique(texts).size
    fresh, truth = reviews(1500, noise=0.2, seed=9)
    found = [fitted.model.predict(text) for text in fresh]
    agreed = np.mean([guess.text == label for guess, label in zip(found, truth, strict=True)])
    assert np.mean([guess.confidence for guess in found]) == pytest.approx(agreed, abs=0.06)


def test_out_of_fold_guesses_know_nothing_of_their_labels():
    """On labels that are pure chance a leak would show as skill."""
    rng = np.random.default_rng(0)
    texts = [" ".join(f"w{k}" for k in rng.integers(0, 3000, 12)) for _ in range(800)]
    labels = rng.choice(["a", "b"], 800).tolist()
    fitted = fit_linear(texts, labels)
    assert fitted.metrics["out_of_fold_accuracy"] < 0.56
    assert np.mean([guess.confidence for guess in fitted.guesses]) < 0.6


@pytest.mark.parametrize("classes", [3, 30])
def test_many_classes(classes):
    rng = np.random.default_rng(0)
    names = [f"intent{k}" for k in range(classes)]
    labels = [names[k % classes] for k in range(classes * 12)]
    texts = [
        f"please {name} key{name[6:]} {rng.choice(FILL['en'])} {rng.choice(FILL['en'])}" for name in labels
    ]
    fitted = fit_linear(texts, labels)
    assert fitted.metrics["out_of_fold_balanced_accuracy"] > 0.95
    assert fitted.model.predict("now intent2 it is").text == "intent2"
    assert len(fitted.model.classes) == classes


def test_a_rare_class_is_still_found():
    texts, labels = reviews(1000, share=0.06, noise=0)
    fitted = fit_linear(texts, labels)
    assert fitted.metrics["out_of_fold_balanced_accuracy"] > 0.9


def test_the_same_input_and_seed_give_the_same_model(tmp_path):
    texts, labels = reviews(300)
    for name in ("one", "two"):
        fit_linear(texts, labels, seed=3).model.save(tmp_path / name)
    for file in ("model.json", "model.safetensors"):
        assert (tmp_path / "one" / file).read_bytes() == (tmp_path / "two" / file).read_bytes()


@pytest.mark.parametrize("rows", [2, 3, 5, 10])
def test_tiny_sets_give_modest_models(rows):
    texts, labels = ["很好 great", "很差 awful", "great 好", "awful 差", "great"], ["+", "-", "+", "-", "+"]
    fitted = fit_linear((texts * 2)[:rows], (labels * 2)[:rows])
    assert fitted.model.predict("great 好").confidence < 0.99
    assert len(fitted.guesses) == rows


@pytest.mark.parametrize("texts", [["", "", "", ""], ["same"] * 4, ["?", "!", "\u200b", " "]])
def test_texts_that_say_nothing_give_the_base_rate(texts):
    fitted = fit_linear(texts, ["a", "b", "a", "a"])
    assert 0.4 < fitted.model.predict("").confidence < 0.95


@pytest.mark.parametrize(
    ("texts", "labels", "message"),
    [
        ([], [], "no examples"),
        (["x", "y"], ["a", "a"], "only 'a'"),
        (["x"], ["a", "b"], "1 texts but 2 labels"),
    ],
)
def test_nothing_to_learn_is_a_clear_error(texts, labels, message):
    with pytest.raises(DataError, match=message):
        fit_linear(texts, labels)


def test_settings_are_checked():
    assert LinearSettings.read({"costs": [1, 2.5], "folds": 3, "characters": True}).costs == (1, 2.5)
    for wrong, key in (
        ({"fold": 3}, "fold"),
        ({"folds": 1}, "folds"),
        ({"costs": [0]}, "costs"),
        ({"bits": 50}, "bits"),
    ):
        with pytest.raises(ConfigError, match=key) as caught:
            LinearSettings.read(wrong)
        assert caught.value.param == key
    for wrong in (
        {"costs": 3},
        {"costs": ["x"]},
        {"costs": [float("nan")]},
        {"characters": "yes"},
        {"folds": True},
    ):
        with pytest.raises(ConfigError):
            LinearSettings.read(wrong)


def test_the_recipe_writes_the_artefact_and_reports_progress(tmp_path):
    texts, labels = reviews(200)
    examples = tuple(Example(str(i), *row) for i, row in enumerate(zip(texts, labels, strict=True)))
    seen = []
    fitted = LinearRecipe().fit(
        Task("t", top="big"),
        Dataset("h", "t", {"train": examples, "test": ()}),
        tmp_path,
        settings={"costs": [1.0]},
        seed=0,
        progress=lambda done, total, what: seen.append((done, total, what)),
    )
    assert len(fitted.out_of_fold) == 200
    assert LinearModel.load(tmp_path).predict("great lovely").text == "good"
    assert [done for done, _, _ in seen] == sorted(done for done, _, _ in seen)
    assert seen[-1][:2] == (seen[0][1], seen[0][1])


def test_a_real_set_is_learned_as_well_as_it_should_be():
    folder = Path(os.environ.get("STEPLADDER_DATA", Path(__file__).resolve().parents[3] / "shared" / "data"))
    file = folder / "zh_waimai10k.jsonl.gz"
    if not file.exists():
        pytest.skip("needs the shared data (STEPLADDER_DATA)")
    with gzip.open(file, "rt", encoding="utf-8") as lines:
        rows = [json.loads(line) for line in lines][:3000]
    fitted = fit_linear([row["text"] for row in rows[:1500]], [row["label"] for row in rows[:1500]])
    assert (
        accuracy(fitted.model, [row["text"] for row in rows[1500:]], [row["label"] for row in rows[1500:]])
        > 0.84
    )
