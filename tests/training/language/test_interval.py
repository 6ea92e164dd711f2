"""How often to keep a checkpoint: the formulas, and a simulation of what they promise."""

import pytest

from stepladder.training.language import best_interval, expected_goodput


def test_a_published_rate():
    # 466 interruptions in 54 days; Young's first order is sqrt(2 * 60 * 10011.8) = 1096 s, Daly's is a little less.
    between = 54 * 86_400 / 466
    assert between / 3600 == pytest.approx(2.78, abs=0.01)
    assert best_interval(60, between) == pytest.approx(1096 * (1 + 0.0547 / 3 + 0.003 / 9) - 60, abs=1)
    assert best_interval(0, between) == 0
    assert best_interval(3 * between, between) == between


@pytest.mark.parametrize("cost", [1.0, 30.0, 300.0])
def test_the_best_interval_is_where_the_expected_goodput_is_largest(cost):
    between, restart = 10_000.0, 120.0
    best = best_interval(cost, between)
    top = expected_goodput(best, cost, restart, between)
    assert 0 < top < 1
    for other in (best / 3, best / 1.5, best * 1.5, best * 3):
        assert expected_goodput(other, cost, restart, between) < top
    assert expected_goodput(best, cost, 0, 1e12) == pytest.approx(best / (best + cost), abs=1e-6)


def test_the_formula_foretells_a_simulation():
    from benchmarks.goodput import BETWEEN, RESTART, simulated

    found = sum(simulated(1800.0, 60.0, seed) for seed in range(60)) / 60
    assert found == pytest.approx(expected_goodput(1800.0, 60.0, RESTART, BETWEEN), abs=0.01)
