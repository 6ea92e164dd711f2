"""Spoilt questions say the same, differently, and the same way every time."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stepladder.evaluation import WAYS, spoil
from stepladder.text import normalise


@pytest.mark.parametrize("way", WAYS)
@given(text=st.text(max_size=40))
def test_the_same_text_is_spoilt_the_same_way(way, text):
    assert spoil(text, way) == spoil(text, way)


@pytest.mark.parametrize("way", ["upper case", "lower case", "white space", "full width"])
@pytest.mark.parametrize("text", ["Where is my Card?", "我的卡在哪里? 3 days", "It's 5 o'clock"])
def test_what_normalising_takes_away_is_no_change(way, text):
    assert normalise(spoil(text, way)) == normalise(text)
    assert spoil("Where is my Card?", way) != "Where is my Card?"


def test_typos_are_few_and_depend_on_the_seed():
    text = "please tell me where my new card is and when it comes " * 3
    spoilt = spoil(text, "typos")
    assert spoilt != text
    assert abs(len(spoilt) - len(text)) <= 8
    assert spoil(text, "typos", seed=1) != spoilt
    assert spoil("我的卡在哪里", "typos") != "我的卡在哪里"
    assert spoil("??", "no punctuation") == "??"
    assert spoil("Where's my card?", "no punctuation") == "Where s my card"
