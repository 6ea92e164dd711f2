"""Promises over a part: recall, precision and floors hold in simulation, on easy and on hard cases."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stepladder.promise import (
    InvalidPromiseInput,
    binomial_cdf,
    binomial_test_greater,
    certify_answered,
    certify_label,
    certify_part,
    coverage_bound,
    hypergeometric_cdf,
    plan_answered,
)

RUNS = 1500


def crowd(rng, size, *, useless=False, ties=False):
    """Scores, whether a question is positive (one in six), and whether the rung says so."""
    positive = rng.random(size) < 1 / 6
    scores = rng.random(size)
    doubt = np.full(size, 0.25) if useless else 0.5 * (1.0 - scores) ** 1.5
    said = positive ^ (rng.random(size) < doubt)
    return (np.round(scores, 1) if ties else scores), positive, said


CASES = [{}, {"useless": True}, {"ties": True}]


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize(("size", "target"), [(40, 0.6), (400, 0.9), (400, 0.97)])
def test_recall_is_missed_no_more_often_than_the_risk_allows(case, size, target):
    rng = np.random.default_rng(5)
    world = crowd(rng, 200_000, **case)
    missed = 0
    for _ in range(RUNS):
        drawn = rng.integers(0, 200_000, size)
        scores, positive, said = (part[drawn] for part in world)
        found = certify_part(scores, positive & ~said, positive, target=target, risk=0.1)
        scores, positive, said = world
        lost = positive & ~said & (scores >= found.threshold)
        missed += lost.sum() > (1 - target) * positive.sum()
    assert binomial_test_greater(int(missed), RUNS, 0.1) > 0.001


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize(("size", "target"), [(40, 0.6), (400, 0.9), (400, 0.97)])
def test_precision_is_missed_no_more_often_than_the_risk_allows(case, size, target):
    rng = np.random.default_rng(6)
    world = crowd(rng, 200_000, **case)
    missed = certified = 0
    for _ in range(RUNS):
        drawn = rng.integers(0, 200_000, size)
        scores, positive, said = (part[drawn] for part in world)
        found = certify_label(scores, said & ~positive, positive, target=target, risk=0.1)
        certified += found.certified
        scores, positive, said = world
        wrong = (said & ~positive & (scores >= found.threshold)).sum()
        missed += wrong > (1 - target) * (wrong + positive.sum())
    assert binomial_test_greater(int(missed), RUNS, 0.1) > 0.001
    if size == 400 and target == 0.9:
        assert certified > 0  # valid, and not for want of saying anything


@pytest.mark.parametrize("target", [0.8, 0.9, 0.95])
def test_of_a_finite_batch_the_count_is_no_easier_to_fool(target):
    """Uhlmann's inequality where it is used: the fewest marked ones that break the promise, a count within the risk."""
    for members in (20, 47, 100, 333):
        marked = math.floor((1 - target) * members) + 1
        for drawn in range(5, members, 7):
            allowed = -1
            while binomial_cdf(allowed + 1, drawn, 1 - target) <= 0.1:
                allowed += 1
            if allowed >= 0:
                assert hypergeometric_cdf(allowed, members, marked, drawn) <= 0.1


def test_with_no_evidence_nothing_is_believed():
    assert not certify_part([0.9] * 50, [False] * 50, [False] * 50, target=0.9, risk=0.1).certified
    assert not certify_label([0.9] * 50, [False] * 50, [False] * 50, target=0.9, risk=0.1).certified
    enough = [True] * 22 + [False] * 28  # 0.9 ** 22 < 0.1
    assert certify_label([0.9] * 50, [False] * 50, enough, target=0.9, risk=0.1).certified
    assert not certify_label(
        [0.9] * 50, [False] * 50, [False, *enough[2:], False], target=0.9, risk=0.1
    ).certified


def test_what_the_top_says_itself_cannot_be_wrong():
    with pytest.raises(InvalidPromiseInput):
        certify_label([0.9], [True], [True], target=0.9, risk=0.1)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 300), st.integers(1, 60), st.sampled_from([0.6, 0.9]), st.sampled_from([0.01, 0.1]))
def test_a_stricter_promise_never_believes_more(seed, right, target, risk):
    rng = np.random.default_rng(seed)
    scores, wrong = rng.random(right + 40), np.append(np.zeros(right, bool), rng.random(40) < 0.3)
    named = np.append(np.ones(right, bool), np.zeros(40, bool))
    for certify in (certify_label, lambda *a, **k: certify_part(*a[:2], np.ones_like(named), **k)):
        loose = certify(scores, wrong, named, target=target, risk=risk)
        strict = certify(scores, wrong, named, target=target + 0.05, risk=risk)
        surer = certify(scores, wrong, named, target=target, risk=risk / 5)
        assert strict.threshold >= loose.threshold <= surer.threshold
        assert loose.errors <= max(loose.allowed_errors, 0)


def test_the_bound_of_the_coverage_holds_for_a_threshold_chosen_on_the_same_sample():
    rng = np.random.default_rng(3)
    short = 0
    for _ in range(RUNS):
        scores = rng.random(150)
        luckiest = max(np.linspace(0, 1, 101), key=lambda at: (scores >= at).mean() - (1 - at))
        short += (1 - luckiest) < coverage_bound(int((scores >= luckiest).sum()), 150, 0.1)
    assert binomial_test_greater(short, RUNS, 0.1) > 0.001
    assert coverage_bound(0, 0, 0.1) == 0.0 == coverage_bound(3, 150, 0.1)


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize(("size", "target"), [(40, 0.6), (600, 0.9), (600, 0.97)])
def test_of_what_is_answered_low_the_target_is_missed_no_more_often_than_the_risk_allows(case, size, target):
    rng = np.random.default_rng(7)
    scores, positive, said = crowd(rng, 200_000, **case)
    wrong = positive != said
    missed = certified = 0
    for _ in range(RUNS // 2):
        drawn = rng.integers(0, 200_000, size)
        found = certify_answered(scores[drawn], wrong[drawn], target=target, risk=0.1)
        low = scores >= found.threshold
        missed += low.any() and wrong[low].mean() > 1 - target
        certified += found.certified
    assert binomial_test_greater(int(missed), RUNS // 2, 0.1) > 0.001
    if size == 600 and target == 0.9 and not case:
        assert certified > 0.9 * (RUNS // 2)


def test_a_plan_for_answering_alone_finds_what_is_then_certified():
    rng = np.random.default_rng(8)
    scores, positive, said = crowd(rng, 4000)
    wrong = positive != said
    plan = plan_answered(scores[:2000], wrong[:2000], target=0.9, risk=0.1, remaining=2000)
    rest = slice(2000, 2000 + plan.labels)
    found = certify_answered(scores[rest], wrong[rest], target=0.9, risk=0.1)
    assert found.low_share * (1 - plan.labels / 2000) == pytest.approx(plan.low_share, abs=0.12)
    assert plan_answered(scores[:5], wrong[:5], target=0.9, risk=0.1, remaining=50).labels == 0
