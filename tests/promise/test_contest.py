"""A test of two streams that may be looked at after every answer."""

import numpy as np
import pytest

from stepladder.promise import InvalidPromiseInput, contest


@pytest.mark.parametrize(
    ("live", "candidate", "margin"), [(0.1, 0.15, 0.05), (0.0, 0.05, 0.05), (0.5, 0.5, 0.0)]
)
def test_one_that_is_not_worse_by_more_is_hardly_ever_called_worse(live, candidate, margin):
    random = np.random.default_rng(1)
    wrong = 0
    for _ in range(2000):
        first, second = random.random(400) < live, random.random(400) < candidate
        wrong += contest(first, second, margin).refuted(0.05)
    assert wrong <= 0.05 * 2000  # at its very bound, and looked at after each of 400 answers


def test_one_that_is_worse_is_found_and_sooner_the_worse_it_is():
    random = np.random.default_rng(2)
    found = []
    for rate in (0.2, 0.5):
        pairs = next(
            count
            for count in range(10, 3000, 10)
            if contest(random.random(count) < 0.02, random.random(count) < rate, 0.05).refuted(1e-3)
        )
        found.append(pairs)
    assert found[1] < found[0] < 400


def test_figures_between_nought_and_one_count_as_they_are():
    found = contest([0.2] * 300, [0.6] * 200, 0.1)
    assert (found.pairs, found.first, found.second) == (200, pytest.approx(0.2), pytest.approx(0.6))
    assert found.refuted(1e-6)
    assert contest([], [1.0], 0.1).evidence == 1
    with pytest.raises(InvalidPromiseInput):
        contest([2.0], [0.0], 0.1)
    with pytest.raises(InvalidPromiseInput):
        contest([0.0], [0.0], 1.0)
