"""Labels that are probably wrong are found by guesses that had not seen them."""

import numpy as np
import pytest

from stepladder.core import BadRequest, Example, Guess
from stepladder.data import Duplicates, find_conflicts, find_label_errors


def examples(*labels):
    return [Example(str(at), f"text {at}", label) for at, label in enumerate(labels)]


def test_confident_disagreement_is_suspect_surest_first():
    guesses = [Guess("a", 0.9), Guess("a", 0.8), Guess("a", 0.95), Guess("a", 0.5), Guess("a", 0.99)]
    found = find_label_errors(examples("a", "a", "b", "b", "b"), guesses)
    assert [(suspect.index, suspect.suggestion) for suspect in found] == [(4, "a"), (2, "a")]


def test_each_label_has_its_own_bar():
    labels = ["sure"] * 3 + ["rare"] * 3 + ["sure", "rare"]
    guesses = [Guess("sure", 0.99)] * 3 + [Guess("rare", 0.4)] * 3 + [Guess("rare", 0.4), Guess("sure", 0.4)]
    assert [suspect.index for suspect in find_label_errors(examples(*labels), guesses)] == [6]


def test_a_label_that_was_never_right_accuses_nobody_lightly():
    assert find_label_errors(examples("a", "a"), [Guess("new", 0.7), Guess("a", 0.9)]) == []


def test_one_guess_for_each_example():
    with pytest.raises(BadRequest, match="2 examples and 1 guesses"):
        find_label_errors(examples("a", "b"), [Guess("a", 1.0)])


def test_near_copies_with_other_labels_are_suspect_unless_most_say_the_same():
    labels = ("a", "a", "b", "c", "d", "e", "e")
    copies = Duplicates(np.array([0, 0, 0, 3, 3, 5, 5]))
    found = find_conflicts(examples(*labels), copies)
    assert [(one.index, one.suggestion, round(one.confidence, 2)) for one in found] == [
        (2, "a", 0.67),
        (3, "d", 0.5),
        (4, "c", 0.5),
    ]
