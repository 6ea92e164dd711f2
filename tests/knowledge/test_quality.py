"""What the figures of `knowledge eval` mean, on questions whose figures can be worked out by hand."""

import math

import pytest

from stepladder.knowledge import Said, evaluate
from stepladder.knowledge.quality import Asked

FOUND = {"q1": ["a", "b", "c"], "q2": ["x", "b"], "q3": ["y"]}
SAID = {
    "q1": Said("It costs 40 euros.", ("a", "x"), supported=0.5),
    "q2": Said("It costs 140 euros.", ("b",)),
    "q3": Said("", refused=True),
    "q4": Said("Nobody knows.", refused=True),
    "q5": Said("Bob.", ("b",)),
}


def test_the_figures_of_some_questions():
    asked = [
        Asked(1, "q1", documents=["a", "c"], answers=["40"]),
        Asked(2, "q2", documents={"b": 1.0}, answers=["40", "forty"]),
        Asked(3, "q3", documents=["z"], answers=["七百"]),
        Asked(4, "q4", answers=[]),
        Asked(5, "q5", answers=[]),
    ]
    found = evaluate(asked, FOUND.__getitem__, SAID.__getitem__, top=2)
    first = (1 / math.log2(2)) / (1 / math.log2(2) + 1 / math.log2(3))
    assert found.recall == pytest.approx((1 / 2 + 1 + 0) / 3)
    assert found.ndcg == pytest.approx((first + 1 / math.log2(3) + 0) / 3)
    assert found.mrr == pytest.approx((1 + 1 / 2 + 0) / 3)
    assert found.answered_right == pytest.approx(1 / 3)  # 40 is not in 140
    assert (found.refused_right, found.refusal_rate) == (pytest.approx(1 / 2), pytest.approx(1 / 3))
    assert found.citation_precision == pytest.approx((1 / 2 + 1) / 2)
    assert found.citation_recall == pytest.approx((1 / 2 + 1) / 2)
    assert (found.grounded, found.unanswered) == (pytest.approx((0.5 + 1) / 2), ("q3",))


def test_recall_is_of_all_right_documents_and_the_grade_0_is_none():
    asked = [Asked(1, "q1", documents=["a", "b", "d", "e"]), Asked(2, "q2", documents={"x": 0.0, "b": 2.0})]
    found = evaluate(asked, FOUND.__getitem__, SAID.__getitem__, top=2)
    assert found.recall == pytest.approx((2 / 4 + 1) / 2)
    assert found.mrr == pytest.approx((1 + 1 / 2) / 2)
    nobody = [Asked(1, "q1", documents={"a": 0}, answers=["40"])]
    assert math.isnan(evaluate(nobody, FOUND.__getitem__, SAID.__getitem__).recall)


@pytest.mark.parametrize(
    ("text", "answer", "right"),
    [
        ("运费４０元。", "40", True),
        ("It is 40.", "40", True),
        ("It is 40.5.", "40", False),
        ("It is 1,400.", "400", False),
        ("二十四元", "二十四元", True),
        ("Sold by ACME Ltd.", "acme", True),
        ("anything", "", False),
    ],
)
def test_a_number_is_right_as_a_whole(text, answer, right):
    found = evaluate([Asked(1, "q", answers=[answer])], lambda _: [], lambda _: Said(text))
    assert found.answered_right == right
