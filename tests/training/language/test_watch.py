"""The watch over a run's losses: each trouble is seen, told once, and a sound run is left alone."""

import math

import pytest

from stepladder.training.language import Watch
from stepladder.training.language.watch import Drifted


def told(watch, losses, held=()):
    found = [watch.loss(step, value) for step, value in enumerate(losses, start=1)]
    found += [watch.held(step, value) for step, value in enumerate(held, start=1)]
    return [advice for advice in found if advice is not None]


def test_a_sound_run_is_left_alone():
    losses = [3 * math.exp(-step / 30) + 0.1 * (step % 3) for step in range(100)]
    assert told(Watch(100), losses, [2.0, 1.0, 1.1, 0.9, 1.0, 0.8]) == []


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_a_loss_that_is_no_number_stops_the_run_and_is_told_once(value):
    (advice,) = told(Watch(100), [1.0, value, value])
    assert (advice.kind, advice.stops) == ("nan", True)
    assert "rate" in advice.remedy


def test_a_loss_that_runs_away_stops_the_run():
    (advice,) = told(Watch(200), [2 - step / 50 for step in range(50)] + [9.0] * 50)
    assert (advice.kind, advice.stops) == ("diverged", True)


def test_one_bad_batch_is_no_divergence():
    assert told(Watch(200), [2 - step / 50 for step in range(50)] + [4.0] + [1.0] * 40) == []


def test_unseen_rows_that_get_worse_three_times_stop_the_run():
    (advice,) = told(Watch(100), [], [2.0, 1.0, 1.2, 1.1, 1.3, 1.4])
    assert (advice.kind, advice.stops) == ("overfitting", True)
    assert "1.000" in advice.message


def test_a_loss_that_does_not_move_is_told_but_goes_on():
    (advice,) = told(Watch(60), [1.5] * 60)
    assert (advice.kind, advice.stops) == ("stalled", False)


BASE = {"repeated": 0.1, "surprised": 1.0}


@pytest.mark.parametrize(
    ("now", "kind", "tried"),
    [
        (Drifted(2.1, **BASE), "away", "beta"),
        (Drifted(0.5, repeats=0.6, **BASE), "repeating", "length"),
        (Drifted(0.5, surprise=3.1, **BASE), "forgetting", "fine-tuning"),
    ],
)
def test_an_aligned_model_that_goes_astray_is_stopped_and_told_what_to_try(now, kind, tried):
    watch = Watch(100)
    advice = watch.drifted(10, now, limit=2.0)
    assert (advice.kind, advice.stops) == (kind, True)
    assert tried in advice.remedy
    assert watch.drifted(20, now, limit=2.0) is None  # told once


@pytest.mark.parametrize(
    "now",
    [
        Drifted(1.9, **BASE),
        Drifted(0.5, repeats=0.7, repeated=0.5, surprised=1.0),  # the base stutters too
        Drifted(0.5, repeats=0.45, **BASE),
        Drifted(0.5, surprise=2.9, **BASE),
    ],
)
def test_an_aligned_model_near_its_base_goes_on(now):
    assert Watch(100).drifted(10, now, limit=2.0) is None
