"""Recall and precision promises, on known truth: kept as often as promised, with ties, few positives, useless scores."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stepladder.promise import (
    InvalidPromiseInput,
    binomial_cdf,
    binomial_test_greater,
    certify_precision,
    certify_recall,
)

RUNS, RISK = 600, 0.1


def draw(rng, size, positives, levels=0, useful=1.0):
    truth = rng.random(size) < positives
    scores = rng.normal(truth * 2.0 * useful)
    return (np.round(scores * levels) / levels if levels else scores), truth


CASES = [
    ("many", 400, 0.5, 0, 1.0),
    ("few positives", 300, 0.06, 0, 1.0),
    ("ties", 300, 0.3, 1, 1.0),
    ("useless", 300, 0.3, 0, 0.0),
    ("tiny", 30, 0.5, 0, 1.0),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case[0])
@pytest.mark.parametrize("target", [0.8, 0.95])
def test_recall_is_kept(case, target):
    _, size, positives, levels, useful = case
    rng = np.random.default_rng(1)
    scores, truth = draw(rng, 200_000, positives, levels, useful)
    found = np.sort(scores[truth])
    broken = 0
    for _ in range(RUNS):
        sample = rng.integers(scores.size, size=size)
        chosen = certify_recall(scores[sample], truth[sample], target=target, risk=RISK)
        broken += np.searchsorted(found, chosen.threshold) / found.size > 1 - target
    assert binomial_test_greater(int(broken), RUNS, RISK) > 1e-4


@pytest.mark.parametrize("case", CASES, ids=lambda case: case[0])
@pytest.mark.parametrize("target", [0.6, 0.9])
def test_precision_is_kept(case, target):
    _, size, positives, levels, useful = case
    rng = np.random.default_rng(2)
    scores, truth = draw(rng, 200_000, positives, levels, useful)
    grid = np.quantile(scores, np.linspace(0, 0.99, 25))
    precise = {float(step): truth[scores >= step].mean() for step in grid}
    broken = 0
    for _ in range(RUNS):
        sample = rng.integers(scores.size, size=size)
        chosen = certify_precision(scores[sample], truth[sample], grid, target=target, risk=RISK)
        broken += chosen.certified and precise[chosen.threshold] < target
    assert binomial_test_greater(int(broken), RUNS, RISK) > 1e-4


def test_they_are_worth_something():
    rng = np.random.default_rng(3)
    scores, truth = draw(rng, 1000, 0.3)
    recall = certify_recall(scores, truth, target=0.9, risk=RISK)
    assert recall.certified and recall.found >= 0.9 * recall.positives
    assert recall.selected < 0.6 * recall.sample
    grid = np.linspace(-2, 4, 40)
    precision = certify_precision(scores, truth, grid, target=0.8, risk=RISK)
    assert precision.certified and precision.found >= 0.8 * precision.selected
    assert precision.found > 0.4 * precision.positives


@given(st.lists(st.tuples(st.integers(0, 5), st.booleans()), max_size=40), st.sampled_from([0.5, 0.8, 0.95]))
def test_recall_by_its_definition(sample, target):
    scores, truth = [float(score) for score, _ in sample], [positive for _, positive in sample]
    found = certify_recall(scores, truth, target=target, risk=RISK)
    positives = sorted(score for score, positive in sample if positive)
    fits = [c for c in range(len(positives)) if binomial_cdf(c, len(positives), 1 - target) <= RISK + 1e-12]
    assert found.threshold == (positives[max(fits)] if fits else -math.inf)
    assert found.positives == len(positives)


def test_without_evidence_recall_selects_all_and_precision_nothing():
    assert certify_recall([0.5], [True], target=0.9, risk=RISK).threshold == -math.inf
    assert certify_recall([], [], target=0.9, risk=RISK).threshold == -math.inf
    assert certify_precision([0.5], [True], [0.1], target=0.9, risk=RISK).threshold == math.inf
    with pytest.raises(InvalidPromiseInput, match="grid"):
        certify_precision([0.5], [True], [], target=0.9, risk=RISK)
