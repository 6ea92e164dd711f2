"""The room's distributions against sums of exact fractions, and its bounds against what defines them."""

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stepladder.promise import (
    InvalidPromiseInput,
    beta_binomial_log_pmf,
    betting_upper_bound,
    binomial_cdf,
    binomial_log_pmf,
    binomial_test_greater,
    clopper_pearson_lower,
    clopper_pearson_upper,
    hypergeometric_cdf,
    hypergeometric_log_pmf,
)

rates = st.fractions(min_value=0, max_value=1, max_denominator=1000)


def exact_binomial_cdf(k: int, n: int, p: Fraction) -> Fraction:
    return sum((math.comb(n, i) * p**i * (1 - p) ** (n - i) for i in range(k + 1)), Fraction(0))


def exact_hypergeometric_cdf(k: int, population: int, marked: int, drawn: int) -> Fraction:
    ways = sum(
        math.comb(marked, i) * math.comb(population - marked, drawn - i) for i in range(min(k, drawn) + 1)
    )
    return Fraction(ways, math.comb(population, drawn))


@given(st.integers(0, 60), rates, st.data())
def test_binomial_equals_its_sum_of_fractions(n, p, data):
    k = data.draw(st.integers(0, n))
    exact = float(exact_binomial_cdf(k, n, p))
    assert binomial_cdf(k, n, float(p)) == pytest.approx(exact, rel=1e-10, abs=1e-300)
    upper = float(1 - exact_binomial_cdf(k - 1, n, p)) if k else 1.0
    assert binomial_test_greater(k, n, float(p)) == pytest.approx(upper, rel=1e-10, abs=1e-300)


@given(st.integers(1, 80), st.data())
def test_hypergeometric_equals_its_sum_of_fractions(population, data):
    marked, drawn = data.draw(st.integers(0, population)), data.draw(st.integers(0, population))
    k = data.draw(st.integers(0, drawn))
    exact = float(exact_hypergeometric_cdf(k, population, marked, drawn))
    assert hypergeometric_cdf(k, population, marked, drawn) == pytest.approx(exact, rel=1e-10, abs=1e-300)


@given(st.integers(1, 40), st.integers(1, 30), st.integers(0, 40), st.data())
def test_beta_binomial_is_the_negative_hypergeometric(drawn, first, rest, data):
    """At most c of the first r + c marked were drawn, as the certificate's text claims."""
    c = data.draw(st.integers(0, drawn - 1))
    undrawn = first + rest
    beta_binomial = float(np.exp(beta_binomial_log_pmf(drawn, first, rest + 1)[: c + 1]).sum())
    exact = float(exact_hypergeometric_cdf(c, drawn + undrawn, first + c, drawn))
    assert beta_binomial == pytest.approx(exact, rel=1e-10)


@pytest.mark.parametrize("n", [0, 1, 10**3, 10**6])
def test_probabilities_sum_to_one_at_every_size(n):
    for log_pmf in (binomial_log_pmf(n, 1e-3), beta_binomial_log_pmf(n, 3.5, 1e9)):
        assert log_pmf.shape == (n + 1,)
        assert np.exp(log_pmf).sum() == pytest.approx(1.0, abs=1e-12)
    drawn = hypergeometric_log_pmf(2 * n + 10, n, n)
    assert np.exp(drawn).sum() == pytest.approx(1.0, abs=1e-12)


def test_far_tails_stay_accurate_and_certain_rates_exact():
    assert binomial_log_pmf(1000, 0.5)[0] == pytest.approx(1000 * math.log(0.5), rel=1e-13)
    central = math.lgamma(10**6 + 1) - 2 * math.lgamma(5 * 10**5 + 1) - 10**6 * math.log(2)
    assert binomial_log_pmf(10**6, 0.5)[5 * 10**5] == pytest.approx(central, rel=1e-8)
    assert binomial_cdf(-1, 5, 0.5) == 0.0
    assert [binomial_cdf(2, 5, 0.0), binomial_cdf(4, 5, 1.0), binomial_cdf(5, 5, 1.0)] == [1.0, 0.0, 1.0]
    assert binomial_test_greater(0, 5, 0.1) == pytest.approx(1.0)
    assert binomial_test_greater(1, 5, 0.0) == 0.0


