"""Confidences that are what they say, and such that are not."""

import numpy as np
import pytest

from stepladder.evaluation import calibrated


def test_confidences_that_keep_their_word():
    sure = np.random.default_rng(0).uniform(0.3, 1.0, 20_000)
    right = np.random.default_rng(1).uniform(size=20_000) < sure
    found = calibrated(sure.tolist(), right.tolist())
    assert found.error < 0.02
    assert abs(found.over) < 0.01
    assert found.brier == pytest.approx(float((sure * (1 - sure)).mean()), abs=0.01)
    assert len(found.curve) == 10
    assert all(abs(one - other) < 0.05 for one, other in found.curve)


def test_errors_in_both_directions_do_not_cancel_out():
    # Half are right: those of .2 all, those of .8 never.
    found = calibrated([0.2] * 50 + [0.8] * 50, [True] * 50 + [False] * 50)
    assert found.error == pytest.approx(0.8)
    assert found.over == pytest.approx(0.0)
    assert found.brier == pytest.approx(0.64)


def test_by_hand():
    found = calibrated([0.9, 0.6], [True, False])
    assert found.error == pytest.approx((0.1 + 0.6) / 2)
    assert found.over == pytest.approx(0.25)
    assert found.curve == ((0.6, 0.0), (0.9, 1.0))


@pytest.mark.parametrize(("sure", "right"), [([], []), ([0.5], [True, False])])
def test_each_answer_needs_a_confidence(sure, right):
    with pytest.raises(ValueError, match="confidence"):
        calibrated(sure, right)
