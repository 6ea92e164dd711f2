"""Kinds of answers, from the answers alone."""

import json
import random

from hypothesis import given
from hypothesis import strategies as st

from stepladder.data import Kind, recognise, recognise_answer


def test_a_closed_set_survives_slips_and_spellings():
    answers = ["spam"] * 60 + ["Ham."] * 30 + ["ham"] * 40 + ["I cannot tell."]
    found = recognise(answers)
    assert found.kind is Kind.LABEL
    assert dict(found.labels) == {"ham": 70, "spam": 60}
    assert recognise_answer("HAM", found) == "ham"


def test_many_labels_are_still_closed_and_prose_is_not():
    draw = random.Random(3)
    labels = [f"intent_{number}" for number in range(150)]
    assert len(recognise(draw.choices(labels, k=1500)).labels) == 150
    assert recognise([f"The answer to {number} is long." for number in range(200)]).kind is Kind.TEXT
    assert recognise(draw.choices(labels, k=150)).kind is Kind.TEXT  # too few to say that the set is closed


def test_numbers_constants_and_json():
    assert recognise([str(number * 1.5) for number in range(100)]).kind is Kind.NUMBER
    assert recognise(["pong"] * 50).kind is Kind.CONSTANT
    shape = recognise([json.dumps({"mood": "good" if n % 2 else "bad", "n": n}) for n in range(60)])
    assert shape.schema["properties"] == {
        "mood": {"type": "string", "enum": ["bad", "good"]},
        "n": {"type": "integer"},
    }
    assert shape.schema["required"] == ["mood", "n"]
    mixed = recognise(['{"a": 1}'] * 30 + ['{"b": 1}'] * 30)
    assert mixed.kind is not Kind.JSON  # two shapes are two tasks


def test_optional_keys_are_not_required():
    answers = ['{"name": "x"}'] * 60 + ['{"name": "x", "age": 3.5}'] * 40
    shape = recognise(answers).schema
    assert shape["required"] == ["name"]
    assert shape["properties"]["age"] == {"type": "number"}


@given(st.lists(st.text(max_size=20), min_size=1, max_size=60))
def test_any_answers_have_a_kind(answers):
    found = recognise(answers)
    for answer in answers:
        assert isinstance(recognise_answer(answer, found), str)
    assert found.like(found)
