"""Sets of character n-grams: equal for equal normal forms, closer for closer texts."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from stepladder.text import grams, normalise


@given(st.text(max_size=200))
def test_a_normal_form_has_the_same_grams(text):
    found = grams(text)
    assert np.array_equal(found, grams(normalise(text)))
    assert np.array_equal(found, np.unique(found))


def test_marks_do_not_count_and_short_texts_are_one_gram():
    assert np.array_equal(grams("Hello, world!"), grams("hello world"))
    assert grams("ok").size == grams("好").size == 1
    assert grams("...").size == grams("").size == 0
    assert grams("ab").size and grams("ab")[0] != grams("ba")[0]