@settings(deadline=None)
@given(st.integers(1, 200), st.sampled_from([0.01, 0.1, 0.5]), st.data())
def test_clopper_pearson_bounds_invert_the_binomial_tails(n, risk, data):
    k = data.draw(st.integers(0, n))
    upper, lower = clopper_pearson_upper(k, n, risk), clopper_pearson_lower(k, n, risk)
    assert (upper == 1.0) if k == n else binomial_cdf(k, n, upper) == pytest.approx(risk, rel=1e-9)
    assert (lower == 0.0) if k == 0 else binomial_test_greater(k, n, lower) == pytest.approx(risk, rel=1e-9)
    assert risk >= 0.5 or lower < k / n < upper or k in {0, n}
    # What is right of k errors is wrong of n - k.
    assert lower == pytest.approx(1.0 - clopper_pearson_upper(n - k, n, risk), abs=1e-12)


def test_clopper_pearson_textbook_values():
    assert clopper_pearson_upper(0, 10, 0.05) == pytest.approx(1 - 0.05**0.1, abs=1e-12)
    assert clopper_pearson_upper(7, 20, 0.025) == pytest.approx(0.5921885, abs=1e-6)
    assert clopper_pearson_lower(7, 20, 0.025) == pytest.approx(0.1539092, abs=1e-6)


@pytest.mark.parametrize("upper", [1.0, 20.0])
@pytest.mark.parametrize("rate", [0.02, 0.1, 0.4])
def test_betting_bound_covers_the_mean_and_approaches_it(upper, rate):
    rng = np.random.default_rng(5)
    runs, risk, chance = 300, 0.1, 1.0 / upper
    losses = upper * (rng.random((runs, 400)) < rate * chance)
    missed = sum(betting_upper_bound(row, risk, upper) < rate for row in losses)
    assert binomial_test_greater(missed, runs, risk) > 1e-3
    long = upper * (rng.random(100_000) < rate * chance)
    assert rate * 0.9 < betting_upper_bound(long, risk, upper) < rate * 1.25


def test_betting_bound_without_losses_and_with_only_losses():
    assert betting_upper_bound([], 0.1, 3.0) == 3.0
    assert betting_upper_bound(np.ones(50), 0.1, 1.0) == pytest.approx(1.0)
    clean = betting_upper_bound(np.zeros(500), 0.1, 1.0)
    assert 1 - 0.1 ** (1 / 500) < clean < 0.02


@pytest.mark.parametrize(
    ("call", "field"),
    [
        (lambda: binomial_test_greater(6, 5, 0.1), "violations"),
        (lambda: binomial_log_pmf(-1, 0.1), "trials"),
        (lambda: binomial_log_pmf(5, math.nan), "rate"),
        (lambda: hypergeometric_log_pmf(5, 6, 1), "population"),
        (lambda: beta_binomial_log_pmf(5, 0.0, 1.0), "alpha"),
        (lambda: clopper_pearson_upper(6, 5, 0.1), "errors"),
        (lambda: clopper_pearson_lower(1, 5, 1.0), "risk"),
        (lambda: betting_upper_bound([0.5, 2.0], 0.1, 1.0), "losses"),
        (lambda: betting_upper_bound([0.5, math.nan], 0.1, 1.0), "losses"),
        (lambda: betting_upper_bound([0.5], 0.1, 0.0), "upper"),
    ],
)
def test_bad_input_is_named(call, field):
    with pytest.raises(InvalidPromiseInput) as caught:
        call()
    assert caught.value.field == field
    assert field in str(caught.value)
    assert caught.value.remedy in str(caught.value)
