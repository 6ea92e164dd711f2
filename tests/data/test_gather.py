"""From ledger rows to a frozen dataset."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from stepladder.core import Example
from stepladder.data import clean, freeze, gather, unlabelled
from stepladder.store import LabelledRow

ROW = LabelledRow(1, "a", 5.0, "soup", {"x": 1}, "good", True, "", None, None, None, "teacher")


def test_a_correction_outranks_the_top_and_is_gold():
    by_top, corrected = gather([ROW, replace(ROW, id="b", correction="bad", drawn=False)])
    assert (by_top.label, by_top.gold, by_top.origin, by_top.drawn) == ("good", None, "top", True)
    assert (corrected.label, corrected.gold, corrected.origin, corrected.drawn) == (
        "bad",
        "bad",
        "feedback",
        False,
    )
    assert by_top.fields == {"x": 1} and by_top.at == 5.0


def test_a_row_known_only_by_feedback_is_learned_from_and_one_that_nobody_answered_is_not():
    rows = [replace(ROW, top_answer=None, correction="bad"), replace(ROW, top_answer=None)]
    assert [example.label for example in gather(rows)] == ["bad"]


def example(id, text, label, **more):
    return Example(id, text, label, **more)


def test_clean_drops_empty_and_foreign_and_keeps_the_newest_copy():
    rows = [
        example("1", "  ", "good"),
        example("2", "soup", " "),
        example("3", "Soup  好", "good"),
        example("4", "soup 好", "good"),
        example("5", "tea", "other"),
        example("6", "tea", "bad"),
    ]
    assert [row.id for row in clean(rows, ("good", "bad"))] == ["4", "6"]


def test_clean_drops_contradictions_unless_a_person_settled_them():
    doubtful = [example("1", "soup", "good"), example("2", "soup", "bad")]
    assert clean(doubtful) == []
    settled = [*doubtful, example("3", "soup", "bad", gold="bad"), example("4", "soup", "good")]
    assert [row.id for row in clean(settled)] == ["3"]


def test_clean_tells_questions_with_other_fields_apart():
    rows = [example("1", "soup", "good", fields={"x": 1}), example("2", "soup", "bad", fields={"x": 2})]
    assert len(clean(rows)) == 2


def test_clean_keeps_the_newest_of_too_many():
    rows = [example(str(i), f"soup {i}", "good") for i in range(5)]
    assert [row.id for row in clean(rows, limit=2)] == ["3", "4"]


@given(st.lists(st.tuples(st.text(max_size=3), st.sampled_from(["good", "bad", ""]))))
def test_cleaning_twice_changes_nothing_and_leaves_no_question_twice(pairs):
    rows = [example(str(i), text, label) for i, (text, label) in enumerate(pairs)]
    once = clean(rows)
    assert clean(once) == once
    assert len({row.text for row in once}) == len(once)


def test_the_hash_names_the_content_and_nothing_else():
    rows = [example("1", "soup", "good", fields={"a": 1, "b": 2}), example("2", "tea", "bad")]
    same = [replace(rows[0], fields={"b": 2, "a": 1}), rows[1]]
    assert freeze("t", {"train": rows}).hash == freeze("t", {"train": same}).hash
    others = ([rows[1], rows[0]], [rows[0]], [rows[0], replace(rows[1], drawn=False)])
    hashes = {freeze("t", {"train": other}).hash for other in (rows, *others)}
    assert len(hashes) == 4


def test_texts_without_a_label_come_once_and_whatever_their_order():
    texts = [f"question {number}" for number in range(50)]
    whole = unlabelled(texts)["unlabelled"]
    assert sorted(example.text for example in whole) == sorted(texts)
    assert unlabelled([*texts[::-1], *texts])["unlabelled"] == whole
    assert unlabelled(texts, limit=7)["unlabelled"] == whole[:7]
    assert unlabelled([]) == {}
