"""The texts of a chat that is nothing but words are the ones that walking all of it finds."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stepladder.service.request import read
from stepladder.service.texts import _walk, texts_of

ROLES = st.sampled_from(["system", "user", "assistant", "developer", "tool", ""])
WORDS = st.text(max_size=12)
PLAIN = st.lists(st.fixed_dictionaries({"role": ROLES, "content": WORDS}), min_size=1, max_size=5)
ODD = [
    {"role": "user", "content": [{"type": "text", "text": "hidden in a part"}]},
    {"role": "user", "content": "hi", "name": "hidden in a name"},
    {
        "role": "assistant",
        "content": None,
        "tool_calls": [{"function": {"name": "f", "arguments": '{"a": "hidden"}'}}],
    },
    {"role": "user", "content": "hi", "extra": {"deep": "hidden"}},
]


def walked(request):
    found = []
    _walk(request, lambda text: found.append(text) or text.text)
    return found


def chat(messages, **fields):
    return read(json.dumps({"model": "m", "messages": messages, **fields}).encode())


@given(PLAIN, st.booleans())
def test_a_plain_chat_says_what_the_walk_finds(messages, stream):
    request = chat(messages, stream=stream, temperature=0.5, max_tokens=3)
    assert texts_of(request) == walked(request)


@pytest.mark.parametrize("odd", ODD)
@pytest.mark.parametrize("first", [True, False])
def test_no_text_is_missed_in_a_chat_that_only_looks_plain(odd, first):
    plain = {"role": "user", "content": "plain words"}
    request = chat([odd, plain] if first else [plain, odd])
    assert texts_of(request) == walked(request)
    assert len(texts_of(request)) > 1


@pytest.mark.parametrize(
    "fields",
    [
        {"metadata": {"note": "hidden"}},
        {"user": "hidden"},
        {"stop": ["hidden"]},
        {"tools": [{"type": "function", "function": {"name": "f", "description": "hidden"}}]},
        {"response_format": {"type": "json_schema", "json_schema": {"name": "hidden"}}},
        {"stepladder": {"fields": {"note": "hidden"}}},
    ],
)
def test_what_stands_beside_plain_messages_is_found(fields):
    request = chat([{"role": "user", "content": "plain words"}], **fields)
    assert texts_of(request) == walked(request)
    assert any("hidden" in text.text for text in texts_of(request))


@pytest.mark.parametrize(
    "said", ["data: hidden words", "data:x;base64, hidden words", "data:x;base64,藏起来的话"]
)
def test_words_that_begin_like_a_data_url_are_words(said):
    call = {"role": "assistant", "content": None, "tool_calls": [{"function": {"arguments": said}}]}
    assert said in [text.text for text in texts_of(chat([call]))]


def test_a_data_url_is_no_text():
    part = {"type": "image_url", "image_url": {"url": "data:image/png;charset=x;base64,aGlkZGVu"}}
    assert texts_of(chat([{"role": "user", "content": [part]}])) == []
