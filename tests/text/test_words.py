"""Words for counting what is new."""

import pytest

from stepladder.text import words


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Where is my PARCEL?", ["where", "is", "my", "parcel"]),
        ("退款 12 元", ["退款", "0", "元"]),
        ("我要退款", ["我要", "要退", "退款"]),
        ("A380 costs 7", ["a380", "costs", "0"]),
        ("buy苹果now", ["buy", "苹果", "now"]),
        ("don't_stop", ["don", "t", "stop"]),
        ("", []),
        ("?! 👍", []),
    ],
)
def test_latin_runs_han_pairs_and_numbers(text, found):
    assert words(text) == found
