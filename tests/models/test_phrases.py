"""Phrases and patterns: what they are found in, which of several answers, and that edits are in force at once."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stepladder.core import BadRequest
from stepladder.models import Entries, entry_key
from stepladder.text import dictionary_key


def entries(*rows):
    found = Entries()
    for kind, text, answer in rows:
        found.put(kind, entry_key(kind, text), answer)
    return found


@pytest.mark.parametrize(
    ("phrase", "text", "held"),
    [
        ("refund", "I want a Refund now", True),
        ("refund", "refund", True),
        ("refund", "is it refundable?", False),
        ("refund", "non-refund items", True),
        ("gift card", "My GIFT   card!", True),
        ("gift card", "gift cards", False),
        ("退款", "我想退款了", True),
        ("退款", "我要退貨款", False),
        ("繁體字", "这是繁体字吗", True),
        ("a", "b a", True),
        ("iphone 15", "iPhone 15有货吗", True),
        ("C#", "How much is C#?", True),
        ("C#", "How much is C?", False),
        ("C", "C++、C#课程", False),
        ("C", "C# or C", True),
        (".NET", "what does .NET cost", True),
        (".NET", "the net profit", False),
    ],
)
def test_a_phrase_is_held_as_whole_words(phrase, text, held):
    assert (entries(("phrase", phrase, "yes")).find(text) == "yes") is held


@pytest.mark.parametrize(
    ("pattern", "text", "fits"),
    [
        ("where is my * order", "Where is my blue order?", True),
        ("where is my * order", "where is my order", True),
        ("where is my * order", "so where is my blue order", False),
        ("* order *", "my order please", True),
        ("*order*", "order", True),
        ("cancel *", "cancel it all", True),
        ("cancel *", "please cancel it", False),
        ("* cancel", "please cancel", True),
        ("我的*到了吗", "我的包裹到了吗？", True),
        ("我的*到了吗", "你的包裹到了吗", False),
        ("a * a", "a b a", True),
        ("a * a", "a", False),
        ("a*b*c", "a x b y c", True),
        ("a*b*c", "a x c y b", False),
    ],
)
def test_a_pattern_is_the_whole_question(pattern, text, fits):
    assert (entries(("pattern", pattern, "yes")).find(text) == "yes") is fits


def test_the_more_particular_entry_answers():
    known = entries(
        ("phrase", "order", "short"),
        ("phrase", "my order", "long"),
        ("pattern", "where is * order", "pattern"),
        ("normalised", "Where is my order", "all"),
        ("exact", "Where is my order!", "letter"),
    )
    assert known.find("Where is my order!") == "letter"
    assert known.find("where is my order") == "all"
    assert known.find("where is your order") == "pattern"
    assert known.find("my order is late") == "long"
    assert known.find("an order") == "short"
    assert known.find("nothing") is None


def test_edits_are_in_force_at_once():
    known = entries(("phrase", "blue shoes", "in stock"))
    known.put("phrase", "blue shoes", "sold out")
    known.put("phrase", "blue shoes in red", "never")
    assert known.find("have you blue shoes?") == "sold out"
    known.remove("phrase", "blue shoes")
    known.remove("phrase", "blue shoes")
    assert known.find("have you blue shoes?") is None
    assert known.find("blue shoes in red") == "never"


@pytest.mark.parametrize(
    ("kind", "text"), [("phrase", "  "), ("pattern", "**"), ("pattern", " * "), ("normalised", "")]
)
def test_what_would_match_everything_is_refused(kind, text):
    with pytest.raises(BadRequest, match="everything"):
        entry_key(kind, text)


def test_a_pattern_needs_a_star():
    with pytest.raises(BadRequest, match="no pattern"):
        entry_key("pattern", "hello")


WORDS = st.lists(
    st.sampled_from(["red", "blue", "shoe", "shoes", "the", "退", "款", "a"]), min_size=1, max_size=4
)


@given(st.lists(WORDS, max_size=6), WORDS, st.integers(0, 5))
def test_finding_is_what_a_plain_search_finds(phrases, words, removed):
    """Chinese characters between words, so that ends are never in doubt."""
    text = " ".join(words)
    known = Entries()
    keys = [dictionary_key(" ".join(one)) for one in phrases]
    for key in keys:
        known.put("phrase", key, f"<{key}>")
    if keys:
        known.remove("phrase", keys[removed % len(keys)])
        keys = [key for key in keys if key != keys[removed % len(keys)]]
    held = [key for key in keys if f" {key} " in f" {text} "]
    best = min(held, key=lambda key: (-len(key), key), default=None)
    assert known.find(text) == (None if best is None else f"<{best}>")
