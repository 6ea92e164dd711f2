"""What is repeated of an upstream's words: never a secret, never the question."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stepladder.models.quote import quoted

ASKED = "My card 4111 1111 1111 1111 was charged twice by 张三丰先生 last Tuesday."
BODY = json.dumps({"model": "m", "messages": [{"role": "user", "content": ASKED}]}).encode()


def test_plain_words_are_repeated():
    assert quoted({"message": "The engine is overloaded."}, [], BODY) == "The engine is overloaded."
    assert quoted("No such model: m", [], BODY) == "No such model: m"


@pytest.mark.parametrize("message", [None, 7, "", {"a": 1}, [], {"message": None}])
def test_what_is_no_message_is_not(message):
    assert quoted(message, [], BODY) == ""


@pytest.mark.parametrize("start", [0, 8, 30])
def test_the_question_is_cut_out_wherever_it_stands(start):
    message = f"Content filter: '{ASKED[start:]}' is not allowed (code 7)."
    shown = quoted({"message": message}, [], BODY)
    assert shown.startswith("Content filter: ")
    assert "(code 7)" in shown
    for word in ("4111", "charged", "张三", "Tuesday"):
        assert word not in shown


@pytest.mark.parametrize(
    "secret",
    [
        "sk-proj-abcdef123456",
        "Bearer abc",
        "AIzaSyA1234567890abcdef",
        "eyJhbGciOiJIUzI1NiJ9.e30.abc",
        "0123456789abcdef0123456789abcdef",
        "user:pass@",
    ],
)
def test_what_looks_like_a_key_is_cut_out(secret):
    shown = quoted(
        {"message": f"Bad: https://{secret}host" if "@" in secret else f"Bad {secret} here"}, [], BODY
    )
    assert secret.removeprefix("Bearer ")[:6] not in shown
    assert shown.startswith("Bad")


def test_with_our_own_key_in_it_nothing_is_repeated():
    assert quoted({"message": "key hunter2-key is wrong"}, ["hunter2-key"], BODY) == ""


def test_it_is_short_and_one_line():
    shown = quoted({"message": "a b\n" * 5000}, [], BODY)
    assert len(shown) <= 200
    assert "\n" not in shown


def test_to_a_huge_or_unreadable_request_little_or_nothing_is_repeated():
    assert quoted({"message": "no"}, [], b"x" * 300_000) == ""
    assert quoted({"message": "no"}, [], b"\xff{") == "no"


@given(st.text(min_size=12, max_size=60), st.text(max_size=20), st.text(max_size=20))
def test_no_long_piece_of_the_question_is_ever_left(asked, before, after):
    body = json.dumps({"messages": [{"role": "user", "content": asked}]}).encode()
    said = " ".join(asked.split())
    shown = quoted(f"{before}|{asked}|{after}", [], body)
    assert len(said) < 12 or said[:12] not in shown
