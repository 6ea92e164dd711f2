"""The logistic head: at its optimum the gradient is nothing, and that optimum is the right one."""

import numpy as np
import pytest

from stepladder.training.logistic import fit_head, minimise


def rows(count, classes, seed=0):
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, classes, count)
    centres = rng.normal(size=(classes, 8)) * 1.5
    return (centres[labels] + rng.normal(size=(count, 8))).astype(np.float32), labels


def test_minimise_finds_the_valley_of_a_crooked_bowl():
    scale = np.array([1.0, 10.0, 1000.0])
    place = np.array([3.0, -1.0, 0.5])
    found = minimise(
        lambda x: (float((scale * (x - place) ** 2).sum()), 2 * scale * (x - place)), np.zeros(3), rounds=200
    )
    assert found == pytest.approx(place, abs=1e-2)


@pytest.mark.parametrize("classes", [2, 5])
def test_the_head_is_where_the_gradient_vanishes(classes):
    features, labels = rows(400, classes)
    head = fit_head(features, labels, classes, 1e-2)
    logits = head.scores(features)
    chance = np.exp(logits - logits.max(1, keepdims=True))
    chance /= chance.sum(1, keepdims=True)
    error = chance.copy()
    error[np.arange(400), labels] -= 1
    slope = features.T @ error / 400 + 1e-2 * head.weights
    assert np.abs(slope).max() < 5e-3
    assert (logits.argmax(1) == labels).mean() > 0.8


def test_a_stronger_ridge_gives_smaller_weights():
    features, labels = rows(200, 3)
    sizes = [np.abs(fit_head(features, labels, 3, ridge).weights).sum() for ridge in (1e-3, 1e-1, 10)]
    assert sizes[0] > sizes[1] > sizes[2]


def test_features_that_say_nothing_give_the_base_rates():
    labels = np.array([0] * 30 + [1] * 10)
    scores = fit_head(np.zeros((40, 3), np.float32), labels, 2, 1e-2).scores(np.zeros((1, 3), np.float32))
    assert np.exp(scores[0, 0] - scores[0, 1]) == pytest.approx(3, rel=0.1)
