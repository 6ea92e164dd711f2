"""The folded form and the way back from it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stepladder.text import fold, normalise

texts = st.text(st.characters(exclude_categories=[]), max_size=40)


@pytest.mark.parametrize(
    ("text", "folded"),
    [
        ("", ""),
        ("Hello, World!", "hello, world!"),
        ("Ｆｕｌｌ　１２３", "full 123"),
        ("繁體", "繁体"),
        ("①②③ ⅷ ²", "123 viii 2"),
        ("壹贰叁零", "一二三零"),
        ("a\u200bb\u00adc", "abc"),
        ("e\u0301 café", "e cafe"),
        ("рауpаl", "paypal"),
        ("🅰🅱", "ab"),
        ("한국", "한국"),
        ("\ud800x", "\ufffdx"),
        ("Straße", "strasse"),
    ],
)
def test_the_folded_form(text, folded):
    assert fold(text).text == folded


@given(texts)
def test_every_folded_character_comes_from_one_place(text):
    folded = fold(text)
    starts = folded.starts()
    assert len(starts) == len(folded.text)
    assert starts == sorted(starts)
    assert all(0 <= start < max(len(text), 1) for start in starts)


@given(texts, st.data())
def test_a_span_folds_to_what_it_came_from(text, data):
    folded = fold(text)
    if not folded.text:
        return
    start = data.draw(st.integers(0, len(folded.text) - 1))
    end = data.draw(st.integers(start + 1, len(folded.text)))
    first, last = folded.span(start, end)
    assert 0 <= first < last <= len(text)
    assert folded.text[start:end] in fold(text[first:last]).text


@given(texts)
def test_texts_that_are_the_same_fold_the_same_but_for_blanks(text):
    again = "".join(fold(normalise(text)).text.split())
    assert again == "".join(fold(again).text.split())
