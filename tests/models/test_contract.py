"""A task's contract: how it asks, what it accepts, and what it calls equal. It never guesses."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stepladder.core import Equal, Question, RungFailed, Task
from stepladder.models import equal, parse_answer, prompt_for, response_format

ENGLISH = ("positive", "negative")
CHINESE = ("正面", "负面")
NESTED = ("positive", "very positive", "not positive")
YES_NO = ("是", "否")


def task(*labels, **more):
    return Task(name="mood", top="big", labels=labels, **more)


def read(labels, text):
    try:
        return parse_answer(task(*labels), text, "big")
    except RungFailed:
        return None


# ------------------------------------------------------------------------------------------------- labels


@pytest.mark.parametrize(
    "text",
    [
        "positive",
        " Positive.\n",
        "POSITIVE!",
        "“positive”",
        "**positive**",
        "`positive`",
        "ｐｏｓｉｔｉｖｅ",
        "Label: positive",
        "**Label:** positive",
        "Label:\npositive",
        "The answer is 'positive'.",
        "The sentiment of this review is **Positive**.",
        "I would classify it as positive",
        "label = positive",
        "Positive. The food was great.",
        "Positive\n\nThe guest did not complain.",
        "positive (the guest will come again)",
        "Positive - she liked it",
        "**Positive**: she liked it",
        "答案是 positive。",
    ],
)
def test_a_label_said_plainly_is_read(text):
    assert read(ENGLISH, text) == "positive"


@pytest.mark.parametrize(
    "text",
    [
        "正面",
        " 正面。",
        "「正面」",
        "【正面】",
        "**正面**",
        "答案：正面",
        "情感: 正面。",
        "答案是正面。",
        "这条评论的情感为正面",
        "正面。顾客很满意。",
        "正面，因为顾客很满意",
        "正面（顾客很满意）",
        "正面\n理由：顾客很满意",
        "這條評論是正面",
    ],
)
def test_and_so_is_a_chinese_one(text):
    assert read(CHINESE, text) == "正面"


def test_traditional_writing_is_the_same_label():
    assert read(CHINESE, "負面") == "负面"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "...",
        "neutral",
        "not positive",
        "It is not positive.",
        "It isn't positive",
        "I do not think it is positive",
        "I don’t think the answer is positive.",
        "It cannot be positive",
        "unpositive",
        "Label: unpositive",
        "positively",
        "positive or negative",
        "positive, negative",
        "Positive. Or is it negative?",
        "Is it positive?",
        "The more positive it gets, the worse",
        "a positive test",
        "positive or not",
        "positive/neutral",
        "The answer is positive. " + "Let me think again. " * 20,
        "x" * 100_000,
    ],
)
def test_nothing_else_is(text):
    assert read(ENGLISH, text) is None


@pytest.mark.parametrize(
    "text",
    [
        "",
        "中性",
        "不是正面",
        "并非是正面",
        "正面还是负面",
        "非正面",
        "是否正面：不确定",
        "这不能说是正面",
        "正面？负面。",
        "反正面对它",
    ],
)
def test_nor_in_chinese(text):
    assert read(CHINESE, text) is None


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("positive", "positive"),
        ("very positive", "very positive"),
        ("Very positive.", "very positive"),
        ("not positive", "not positive"),
        ("Label: very positive", "very positive"),
        ("It is not positive.", "not positive"),
        ("Label: positive", "positive"),
        ("Not positive. It was cold.", "not positive"),
        ("quite positive", None),
        ("positive, very positive", None),
    ],
)
def test_labels_that_contain_one_another_are_kept_apart(text, label):
    assert read(NESTED, text) == label


@pytest.mark.parametrize(
    ("text", "label"),
    [("是", "是"), ("否。", "否"), ("答案：是", "是"), ("答案：否", "否"), ("不是", None), ("是否", None)],
)
def test_yes_and_no_in_chinese(text, label):
    assert read(YES_NO, text) == label


@pytest.mark.parametrize(
    ("labels", "text", "label"),
    [
        (("yes", "no"), "No, it is cold.", "no"),
        (("yes", "no"), "Notable", None),
        (("yes", "no"), "I know", None),
        (("-1", "0"), "1", None),
        (("-1", "0"), "-1", "-1"),
        (("-1", "0"), "Label: -1.", "-1"),
        (("1", "-1"), "Score: -1", "-1"),
        (("1", "-1"), "Score: 1", "1"),
        (("1", "2", "3", "4"), "4.5", None),
        (("1", "2", "3", "4"), "Rating: 4", "4"),
        (("1", "2", "3", "4"), "14", None),
        (("c", "c++", "c#"), "C#", "c#"),
        (("c", "c++", "c#"), "`C++`", "c++"),
        (("c", "java"), "C#", None),
        (("A.", "B."), "A.", "A."),
        (("Good", "good", "bad"), "good", "good"),
        (("Good", "good", "bad"), "GOOD", None),
        (("Good", "bad"), "GOOD", "Good"),
        (("ham", "spam"), "spam", "spam"),
        (("很好", "好"), "很好", "很好"),
        (("很好", "好"), "答案：很好", "很好"),
    ],
)
def test_labels_written_with_marks_figures_and_each_others_letters(labels, text, label):
    assert read(labels, text) == label


@given(st.text(max_size=40))
def test_whatever_was_said_it_is_a_label_or_refused(text):
    assert read(NESTED, text) in {*NESTED, None}


@given(
    st.lists(st.text(min_size=1, max_size=8).map(str.strip).filter(bool), min_size=2, unique=True, max_size=5)
)
def test_every_label_is_read_back_to_the_letter(labels):
    for label in labels:
        assert read(labels, label) == label


def test_a_refusal_quotes_nothing_that_was_said():
    with pytest.raises(RungFailed) as caught:
        parse_answer(task(*ENGLISH), "my card is 4111", "big")
    assert "4111" not in str(caught.value)
    assert caught.value.rung == "big"
    many = [f"label{n}" for n in range(50)]
    with pytest.raises(RungFailed) as caught:
        parse_answer(task(*many), "none", "big")
    assert len(str(caught.value)) < 200


# --------------------------------------------------------------------------------------------------- JSON

SCHEMA = {
    "type": "object",
    "required": ["kind"],
    "additionalProperties": False,
    "properties": {
        "kind": {"enum": ["a", 1, None]},
        "n": {"type": ["integer", "null"]},
        "tags": {"type": "array", "items": {"type": "string"}},
        "sure": {"type": "boolean"},
        "any": True,
        "none": False,
        "two": {"const": 2.0},
    },
}
SHAPED = task(schema=SCHEMA)


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ('{"kind":"a"}', '{"kind":"a"}'),
        (' {"n": 4.0,\n "kind": 1 }', '{"kind":1,"n":4}'),
        ('{"kind":null,"n":null,"two":2}', '{"kind":null,"n":null,"two":2}'),
        ('{"kind":"\\u0061","tags":["好","\\u597d"]}', '{"kind":"a","tags":["好","好"]}'),
        ('```json\n{"kind":"a"}\n```', '{"kind":"a"}'),
        ('```\n{"kind":"a"}\n```\n', '{"kind":"a"}'),
        ('{"kind":"a","any":{"x":[0.5,1e3]}}', '{"any":{"x":[0.5,1000]},"kind":"a"}'),
    ],
)
def test_json_within_the_schema_becomes_canonical(text, canonical):
    assert parse_answer(SHAPED, text) == canonical
    assert parse_answer(SHAPED, canonical) == canonical


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("{}", "$.kind is missing"),
        ("[]", "$ is not of type object"),
        ('"kind"', "$ is not of type object"),
        ('{"kind":true}', "$.kind is none of the allowed values"),
        ('{"kind":"b"}', "$.kind is none of"),
        ('{"kind":"a","n":1.5}', "$.n is not of type integer or null"),
        ('{"kind":"a","n":true}', "$.n is not of type integer"),
        ('{"kind":"a","sure":1}', "$.sure is not of type boolean"),
        ('{"kind":"a","tags":["x",1]}', "$.tags[1] is not of type string"),
        ('{"kind":"a","two":3}', "$.two is not the required value"),
        ('{"kind":"a","none":0}', "$.none is not allowed"),
        ('{"kind":"a","4111":1}', "a property that the schema does not have"),
    ],
)
def test_what_is_outside_the_schema_is_said(text, says):
    with pytest.raises(RungFailed) as caught:
        parse_answer(SHAPED, text)
    assert says in str(caught.value)
    assert "4111" not in str(caught.value)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "hello",
        "{",
        "NaN",
        '{"kind":NaN}',
        "-Infinity",
        "1e999",
        "[" * 100_000,
        "9" * 5000,
        '"\\ud83d"',
        "{'a':1}",
    ],
)
def test_what_is_no_json_is_refused_and_never_passed_on(text):
    with pytest.raises(RungFailed, match="with JSON"):
        parse_answer(task(schema={}), text)


def test_a_schema_may_be_of_anything():
    assert parse_answer(task(schema={"type": "number"}), "2.50") == "2.5"
    assert parse_answer(task(schema={}), '"x"') == '"x"'


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(), lambda inner: st.lists(inner, max_size=3)
    )
)
def test_canonical_json_is_a_fixed_point(value):
    once = parse_answer(task(schema={}), json.dumps(value))
    assert parse_answer(task(schema={}), once) == once
    assert json.loads(once) == value


def test_text_is_left_as_it_is():
    assert parse_answer(task(), "  as\nit is ") == "  as\nit is "


# -------------------------------------------------------------------------------------------------- equal


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ('{"a":1,"b":[2]}', '{ "b": [2.0], "a": 1 }', True),
        ('{"a":1}', '{"a":true}', False),
        ('{"a":1}', '{"a":2}', False),
        ("[1,2]", "[2,1]", False),
        ('"a"', "a", False),
        ("not json", "not json", True),
        ('"\\u597d"', '"好"', True),
        ("0", "false", False),
    ],
)
def test_json_is_equal_where_its_values_are(one, other, same):
    assert equal(SHAPED, one, other) is same
    assert equal(SHAPED, other, one) is same


def test_labels_are_equal_to_the_letter_and_text_up_to_white_space():
    assert equal(task(*ENGLISH), "positive", "positive")
    assert not equal(task(*ENGLISH), "positive", "Positive")
    assert equal(task(), "a  b\n", "a b")
    assert not equal(task(), "a b", "ab")


def test_the_task_may_say_how_answers_are_compared():
    assert equal(task(*ENGLISH, equal=Equal.TEXT), "positive ", "positive")
    assert equal(task(equal=Equal.JSON), "[1.0]", "[1]")


# ------------------------------------------------------------------------------------------------- prompt


def test_a_task_without_anything_is_just_its_question():
    assert prompt_for(task(), Question("q", "mood", "hi")) == [{"role": "user", "content": "hi"}]


def test_the_prompt_names_labels_schema_and_fields_in_readable_chinese():
    question = Question("q", "mood", "hi", fields={"城市": "北京", "n": None})
    (system, _) = prompt_for(task(*CHINESE, prompt="判断情感。"), question)
    assert system["role"] == "system"
    for word in ("判断情感。", "正面, 负面", '"城市": "北京"', '"n": null'):
        assert word in system["content"]
    (system, _) = prompt_for(task(schema={"title": "情感"}), question)
    assert '{"title": "情感"}' in system["content"]


def test_a_schema_becomes_openais_response_format():
    assert response_format(task(*ENGLISH)) is None
    shape = response_format(SHAPED)
    assert shape["type"] == "json_schema"
    assert shape["json_schema"]["schema"] == SCHEMA
