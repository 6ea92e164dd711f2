"""The exact rule against brute force, its proof in numbers, and its promise in simulations of known truth."""

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stepladder.promise import (
    InvalidPromiseInput,
    LadderPromise,
    Scope,
    allowed_errors,
    beta_binomial_log_pmf,
    binomial_cdf,
    binomial_test_greater,
    certify_ladder,
    certify_threshold,
    fewest,
    hypergeometric_cdf,
    release_risk,
)
from stepladder.promise.inputs import error_budget

targets = st.sampled_from([0.5, 0.7, 0.85, 0.9, 0.95, 0.99, 1.0])
risks = st.sampled_from([0.01, 0.05, 0.1, 0.3])
samples = st.lists(st.tuples(st.integers(0, 6), st.booleans()), max_size=60)


def split(sample):
    return [float(score) for score, _ in sample], [wrong for _, wrong in sample]


@given(st.integers(0, 60), st.integers(0, 90), targets, risks)
def test_batch_allows_the_most_errors_the_hypergeometric_does(m, undrawn, target, risk):
    n = m + undrawn
    budget = math.floor((1 - Fraction(str(target))) * n)
    found = allowed_errors(m, target=target, risk=risk, population=n)
    if undrawn <= budget:
        assert found == m
        return
    fits = [c for c in range(m) if hypergeometric_cdf(c, n, budget + c + 1, m) <= risk]
    assert found == max(fits, default=-1)


@given(st.integers(0, 300), targets, risks)
def test_rate_allows_the_most_errors_the_binomial_does(m, target, risk):
    rate = float(1 - Fraction(str(target)))
    fits = [c for c in range(m + 1) if binomial_cdf(c, m, rate) <= risk]
    assert allowed_errors(m, target=target, risk=risk) == max(fits, default=-1)


@given(
    st.integers(1, 300),
    st.integers(1, 2000),
    targets,
    risks,
    st.sampled_from(["population", "following", "horizon"]),
)
def test_one_row_fewer_than_the_fewest_allows_fewer_errors(m, more, target, risk, over):
    terms = {over: m + more}
    found = fewest(m, target=target, risk=risk, scope=Scope(**terms))
    most = allowed_errors(m, target=target, risk=risk, **terms)
    assert allowed_errors(found, target=target, risk=risk, **terms) == most
    assert found == 1 or allowed_errors(found - 1, target=target, risk=risk, **terms) < most


def horizon_risk(c: int, m: int, target: float, length: int) -> float:
    """Exact P(more than floor((1 - target) N) losses among the next N), from the pool of m + N."""
    errors = math.floor(error_budget(target) * length)
    return hypergeometric_cdf(c, m + length, errors + c + 1, m)


@pytest.mark.parametrize("target", [0.5, 0.6, 0.85, 0.87, 0.9, 0.95, 0.99])
@pytest.mark.parametrize("m", [9, 40, 150, 400])
def test_one_horizon_covers_every_longer_one(m, target):
    for horizon in (1, 10, 33, 200, 1000):
        for risk in (0.02, 0.1, 0.3):
            c = allowed_errors(m, target=target, risk=risk, horizon=horizon)
            if c < 0:
                continue
            lengths = [*range(horizon, horizon + 45), *range(horizon + 45, 4000, 97), 10**5]
            assert max(horizon_risk(c, m, target, length) for length in lengths) <= risk * (1 + 1e-9)
            assert binomial_cdf(c, m, 1 - target) <= risk * (1 + 1e-9)  # N to infinity


@given(
    st.integers(1, 60),
    st.floats(0.005, 0.5),
    st.integers(0, 10),
    st.floats(0.3, 300.0),
    st.floats(1.0, 3.0),
)
def test_the_proofs_probability_falls_in_the_length(m, mean, c, size, growth):
    """P(Beta(n x, n (1 - x)) <= Beta(c + 1, m - c)) falls in n when the second mean is at most x <= 1/2."""
    if c + 1 > mean * (m + 1):
        return

    def violated(n: float) -> float:
        return float(np.exp(beta_binomial_log_pmf(m, n * mean, n * (1 - mean))[: c + 1]).sum())

    assert violated(size * growth) <= violated(size) + 1e-12


