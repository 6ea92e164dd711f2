"""What two questions that ask the same have in common, and nothing that asks for another answer."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.semantic.pairs import near_misses
from stepladder.text import gist

FILES = ("blind.txt", "blind_zh.txt", "known.txt", "known_zh.txt")


@pytest.mark.parametrize("name", FILES)
def test_no_near_miss_has_the_same_gist(name):
    pairs = near_misses(name)
    assert len(pairs) > 100
    assert [pair for pair in pairs if gist(pair.one) == gist(pair.other)] == []


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("How do I reset my password?", "how can I reset my password"),
        ("How do I reset my password?", "Hello! Could you please tell me how to reset my password?"),
        ("What is the capital of Australia?", "Tell me what the capital of Australia is."),
        ("What's the capital of Australia?", "What is the capital of Australia"),
        ("Which shops are open?", "What shops are open?"),
        ("I can't pay.", "I cannot pay"),
        ("Is breakfast included?", "Do you know whether breakfast is included?"),
        ("Explain recursion.", "Please explain recursion to me!"),
        ("怎么重置密码？", "请问如何重置密码"),
        ("可不可以用信用卡付款？", "能用信用卡支付吗？"),
        ("活动什么时候结束？", "請問活動何時結束呢？"),
        ("收到的包裹坏了，怎么办？", "你好，收到的包裹坏了该怎么办"),
    ],
)
def test_manners_and_ways_to_put_it_do_not_count(one, other):
    assert gist(one) == gist(other)


WORDS = st.text(st.sampled_from("abc XY 0123456789 不没的了吗？?.,-'"), min_size=1, max_size=30)


@given(WORDS, st.integers(0, 10**6), st.integers(0, 10**6))
def test_another_number_is_another_question(text, one, other):
    assert (gist(f"{text} {one} x") == gist(f"{text} {other} x")) == (one == other)


@given(st.text(max_size=60))
def test_white_space_and_invisible_characters_around_do_not_count_and_nothing_breaks(text):
    assert gist(text) == gist(text)
    assert gist(f" {text.strip()}\n") == gist(text.strip())


def test_code_and_formulas_have_only_themselves():
    assert gist("What is x² + 1?") != gist("What is x2 + 1?")
    assert gist("a  = b") != gist("a = b")
    assert gist("x" * 2001) is None
