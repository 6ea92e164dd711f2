"""A chat request: every field kept as it came, the question found, what is wrong named."""

import json

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stepladder.core import BadRequest, Task, Tenant, TooLarge
from stepladder.service import read, read_forwarded

TASK = Task(name="mood", top="big")
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
OURS = ("model", "messages", "stream", "stream_options", "stepladder")
TEXTS = st.text(min_size=1).filter(lambda text: text.strip() != "" and text.isprintable())


def question(messages, task=TASK, limit=1000, **more):
    request = read(json.dumps({"model": "mood", "messages": messages, **more}).encode())
    return request.question(task, id="r1", tenant=Tenant("ann"), asked_at=5.0, limit=limit)


@given(st.dictionaries(st.text().filter(lambda key: key not in OURS), VALUES, max_size=5))
def test_fields_that_we_do_not_know_are_forwarded_as_the_bytes_they_came_in(extra):
    body = {"model": "m", "messages": [{"role": "user", "content": "hi", "odd": 1}], **extra}
    data = json.dumps(body, indent=1).encode()
    call = read(data).call("r1")
    assert {key: json.loads(value) for key, value in call.body.items()} == body
    assert all(isinstance(value, bytes) and value in data for value in call.body.values())


@given(
    st.lists(st.tuples(st.sampled_from(["system", "user", "assistant", "developer"]), TEXTS), max_size=6),
    TEXTS,
)
def test_the_last_user_message_is_the_question_whatever_stands_around_it(before, text):
    messages = [{"role": role, "content": said} for role, said in before]
    asked = question(
        [*messages, {"role": "user", "content": text}, {"role": "assistant", "content": "later"}]
    )
    assert asked.text == text
    kept = [(role, said) for role, said in before if role in ("user", "assistant")]
    assert [(turn.role, turn.content) for turn in asked.turns] == kept
    assert asked.system is None


def test_the_callers_system_message_counts_only_where_the_task_says_so():
    messages = [
        {"role": "system", "content": "Be brief."},
        {"role": "developer", "content": "Be kind."},
        {"role": "user", "content": "Hm?"},
    ]
    open_task = Task(name="mood", top="big", caller_system=True)
    assert question(messages, open_task).system == "Be brief.\nBe kind."
    assert question(messages).system is None


def test_our_own_key_fills_the_question():
    extra = {
        "fields": {"a": 1, "b": 1.5, "c": "x", "d": True, "e": None},
        "conversation": "c",
        "deadline_ms": 300,
    }
    asked = question(
        [{"role": "user", "content": "Hm?"}], stepladder={**extra, "force": "top", "confidential": True}
    )
    assert (dict(asked.fields), asked.conversation, asked.deadline_ms) == (extra["fields"], "c", 300)
    assert asked.force_top and asked.confidential
    plain = question([{"role": "user", "content": "Hm?"}], stepladder=None)
    assert not plain.force_top and plain.deadline_ms is None


def test_the_limit_is_in_characters_not_bytes():
    assert question([{"role": "user", "content": "好" * 1000}]).text == "好" * 1000
    with pytest.raises(TooLarge):
        question([{"role": "user", "content": "好" * 1001}])


@given(st.binary())
def test_no_bytes_make_it_fail_in_any_other_way(data):
    try:
        read(data)
    except BadRequest as error:
        assert error.status == 400


def test_a_wrong_type_deep_inside_is_named():
    with pytest.raises(BadRequest) as caught:
        question([{"role": "user", "content": [{"type": "text", "text": 5}]}])
    assert caught.value.param == "messages[0].content[0].text"
    assert isinstance(caught.value.__cause__, msgspec.ValidationError)


@pytest.mark.parametrize(
    ("field", "value", "shown"),
    [
        ("max_tokens", "x", '"x"'),
        ("max_tokens", 0, "0"),
        ("max_tokens", True, "true"),
        ("max_completion_tokens", 1.5, "1.5"),
        ("n", [], "[]"),
        ("temperature", "hot", '"hot"'),
        ("top_p", {"a": 1}, '{"a": 1}'),
    ],
)
def test_a_number_that_is_none_is_refused_by_a_task_naming_field_and_value(field, value, shown):
    with pytest.raises(BadRequest) as refused:
        question([{"role": "user", "content": "hi"}], **{field: value})
    assert (refused.value.param, refused.value.message) == (field, f"{field} is {shown}.")


def test_numbers_as_they_should_be_are_taken():
    asked = {"max_tokens": 5, "n": 1, "temperature": 0, "top_p": None, "presence_penalty": -0.5}
    assert question([{"role": "user", "content": "hi"}], **asked).text == "hi"


def test_a_person_is_known_by_either_of_openais_names():
    asked = [{"role": "user", "content": "Hm?"}]
    assert question(asked, user="ann").user == "ann"
    assert question(asked, user="ann", safety_identifier="h-1").user == "h-1"
    assert question(asked).user == question(asked, user=7).user == ""


@pytest.mark.parametrize(
    ("route", "field"), [("rerank", "query"), ("completions", "prompt"), ("embeddings", "input")]
)
def test_what_is_missing_for_another_endpoint_is_named_as_that_endpoint_calls_it(route, field):
    with pytest.raises(BadRequest, match=f"{field} is missing") as caught:
        read_forwarded(b'{"model": "m", "documents": ["x"]}', route)
    assert caught.value.param == field
    with pytest.raises(BadRequest, match=f"{field} is empty"):
        read_forwarded(json.dumps({"model": "m", field: ""}).encode(), route)
