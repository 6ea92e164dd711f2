"""A judge that is asked twice: only what it says from both places counts."""

import pytest

from stepladder.evaluation import judged, kappa, questions


def test_a_verdict_that_goes_with_the_place_is_a_draw():
    plain = ["first", "first", "second", "equal", "second"]
    swapped = ["second", "first", "first", "first", "second"]
    found = judged(plain, swapped, ["first", "second", "second", None, "equal"])
    assert found.verdicts == ("first", "equal", "second", "equal", "equal")
    assert (found.won, found.lost, found.drawn, found.swayed) == (1, 1, 3, 2)
    assert found.score == 0.5
    assert (found.people, found.agreement) == (4, 0.75)


def test_a_judge_that_always_says_first_wins_nothing():
    found = judged(["first"] * 10, ["first"] * 10)
    assert (found.won, found.lost, found.drawn, found.swayed, found.score) == (0, 0, 10, 10, 0.5)


def test_kappa_by_hand():
    # Cohen's own kind of table: 20 yes-yes, 5 yes-no, 10 no-yes, 15 no-no: .7 seen, .5 by chance.
    pairs = [("y", "y")] * 20 + [("y", "n")] * 5 + [("n", "y")] * 10 + [("n", "n")] * 15
    assert kappa(pairs) == pytest.approx(0.4)
    assert kappa([("y", "y")]) == 1
    assert kappa([]) == 0


def test_both_orders_hold_the_same_words():
    one, other = questions("why?", "because", "so")
    assert one.index("because") < one.index("so")
    assert other.index("so") < other.index("because")
    assert sorted(one.split()) == sorted(other.split())
