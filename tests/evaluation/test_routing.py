"""The figures of routing on curves that can be drawn by hand."""

import numpy as np
import pytest

from stepladder.core import DataError
from stepladder.evaluation import routing_curve

WEAK, STRONG = [1.0, 0.0, 1.0, 0.0], [1.0, 1.0, 1.0, 1.0]


def test_a_perfect_router_sends_only_what_gains():
    curve = routing_curve([0.0, 1.0, 0.0, 0.9], WEAK, STRONG)
    assert curve.shares.tolist() == [0.0, 0.25, 0.5, 1.0]
    assert curve.recovered.tolist() == [0.0, 0.5, 1.0, 1.0]
    assert curve.apgr == pytest.approx(0.0625 + 0.1875 + 0.5)
    assert (curve.calls_to(0.5), curve.calls_to(0.8)) == (0.25, 0.5)


def test_a_router_that_knows_nothing_is_chance():
    curve = routing_curve([0.3] * 4, WEAK, STRONG)
    assert curve.apgr == 0.5
    assert curve.calls_to(0.5) == 1.0
    rng = np.random.default_rng(0)
    weak = rng.random(20_000) < 0.6
    noise = routing_curve(rng.random(20_000), weak, np.ones(20_000))
    assert noise.apgr == pytest.approx(0.5, abs=0.02)
    assert noise.calls_to(0.8) == pytest.approx(0.8, abs=0.02)


def test_a_weak_model_that_is_better_somewhere_lets_the_curve_fall():
    curve = routing_curve([2.0, 1.0], [0.0, 1.0], [2.0, 0.0])
    assert curve.recovered.tolist() == [0.0, 2.0, 1.0]


def test_what_cannot_be_routed_is_said():
    with pytest.raises(DataError, match="not better"):
        routing_curve([1.0], [1.0], [1.0])
    with pytest.raises(DataError, match="each question"):
        routing_curve([1.0, 2.0], [0.0], [1.0])
