"""A batch that is learnt from before it is certified: every choice of held-back rows, and hard cases of known truth."""

import math
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stepladder.promise import (
    InvalidPromiseInput,
    LadderPromise,
    Scope,
    allowed_errors,
    binomial_test_greater,
    certify_ladder,
    error_budget,
    hypergeometric_cdf,
    most_doubtful,
    plan_climbers,
    scoped_errors,
)

ROWS, HELD = 9, 4
rows = st.lists(st.tuples(st.integers(0, 5), st.booleans(), st.integers(0, 4)), min_size=ROWS, max_size=ROWS)


def broken(scores, wrong, held, target, risk):
    """Whether a certificate from the `held` rows breaks the promise to the `batch` others, as many as were not held."""
    scope = Scope(population=scores.size, counted=ROWS - HELD)
    (found,) = certify_ladder([(scores[held], wrong[held])], LadderPromise(target, risk, scope=scope))
    believed = (scores >= found.threshold) & ~held
    return int((believed & wrong).sum()) > math.floor(error_budget(target) * (ROWS - HELD))


@settings(max_examples=60)
@given(rows, st.integers(0, 4), st.sampled_from([0.5, 0.6, 0.8, 1.0]), st.sampled_from([0.1, 0.3, 0.5]))
def test_of_all_choices_of_held_rows_no_more_than_the_risk_break_the_promise(truth, number, target, risk):
    doubt, wrong, later = (np.array(column) for column in zip(*truth, strict=True))
    sent = most_doubtful(doubt, number)
    left = np.setdiff1d(np.arange(ROWS), sent)
    # What is learnt from the sent rows changes what is said of the others, here in any odd way.
    scores = ((later + wrong[sent].sum()) % 5).astype(float)[left]
    after = (wrong[left] + len(sent)) % 2 == 1
    violated = choices = 0
    for chosen in combinations(range(ROWS), HELD):
        held = np.isin(left, chosen)
        violated += broken(scores, after, held, target, risk)
        choices += 1
    assert violated <= risk * choices


def test_counted_answers_are_what_errors_are_allowed_for():
    m, left, batch, target, risk = 300, 4000, 4500, 0.9, 0.1
    budget = 450  # a tenth of the batch, whatever is left of it
    fits = [c for c in range(m) if hypergeometric_cdf(c, left, budget + c + 1, m) <= risk]
    assert scoped_errors(m, target=target, risk=risk, scope=Scope(left, counted=batch)) == max(fits)
    held = scoped_errors(m, target=target, risk=risk, scope=Scope(m + 2000, counted=2000))
    assert held == allowed_errors(m, target=target, risk=risk, following=2000)
    alone = scoped_errors(m, target=target, risk=risk, scope=Scope(left))
    assert alone == allowed_errors(m, target=target, risk=risk, population=left) < max(fits)
    with pytest.raises(InvalidPromiseInput, match="counted"):
        Scope(following=100, counted=100)


def test_half_of_what_would_climb_is_sent_first():
    rng = np.random.default_rng(1)
    scores = rng.random(1500)
    wrong = rng.random(1500) < 0.8 * (1 - scores) ** 2
    terms = {"risk": 0.1, "held": 600, "batch": 8000}
    strict, mild = (plan_climbers(scores, wrong, target=target, **terms) for target in (0.95, 0.9))
    # Below 0.28 (mild) and 0.43 (strict) are more than a tenth and a twentieth wrong.
    assert 0.5 * 0.28 * 8600 < mild < 0.5 * 0.43 * 8600 < strict < 0.5 * 0.6 * 8600
    assert plan_climbers(scores, wrong, target=0.95, risk=0.1, held=10, batch=8000) == 0
    assert plan_climbers(scores, np.zeros(1500), target=0.9, **terms) == 0


def test_the_most_doubtful_are_the_lowest():
    assert most_doubtful([0.5, 0.1, 0.9, 0.1, 0.1], 2) == [1, 3]
    assert most_doubtful([0.5, 0.1], 0) == []
    with pytest.raises(InvalidPromiseInput, match="finite"):
        most_doubtful([0.5, math.nan], 1)


@pytest.mark.parametrize("levels", [0, 5], ids=["smooth", "ties"])
def test_a_student_that_learns_what_climbed_keeps_the_promise(levels):
    rng = np.random.default_rng(levels)
    held, batch, target, runs, violated = 60, 400, 0.9, 800, 0
    for _ in range(runs):
        scores = rng.random(held + batch)
        scores = np.floor(scores * levels) / levels if levels else scores
        wrong = rng.random(scores.size) < 0.7 * (1 - scores)
        sent = most_doubtful(scores, 120)
        left = np.setdiff1d(np.arange(scores.size), sent)
        back = rng.permutation(scores.size)[left] < held
        scope = Scope(population=left.size, counted=batch)
        sample = [(scores[left][back], wrong[left][back])]
        (found,) = certify_ladder(sample, LadderPromise(target, 0.1, scope=scope))
        lost = wrong[left] & (scores[left] >= found.threshold) & ~back
        violated += int(lost.sum()) > 40
    assert binomial_test_greater(violated, runs, 0.1) > 0.01
