"""The calibration plan: near the best size found by trying all of them, and nothing when nothing pays."""

import numpy as np
import pytest

from stepladder.promise import InvalidPromiseInput, certify_threshold, plan_calibration


def questions(rng, size):
    scores = rng.random(size)
    return scores, rng.random(size) < 0.6 * (1.0 - scores) ** 1.5


def avoided(rng, labels, remaining, runs=25):
    """Mean share of the remaining questions answered low when so many are drawn for calibration."""
    shares = []
    for _ in range(runs):
        scores, wrong = questions(rng, remaining)
        found = certify_threshold(scores[:labels], wrong[:labels], target=0.9, risk=0.1, population=remaining)
        shares.append((scores[labels:] >= found.threshold).sum() / remaining)
    return float(np.mean(shares))


@pytest.mark.parametrize("remaining", [400, 2500, 20_000])
def test_the_plan_is_close_to_the_best_size_and_honest_about_it(remaining):
    rng = np.random.default_rng(1)
    plan = plan_calibration(*questions(rng, 3000), target=0.9, risk=0.1, remaining=remaining)
    got = avoided(rng, plan.labels, remaining)
    best = max(
        avoided(rng, labels, remaining)
        for labels in (20, 40, 80, 160, 300, 600, 1200, 2400)
        if labels < remaining
    )
    assert got > best - 0.04
    assert got == pytest.approx(plan.low_share, abs=0.06)


def test_more_questions_are_worth_more_labels():
    rng = np.random.default_rng(2)
    sample = questions(rng, 2000)
    for future in (False, True):
        sizes = [
            plan_calibration(*sample, target=0.9, risk=0.1, remaining=remaining, future=future).labels
            for remaining in (500, 5000, 50_000)
        ]
        assert sizes == sorted(sizes) and sizes[0] < sizes[-1] < 25_000


def test_nothing_is_bought_when_nothing_pays():
    nothing = [
        plan_calibration([], [], target=0.9, risk=0.1, remaining=1000),
        plan_calibration([0.5] * 50, [True] * 50, target=0.9, risk=0.1, remaining=1000, future=True),
        plan_calibration([0.5] * 50, [False] * 50, target=0.9, risk=0.1, remaining=1),
        plan_calibration([0.5] * 50, [False] * 50, target=0.999, risk=0.1, remaining=100),
    ]
    assert [(plan.labels, plan.low_share) for plan in nothing[:3]] == [(0, 0.0)] * 3
    assert nothing[3].low_share < 0.2
    with pytest.raises(InvalidPromiseInput, match="remaining"):
        plan_calibration([0.5], [True], target=0.9, risk=0.1, remaining=-1)
