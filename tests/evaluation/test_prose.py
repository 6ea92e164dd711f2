"""Figures of prose: by hand, against published software's, and where there is nothing."""

import numpy as np
import pytest

from stepladder.evaluation import Answers, bleu, kind_of, likeness, score, with_prose, word_f1


def test_bleu_by_hand():
    # "the cat sat on the mat" / "the cat is on the mat": 5/6, 3/5, 1/4 and none of 3, so half of one: 1/6.
    found = bleu(["the cat sat on the mat"], ["the cat is on the mat"])
    assert found == pytest.approx((5 / 6 * 3 / 5 * 1 / 4 * 1 / 6) ** 0.25)
    # Too short by a third: exp(1 - 6/4).
    assert bleu(["the cat is on"], ["the cat is on the mat"]) == pytest.approx(np.exp(1 - 6 / 4))
    assert bleu(["我喜欢猫和狗"], ["我喜欢猫和狗"]) == pytest.approx(1)
    assert bleu([""], ["a"]) == bleu(["b"], ["a"]) == 0.0


def test_bleu_is_of_the_set_and_not_the_mean_of_rows():
    answers, gold = ["a b c d e", "x"], ["a b c d e", "y"]
    assert bleu(answers, gold) == pytest.approx((5 / 6) ** 0.25)


def test_words_are_counted_whatever_their_order():
    assert word_f1("the answer is 42", "42 is the answer") == 1
    assert word_f1("红色的车", "蓝色的车") == pytest.approx(3 / 4)
    assert word_f1("", "x") == 0


def test_likeness_matches_each_sentence_with_the_nearest():
    table = {"One.": [1, 0, 0], "Two.": [0, 1, 0], "Third.": [0, 0.6, 0.8]}

    def embed(texts):
        return np.array([table[text] for text in texts], np.float32)

    assert likeness(["Two. One."], ["One. Two."], embed) == pytest.approx([1])
    # Precision (1 + .6) / 2, recall 1.
    assert likeness(["One. Third."], ["One."], embed) == pytest.approx([2 * 0.5 * 1 / 1.5])
    assert likeness(["", "One."], ["", ""], embed).tolist() == [1.0, 0.0]
    found = with_prose(score(["One."], ["One."], Answers.TEXT), ["One."], ["One."], embed)
    assert found.figures["likeness"] == pytest.approx(1)


def test_spans_count_where_both_ends_and_the_label_are_right():
    gold = ['[{"start": 0, "end": 4, "label": "city"}, {"start": 6, "end": 9, "label": "name"}]', "[]"]
    said = ['[{"start": 0, "end": 4, "label": "city"}, {"start": 6, "end": 8, "label": "name"}]', "no JSON"]
    assert kind_of(gold) is Answers.SPANS
    found = score(said, gold, Answers.SPANS)
    assert (found.main, found.figures["span_f1"], found.figures["json_validity"]) == ("span_f1", 0.5, 0.5)
    assert {one.name: one.f1 for one in found.classes} == {"city": 1.0, "name": 0.0}
    broken = ['[{"start": "x", "end": 4}, 5, {"start": 1}]', '{"start": 1, "end": 2}']
    assert score(broken, gold, Answers.SPANS).figures["span_f1"] == 0
    assert kind_of(["[1, 2]", "[]"]) is Answers.JSON