@given(samples, targets, risks, st.integers(0, 200), st.sampled_from(["batch", "stream", "rate"]))
def test_threshold_is_the_lowest_tie_group_within_the_allowed_errors(sample, target, risk, more, scope):
    scores, wrong = split(sample)
    over = {"batch": {"population": len(sample) + more}, "stream": {"horizon": more + 1}, "rate": {}}[scope]
    found = certify_threshold(scores, wrong, target=target, risk=risk, **over)
    assert found.allowed_errors == allowed_errors(len(sample), target=target, risk=risk, **over)

    def errors(at: float) -> int:
        return sum(bad for score, bad in sample if score >= at)

    believable = [score for score in sorted(set(scores)) if errors(score) <= found.allowed_errors]
    if not believable:
        assert not found.certified and found.threshold == math.inf and found.low_share == 0.0
        return
    below = [score for score in scores if score < believable[0]]
    assert max(below, default=-math.inf) < found.threshold <= believable[0]
    assert found.errors == errors(found.threshold) <= found.allowed_errors
    assert found.low_share == pytest.approx(sum(s >= found.threshold for s in scores) / len(scores))
    assert found.threshold >= min(scores)


@given(samples, st.randoms(use_true_random=False))
def test_order_of_the_sample_does_not_matter(sample, random):
    scores, wrong = split(sample)
    before = certify_threshold(scores, wrong, target=0.8, risk=0.2, horizon=100)
    random.shuffle(sample)
    scores, wrong = split(sample)
    assert certify_threshold(scores, wrong, target=0.8, risk=0.2, horizon=100) == before


@given(st.integers(1, 400), st.integers(0, 400))
def test_asking_for_less_never_allows_fewer_errors(m, undrawn):
    for over in ({}, {"population": m + undrawn}, {"horizon": undrawn + 1}):
        by_risk = [allowed_errors(m, target=0.9, risk=risk, **over) for risk in (0.01, 0.05, 0.1, 0.2)]
        by_target = [allowed_errors(m, target=target, risk=0.1, **over) for target in (0.99, 0.95, 0.9, 0.8)]
        assert by_risk == sorted(by_risk)
        assert by_target == sorted(by_target)


def test_a_decimal_target_is_meant_as_written():
    """(1 - 0.9) * 2500 is 249.99... in floats; the 250th error is allowed."""
    assert math.floor(error_budget(0.9) * 2500) == 250
    assert error_budget(np.float64(0.95)) == Fraction(1, 20)


def test_neighbouring_floats_keep_the_error_out():
    low = 0.5
    high = float(np.nextafter(low, 1.0))
    scores = [low] + [high] * 99
    found = certify_threshold(scores, [True] + [False] * 99, target=0.98, risk=0.14)
    assert found.allowed_errors == 0
    assert found.threshold == high
    assert found.errors == 0


def test_edges():
    for over in ({}, {"population": 0}, {"horizon": 5}):
        assert certify_threshold([], [], target=0.9, risk=0.1, **over).threshold == math.inf
    assert not certify_threshold([0.9] * 9, [False] * 9, target=0.9, risk=0.1).certified
    assert certify_threshold([0.9] * 40, [False] * 40, target=0.9, risk=0.1).threshold == 0.9
    assert not certify_threshold([0.9] * 40, [True] * 40, target=0.9, risk=0.1).certified
    assert not certify_threshold([0.9] * 999, [False] * 999, target=1.0, risk=0.1, horizon=9).certified
    # Fewer rows are left than may be wrong: all may be believed, even by a rung that is always wrong.
    assert certify_threshold([0.9] * 95, [True] * 95, target=0.9, risk=0.1, population=100).threshold == 0.9


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"scores": [0.1, math.nan]}, "scores[1]"),
        ({"scores": [0.1, math.inf]}, "scores[1]"),
        ({"scores": [[0.1, 0.2]]}, "scores"),
        ({"wrong": [True]}, "wrong"),
        ({"wrong": [0.0, math.nan]}, "wrong[1]"),
        ({"wrong": [0, 2]}, "wrong[1]"),
        ({"target": 0.4}, "target"),
        ({"target": math.nan}, "target"),
        ({"risk": 0.0}, "risk"),
        ({"risk": 1.0}, "risk"),
        ({"population": 1}, "population"),
        ({"horizon": 0}, "horizon"),
        ({"population": 9, "horizon": 9}, "horizon"),
    ],
)
def test_bad_input_is_named(change, field):
    good = {"scores": [0.1, 0.2], "wrong": [True, False], "target": 0.9, "risk": 0.1}
    with pytest.raises(InvalidPromiseInput) as caught:
        certify_threshold(**(good | change))
    assert caught.value.field == field
    assert isinstance(caught.value, ValueError)


