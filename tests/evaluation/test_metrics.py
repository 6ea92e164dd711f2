"""Figures by hand, by brute force, and at their edges."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stepladder.evaluation import Answers, kind_of, rouge, score
from stepladder.evaluation.metrics import longest_common

LABELS = st.sampled_from(["a", "b", "c", "d"])


def test_labels_by_hand():
    found = score(["a", "a", "b", "x"], ["a", "b", "b", "b"], Answers.LABEL)
    assert found.main == "accuracy"
    assert found.figures["accuracy"] == 0.5
    assert [(one.name, one.precision, one.recall, one.support, one.said) for one in found.classes] == [
        ("b", 1.0, pytest.approx(1 / 3), 3, 1),
        ("a", 0.5, 1.0, 1, 2),
        ("x", 0.0, 0.0, 0, 1),
    ]
    assert found.figures["macro_f1"] == pytest.approx((0.5 + 2 / 3 + 0) / 3)


@given(st.lists(st.tuples(LABELS, LABELS), min_size=1, max_size=40))
def test_macro_f1_is_what_its_definition_counts(pairs):
    answers, gold = zip(*pairs, strict=True)
    each = []
    for name in {*answers, *gold}:
        hit = sum(one == other == name for one, other in pairs)
        precision = hit / answers.count(name) if answers.count(name) else 0
        recall = hit / gold.count(name) if gold.count(name) else 0
        each.append(2 * precision * recall / (precision + recall) if hit else 0)
    assert score(answers, gold, Answers.LABEL).figures["macro_f1"] == pytest.approx(sum(each) / len(each))


def test_json_by_fields_whole_and_validity():
    gold = ['{"city": "Wien", "tags": ["a", "b"]}', '{"city": "Bern"}', '{"city": "Rom"}']
    said = ['{"tags": ["b", "a"], "city": "Wien"}', '{"city": "Basel", "n": 1}', "Rom"]
    figures = score(said, gold, Answers.JSON).figures
    assert figures["field_precision"] == pytest.approx(3 / 5)
    assert figures["field_recall"] == pytest.approx(3 / 5)
    assert figures["field_f1"] == pytest.approx(6 / 10)
    assert figures["exact_match"] == 0
    assert figures["json_validity"] == pytest.approx(2 / 3)
    assert score(gold, gold, Answers.JSON).figures["exact_match"] == 1


def test_rouge_by_hand():
    one, two, longest = rouge("The gunman killed the police!", "police killed the gunman")
    assert one == pytest.approx(2 * 4 / 9)
    assert two == pytest.approx(2 * 2 / 7)
    assert longest == pytest.approx(2 * 2 / 9)
    assert rouge("我想退款", "我要退款")[0] == pytest.approx(3 / 4)
    assert rouge("", "a") == (0, 0, 0)
    assert rouge("A b c", "a B c") == (1, 1, 1)


@given(st.text("abc", max_size=12), st.text("abc", max_size=12))
def test_the_longest_common_subsequence_is_the_longest(one, other):
    def slow(i, j):
        if not i or not j:
            return 0
        if one[i - 1] == other[j - 1]:
            return table[i - 1][j - 1] + 1
        return max(table[i - 1][j], table[i][j - 1])

    table = [[0] * (len(other) + 1) for _ in range(len(one) + 1)]
    for i in range(len(one) + 1):
        for j in range(len(other) + 1):
            table[i][j] = slow(i, j)
    assert longest_common(list(one), list(other)) == table[-1][-1]


def test_the_kind_is_told_by_the_right_answers():
    assert kind_of(["good", "bad"] * 10) is Answers.LABEL
    assert kind_of([json.dumps({"a": n}) for n in range(5)]) is Answers.JSON
    assert kind_of([f"Dear customer {n}, thank you for writing." for n in range(20)]) is Answers.TEXT
    assert kind_of(["1", "2"] * 20) is Answers.LABEL


def test_nothing_and_unequal_lengths_are_errors():
    with pytest.raises(ValueError, match="nothing"):
        score([], [], Answers.LABEL)
    with pytest.raises(ValueError, match=r"shorter|longer"):
        score(["a"], ["a", "b"], Answers.LABEL)
