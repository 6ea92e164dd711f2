"""The paired bootstrap: right intervals, no wonders where nothing differs, wonders where something does."""

import numpy as np
import pytest

from stepladder.evaluation import Answers, compare_macro_f1, compare_scores, score


def labels(count, wrong, seed):
    random = np.random.default_rng(seed)
    gold = np.array(["a", "b"])[random.integers(0, 2, count)]
    flips = random.random(count) < wrong
    return list(gold), [
        ("a" if one == "b" else "b") if flip else str(one) for one, flip in zip(gold, flips, strict=True)
    ]


def test_a_real_difference_is_found_and_its_interval_is_the_textbook_one():
    gold, good = labels(1_000, 0.05, 1)
    bad = ["b" if one == "a" else "a" for one in gold[:200]] + good[200:]
    first, second = (score(said, gold, Answers.LABEL) for said in (bad, good))
    found = compare_scores(first, second)
    assert found.difference == pytest.approx(second.figures["accuracy"] - first.figures["accuracy"])
    differences = second.rows - first.rows
    half = 1.96 * differences.std() / 1_000**0.5
    assert found.low == pytest.approx(found.difference - half, abs=0.006)
    assert found.high == pytest.approx(found.difference + half, abs=0.006)
    assert found.significant
    assert found.p < 0.01
    assert compare_macro_f1(bad, good, gold, draws=300).significant


def test_equal_answers_do_not_differ():
    gold, said = labels(200, 0.3, 2)
    scored = score(said, gold, Answers.LABEL)
    found = compare_scores(scored, scored)
    assert (found.difference, found.low, found.high, found.p, found.significant) == (0, 0, 0, 1.0, False)


def test_two_as_good_as_each_other_seldom_differ_significantly():
    alarms = 0
    for seed in range(100):
        gold, one = labels(300, 0.0, seed)
        random = np.random.default_rng(seed + 1_000)
        said = [
            [("b" if label == "a" else "a") if random.random() < 0.2 else label for label in gold]
            for _ in range(2)
        ]
        first, second = (score(each, gold, Answers.LABEL) for each in said)
        alarms += compare_scores(first, second, draws=400).significant
        assert one == gold
    assert alarms <= 13  # 5 are expected; more than 13 has a chance of 1 in 2,000


def test_json_is_compared_by_its_fields():
    gold = ['{"a": 1, "b": 2}'] * 60
    half = ['{"a": 1, "b": 3}'] * 60
    first, second = (score(said, gold, Answers.JSON) for said in (half, gold))
    found = compare_scores(first, second)
    assert (found.figure, found.difference, found.significant) == ("field_f1", pytest.approx(0.5), True)


def test_other_rows_cannot_be_compared():
    one = score(["a"], ["a"], Answers.LABEL)
    with pytest.raises(ValueError, match="same rows"):
        compare_scores(one, score(["a", "b"], ["a", "b"], Answers.LABEL))
    with pytest.raises(ValueError, match="same rows"):
        compare_scores(one, score(["a"], ["a"], Answers.TEXT))
