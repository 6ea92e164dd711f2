"""The analyser: what is one term, in documents and in queries."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stepladder.knowledge.stemming import stem
from stepladder.knowledge.terms import document_terms, is_character, query_terms


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        # From Porter's paper.
        *[("caresses", "caress"), ("ponies", "poni"), ("cats", "cat"), ("feed", "feed"), ("agreed", "agre")],
        *[("plastered", "plaster"), ("bled", "bled"), ("motoring", "motor"), ("sing", "sing")],
        *[("conflated", "conflat"), ("sized", "size"), ("hopping", "hop"), ("falling", "fall")],
        *[("filing", "file"), ("happy", "happi"), ("sky", "sky"), ("relational", "relat")],
        *[("vietnamization", "vietnam"), ("triplicate", "triplic"), ("electrical", "electr")],
        *[("adjustable", "adjust"), ("adoption", "adopt"), ("probate", "probat"), ("rate", "rate")],
        *[("controll", "control"), ("roll", "roll"), ("oscillators", "oscil")],
        # Not English, or too short to have a stem.
        *[("as", "as"), ("naïve", "naïve"), ("x2ing", "x2ing"), ("", "")],
    ],
)
def test_stems(word, expected):
    assert stem(word) == expected


def test_the_terms_of_a_document():
    assert document_terms("Running 汽车站, GPT-4!") == ["run", "汽车", "车站", "站", "gpt", "4"]
    assert document_terms("file_name, __init__ x_ _Café") == ["file", "name", "init", "x", "cafe"]
    assert document_terms("ﬁles Ａ１ 臺灣") == ["file", "a1", "台湾", "湾"]
    assert document_terms("2008年 用iPhone拍") == [
        "2008",
        "年",
        "2008年",
        "用",
        "iphon",
        "用iphone",
        "拍",
        "iphone拍",
    ]
    assert document_terms("!?。 \n") == []


def test_a_sign_makes_another_name_of_a_letter():
    assert document_terms("C, C++, C#: AT&T's R&D") == ["c", "c++", "c#", "at&t", "s", "r&d"]
    assert document_terms("学C++课程，F#12 g＋＋") == [
        *("学", "c++", "学c++", "课程", "程", "c++课", "f#", "12", "g++")
    ]
    assert document_terms("research&development a&bc1 notepad++ abc#d") == [
        *("research", "develop", "a", "bc1", "notepad", "abc", "d")
    ]
    assert query_terms("What does AT&T cost?") == {"at&t": 1, "cost": 1}


def test_the_terms_of_a_query_leave_out_what_every_text_has():
    assert query_terms("What is the price of the chair, the price?") == {"price": 2, "chair": 1}
    assert query_terms("to be or not to be")
    assert query_terms("What's in vitamin D that I don’t get?") == {"vitamin": 1, "d": 1, "don": 1, "get": 1}
    assert query_terms("汽车站") == {"汽车": 1, "车站": 1}
    assert query_terms("猫 and dog") == {"猫": 1, "dog": 1}
    assert is_character("猫")
    assert not is_character("a")


def test_a_query_of_any_length_has_a_bounded_number_of_terms():
    assert len(query_terms(" ".join(f"word{number}" for number in range(10_000)))) < 200
    assert len(query_terms("".join(map(chr, range(0x4E00, 0x5E00))))) < 1000


@given(st.text(max_size=80))
def test_whatever_a_document_says_a_query_for_it_finds(text):
    said = set(document_terms(text))
    for term in query_terms(text):
        assert term in said or (is_character(term) and any(one.startswith(term) for one in said))
