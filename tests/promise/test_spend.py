"""The budget is hard, it goes to the largest doubts, and its drawn calls do not look at the question."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stepladder.promise import CallBudget, InvalidPromiseInput, Spending, Worth, choose


@settings(max_examples=60, deadline=None)
@given(
    calls=st.integers(0, 60),
    questions=st.integers(1, 150),
    more=st.integers(0, 50),
    start=st.floats(0, 1),
    lean=st.floats(0, 5),
    explore=st.floats(0, 1),
    seed=st.integers(0, 9),
    levels=st.integers(1, 50),
)
def test_never_a_call_too_many_and_none_is_left_over(  # noqa: PLR0917
    calls, questions, more, start, lean, explore, seed, levels
):
    budget = CallBudget(calls, questions, Spending(start, lean, explore), seed=seed)
    doubts = np.random.default_rng(seed).integers(levels, size=questions + more) / levels
    granted = [budget.worth(doubt).call for doubt in doubts.tolist()]
    assert sum(granted) == budget.granted <= calls
    assert not any(granted[questions:])
    if calls >= questions:
        assert all(granted[:questions])


def test_calls_go_to_the_most_doubtful_and_are_all_spent():
    doubts = np.random.default_rng(0).random(5000)
    budget = CallBudget(500, 5000, Spending(start=0.1, lean=0.0, explore=0.0))
    worth = [budget.worth(doubt) for doubt in doubts.tolist()]
    chosen = doubts[[it is Worth.DOUBT for it in worth]]
    assert budget.granted == 500
    assert worth.count(Worth.FIRST) == pytest.approx(50, abs=5)
    assert np.quantile(chosen, 0.05) > 0.85


def test_leaning_spends_earlier():
    doubts = np.random.default_rng(1).random(4000).tolist()
    spent = {}
    for lean in (0.0, 2.0):
        budget = CallBudget(400, 4000, Spending(start=0.1, lean=lean))
        spent[lean] = sum(budget.worth(doubt).call for doubt in doubts[:1000])
    assert spent[2.0] > 1.5 * spent[0.0]


def test_a_doubt_that_never_changes_does_not_burn_the_budget():
    budget = CallBudget(200, 4000, Spending(start=0.1, lean=0.0))
    early = sum(budget.worth(1.0).call for _ in range(2000))
    assert 80 < early < 140


def test_drawn_calls_do_not_look_at_the_question():
    """The coin falls as often for sure questions as for doubtful ones."""
    doubts = np.random.default_rng(2).random(60_000)
    budget = CallBudget(12_000, 60_000, Spending(start=0.0, lean=0.0, explore=0.3), seed=2)
    coins = doubts[[budget.worth(doubt) is Worth.COIN for doubt in doubts.tolist()]]
    assert coins.size > 2000
    assert coins.mean() == pytest.approx(0.5, abs=0.03)


def test_without_an_opinion_everything_goes_to_the_top():
    budget = CallBudget(10, 1000)
    assert [budget.worth(None) for _ in range(12)] == [Worth.FIRST] * 10 + [Worth.NO] * 2


def test_choose_takes_the_likeliest_or_weighs_the_rare():
    likely = choose([0.7, 0.3])
    assert (likely.best, likely.doubt) == (0, pytest.approx(0.3))
    rare = choose([0.7, 0.3], [0.9, 0.1])
    assert rare.best == 1
    assert rare.doubt == pytest.approx(0.7 / 1.8)
    assert choose([0.0, 1.0], [0.9, 0.1]).doubt == 0.0


def test_bad_input_is_named():
    with pytest.raises(InvalidPromiseInput, match="shares"):
        choose([0.5, 0.5], [1.0, 0.0])
    with pytest.raises(InvalidPromiseInput, match="lean"):
        Spending(lean=-1.0)
    with pytest.raises(InvalidPromiseInput, match="calls"):
        CallBudget(-1, 10)
