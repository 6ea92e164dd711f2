"""A router foresees the gain from the text alone, by words, by shape, or by vectors."""

import random

import numpy as np
import pytest

from stepladder.core import DataError
from stepladder.training import RouterSettings, fit_router


def questions(count, seed):
    """Questions about proofs gain from the large model; the others do not."""
    draw = random.Random(seed)
    found = []
    for _ in range(count):
        hard = draw.random() < 0.5
        words = draw.choices(
            ["theorem", "lemma", "induction"] if hard else ["recipe", "garden", "weather"], k=2
        )
        found.append((" ".join([*words, *draw.choices(["please", "tell", "about", "me", "the"], k=6)]), hard))
    return found


def ranks(router, pairs):
    gains = np.array([router.gain(text) for text, _ in pairs])
    hard = np.array([hard for _, hard in pairs])
    return float((gains[hard][:, None] > gains[~hard]).mean())


def test_it_foresees_from_words():
    train = questions(200, 1)
    router = fit_router([text for text, _ in train], [float(hard) for _, hard in train])
    assert ranks(router, questions(100, 2)) > 0.95
    again = fit_router([text for text, _ in train], [float(hard) for _, hard in train])
    assert router.gain("a theorem about the garden") == again.gain("a theorem about the garden")


def test_it_foresees_from_the_shape_of_a_text():
    draw = random.Random(3)
    counts = [draw.randrange(1, 9) for _ in range(120)]
    texts = [" and ".join(f"{draw.randrange(99)} apples" for _ in range(count)) for count in counts]
    router = fit_router(texts, [count / 8 for count in counts], settings=RouterSettings(rank=0))
    assert router.gain("7 apples and 3 apples and 5 apples and 2 apples and 9 apples") > router.gain(
        "7 apples"
    )


def test_it_foresees_from_vectors():
    vectors = {f"q{i}": np.random.default_rng(i).standard_normal(8).astype(np.float32) for i in range(300)}
    texts = list(vectors)
    gains = [float(vectors[text][0]) for text in texts]
    router = fit_router(texts[:250], gains[:250], embed=vectors.__getitem__)
    foreseen = [router.gain(text) for text in texts[250:]]
    assert np.corrcoef(foreseen, gains[250:])[0, 1] > 0.9


def test_gains_that_are_noise_are_foreseen_as_their_mean():
    texts = [text for text, _ in questions(300, 5)]
    gains = np.random.default_rng(5).choice([0.0, 1.0], 300)
    router = fit_router(texts, gains)
    spread = np.std([router.gain(text) for text, _ in questions(100, 6)])
    assert spread < 0.2


def test_too_few_pairs_are_refused():
    with pytest.raises(DataError, match="20"):
        fit_router(["a"] * 19, [0.0] * 19)
    with pytest.raises(DataError, match="gain for each"):
        fit_router(["a"] * 30, [0.0] * 29)
