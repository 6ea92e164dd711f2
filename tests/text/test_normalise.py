"""The normal form: what counts as the same text, and that normalising twice changes nothing."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stepladder.text import dictionary_key, normalise

texts = st.text(st.characters(exclude_categories=[]), max_size=60)


@pytest.mark.parametrize(
    ("text", "normal"),
    [
        ("", ""),
        ("  Hello,\t\nWORLD!  ", "hello, world!"),
        ("Ｓｔｅｐ　１２３", "step 123"),
        ("繁體中文電影", "繁体中文电影"),
        ("這個頭髮", "这个头发"),
        ("Straße ﬁn", "strasse fin"),
        ("pass\u200bword\ufeff\u00ad", "password"),
        ("好\u200d吃", "好吃"),
        ("caf\u00e9", "cafe\u0301".encode().decode()),
        ("bad \ud83d end", "bad \ufffd end"),
        ("\U0001f600 ok", "\U0001f600 ok"),
    ],
)
def test_the_normal_form(text, normal):
    if text.startswith("caf"):
        assert normalise(text) == normalise(normal)  # composed and decomposed are one
    else:
        assert normalise(text) == normal


@given(texts)
def test_normalising_is_a_fixed_point_and_leaves_clean_text(text):
    once = normalise(text)
    assert normalise(once) == once
    assert once == once.strip()
    assert "  " not in once
    once.encode()  # no lone surrogate is left


@given(st.text(st.sampled_from("電影好看頭髮乾隆后後里裡aB 1"), max_size=30))
def test_simplifying_keeps_length(text):
    assert len(normalise(f"x{text}x".replace(" ", ""))) == len(text.replace(" ", "")) + 2


@given(texts)
def test_ascii_and_general_path_agree(text):
    plain = text.encode("ascii", "ignore").decode()
    assert normalise(plain + " 好") == (normalise(plain) + " 好").strip()


@pytest.mark.parametrize(
    "same",
    [
        ("How do I reset my password?", " how do i  reset my PASSWORD ", "How do I reset my password？!"),
        ("什麼時候發貨？", "什么时候发货", "「什么时候发货」。"),
    ],
)
def test_dictionary_keys_meet(same):
    assert len({dictionary_key(text) for text in same}) == 1


def test_dictionary_keys_keep_what_matters():
    assert dictionary_key("c++") == "c++"
    assert dictionary_key("don't") == "don't"
    assert dictionary_key("is it not?") != dictionary_key("is it?")
    assert dictionary_key("?") != dictionary_key("!")
    assert [dictionary_key(text) for text in ("-5%?", "-1", "- 1", "1")] == ["-5%", "-1", "1", "1"]
    assert [dictionary_key(text) for text in ("（C#）", ".NET!", "...what", "#")] == [
        "c#",
        ".net",
        "what",
        "#",
    ]


@given(texts)
def test_dictionary_key_is_a_fixed_point(text):
    assert dictionary_key(dictionary_key(text)) == dictionary_key(text)


def the_long_way(text):
    """What `normalise` gives where something irregular stands in the text, without that."""
    return normalise(f"{text} e\u0301").removesuffix("\u00e9").strip()


@given(st.text(st.sampled_from("ａＺ１！　、。「（aZ1! 電影后里々〆\u4db5\u9fa5"), max_size=30))
def test_the_quick_path_of_common_characters_agrees_with_the_long_one(text):
    assert normalise(text) == the_long_way(text)


@given(st.text(max_size=12))
def test_short_and_long_texts_take_different_ways_to_the_same_form(text):
    assert normalise(" ".join([text] * 120)).split() == normalise(text).split() * 120


def test_every_character_is_what_the_general_way_makes_of_it():
    for code in range(0x80, 0x10000, 7):
        if not 0xD800 <= code < 0xE000 and not unicodedata.category(chr(code)).startswith("M"):
            assert normalise(f"{chr(code)} x") == the_long_way(f"{chr(code)} x"), hex(code)