def test_release_risks_sum_to_the_tasks_risk():
    parts = [release_risk(0.1, k) for k in range(1, 20_001)]
    assert parts[0] == pytest.approx(0.6 / math.pi**2)
    assert 0.0999 < sum(parts) < 0.1
    with pytest.raises(InvalidPromiseInput):
        release_risk(0.1, 0)


@given(samples, targets, risks)
def test_a_ladder_of_one_rung_is_the_rung(sample, target, risk):
    promise = LadderPromise(target, risk, scope=Scope(horizon=50))
    assert certify_ladder([split(sample)], promise) == (
        certify_threshold(*split(sample), target=target, risk=risk, horizon=50),
    )


def test_a_ladder_splits_budget_and_risk_and_reports_what_reaches_a_rung():
    scores = np.linspace(0.0, 1.0, 400)
    first, second = (scores, scores < 0.2), (scores[::-1], scores > 0.8)
    promise = LadderPromise(0.9, 0.1, weights=(0.75, 0.25))
    lower, upper = certify_ladder([first, second], promise)
    assert (lower.risk, upper.risk) == (0.05, 0.05)
    assert (lower.target, upper.target) == (pytest.approx(0.925), pytest.approx(0.975))
    assert lower.allowed_errors == allowed_errors(400, target=0.925, risk=0.05)
    assert upper.allowed_errors == allowed_errors(400, target=0.975, risk=0.05)
    reaches = scores < lower.threshold
    assert upper.low_share == pytest.approx((reaches & (scores[::-1] >= upper.threshold)).mean())
    assert lower.low_share + upper.low_share <= 1.0
    with pytest.raises(InvalidPromiseInput, match="weights"):
        certify_ladder([first, second], LadderPromise(0.9, 0.1, weights=(0.75, 0.75)))
    with pytest.raises(InvalidPromiseInput, match="same 400"):
        certify_ladder([first, ([0.5], [True])], promise)
    with pytest.raises(InvalidPromiseInput, match="rungs"):
        certify_ladder([], promise)


def draw(rng, size, shape):
    """Questions of known truth: confidence and whether the rung is wrong."""
    scores = rng.random(size)
    chance = {"good": 0.7 * (1 - scores) ** 2, "useless": np.full(size, 0.3), "ties": 0.6 * (1 - scores) ** 2}
    wrong = rng.random(size) < chance[shape]
    return (np.round(scores * 5) / 5 if shape == "ties" else scores), wrong


@pytest.mark.parametrize("shape", ["good", "useless", "ties"])
def test_promise_holds_in_known_truth(shape):
    rng = np.random.default_rng(11)
    runs, m, rest, target, risk = 600, 120, 400, 0.9, 0.1
    violations = {"batch": 0, "stream": 0}
    for _ in range(runs):
        scores, wrong = draw(rng, m + rest, shape)
        for scope, over in (("batch", {"population": m + rest}), ("stream", {"horizon": rest})):
            found = certify_threshold(scores[:m], wrong[:m], target=target, risk=risk, **over)
            losses = int((wrong[m:] & (scores[m:] >= found.threshold)).sum())
            violations[scope] += losses > round((1 - target) * (m + rest if scope == "batch" else rest))
    for scope, count in violations.items():
        assert binomial_test_greater(count, runs, risk) > 1e-3, (scope, count)
        assert shape == "ties" or count > 0.3 * risk * runs, "far below the risk: the rule lost its edge"


@given(st.integers(0, 60), st.integers(1, 90), targets, risks)
def test_exactly_so_many_answers_are_a_batch_drawn_beforehand(m, following, target, risk):
    budget = math.floor((1 - Fraction(str(target))) * following)
    found = allowed_errors(m, target=target, risk=risk, following=following)
    if following <= budget:
        assert found == m
        return
    fits = [c for c in range(m) if hypergeometric_cdf(c, m + following, budget + c + 1, m) <= risk]
    assert found == max(fits, default=-1)
    assert found >= allowed_errors(m, target=target, risk=risk, horizon=following)


def test_a_promise_is_over_one_thing():
    with pytest.raises(InvalidPromiseInput, match="horizon"):
        Scope(population=10, following=10)
    with pytest.raises(InvalidPromiseInput, match="following"):
        Scope(following=0)
