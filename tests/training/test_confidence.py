"""Calibration: a known truth is found again, and little evidence claims little."""

import numpy as np
import pytest

from stepladder.training.confidence import calibrate


def drawn(slope, offsets, rows=20_000, seed=0):
    rng = np.random.default_rng(seed)
    scores = rng.normal(size=(rows, len(offsets))) * 3
    logits = slope * scores + offsets
    labels = (logits + rng.gumbel(size=logits.shape)).argmax(axis=1)
    return scores, labels


@pytest.mark.parametrize("offsets", [(0.0, 0.0), (1.0, -1.0), (0.5, -0.5, 0.0, 1.0)])
def test_the_truth_is_found_again(offsets):
    scores, labels = drawn(0.4, np.array(offsets))
    found = calibrate(scores, labels)
    assert found.slope == pytest.approx(0.4, rel=0.05)
    assert found.offsets - found.offsets.mean() == pytest.approx(
        np.array(offsets) - np.mean(offsets), abs=0.1
    )
    chances = found.probabilities(scores)
    assert chances.max(axis=1).mean() == pytest.approx((chances.argmax(axis=1) == labels).mean(), abs=0.01)


@pytest.mark.parametrize("rows", [2, 5, 20])
def test_perfect_separation_of_few_rows_is_not_certainty(rows):
    labels = np.arange(rows) % 2
    scores = np.column_stack((np.zeros(rows), np.where(labels, 5.0, -5.0)))
    confidence = calibrate(scores, labels).probabilities(scores).max(axis=1)
    assert confidence.max() < 1 - 0.1 / rows
    assert confidence.min() > 0.5


def test_useless_and_misleading_scores_give_the_base_rates():
    rng = np.random.default_rng(0)
    labels = (rng.random(2000) < 0.2).astype(int)
    useless = np.column_stack((np.zeros(2000), rng.normal(size=2000)))
    assert calibrate(useless, labels).probabilities(useless)[:, 1] == pytest.approx(0.2, abs=0.05)
    misleading = np.column_stack((np.zeros(2000), -labels + rng.normal(size=2000) * 0.1))
    found = calibrate(misleading, labels)
    assert found.slope > 0
    assert np.isfinite(found.loss)


def test_constant_scores_do_no_harm():
    found = calibrate(np.zeros((10, 3)), np.array([0] * 8 + [1, 2]))
    assert found.probabilities(np.zeros((1, 3))).sum() == pytest.approx(1)
