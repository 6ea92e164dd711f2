"""What holds for every text: offsets are true, spans are apart, nothing raises, redaction leaves nothing."""

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stepladder.privacy import Finding, Kind, block, find, foreign, keyed_hash, mask, redact

DATA = [
    "4111 1111 1111 1111",
    "11010519491231002X",
    "a@b.com",
    "+14155552671",
    "192.168.0.1",
    "我叫王小明，",
    "Dr. Mary Smith ",
    "GB82WEST12345698765432",
    "京A12345",
    "MAC:00:1A:2B:3C:4D:5E",
]
TEXTS = st.one_of(
    st.text(st.characters(), max_size=80),
    st.lists(
        st.one_of(st.sampled_from(DATA), st.text("0123456789-+() .:@/ABab卡号电话\n", max_size=8)), max_size=8
    ).map("".join),
)


@settings(deadline=None)
@given(TEXTS)
def test_spans_are_true_sorted_and_apart(text):
    found = find(text)
    assert all(text[one.start : one.end] == one.text and one.text and 0 < one.score <= 1 for one in found)
    assert all(one.end <= other.start for one, other in pairwise(found))


@settings(deadline=None)
@given(TEXTS)
def test_redaction_leaves_nothing_that_was_found(text):
    found = find(text)
    redacted = redact(text, found, block)
    assert [
        one
        for one in find(redacted)
        if one.text in {other.text for other in found} and text.count(one.text) == 1
    ] == []
    for action in (block, mask, keyed_hash(b"0123456789abcdef")):
        pieces, position = [], 0
        for one in found:
            pieces += [text[position : one.start], action(one)]
            position = one.end
        assert redact(text, found, action) == "".join(pieces) + text[position:]


@settings(deadline=None)
@given(TEXTS, st.sets(st.sampled_from(Kind)))
def test_only_wanted_kinds_come(text, kinds):
    assert find(text, kinds) == [one for one in find(text) if one.kind in kinds]


@pytest.mark.parametrize(
    "unit",
    [
        "1",
        "1 ",
        "a@",
        "a.",
        "Ab ",
        "A",
        ":",
        "1:",
        "-",
        "(",
        "+1",
        "王",
        "路1号",
        "·",
        "://",
        "出生",
        "1.",
        "an1",
        "Mr. ",
        "中",
    ],
)
def test_no_repetition_takes_long(unit):
    find(unit * 20_000)  # a pattern that backtracks over all of it would run into the test's own time limit


def test_masking_keeps_the_shape_and_the_last_digits_of_what_is_checked_by_them():
    text = "card 4111 1111 1111 1111, id 11010519491231002X, mail ann@x.org"
    assert redact(text, find(text), mask) == "card **** **** **** 1111, id ******************, mail ***@*.***"


def test_hashes_tell_equal_from_different_and_depend_on_the_key():
    one = Finding(0, 11, Kind.PHONE, "13812345678", 1.0)
    same = Finding(0, 13, Kind.PHONE, "138-1234-5678", 1.0)
    other = Finding(0, 11, Kind.PHONE, "13812345679", 1.0)
    hashed = keyed_hash(b"k" * 16)
    assert hashed(one) == hashed(same) != hashed(other)
    assert hashed(one) != keyed_hash(b"x" * 16)(one)
    assert hashed(one).startswith("[PHONE:")
    with pytest.raises(ValueError, match="at least 16"):
        keyed_hash(b"short")


def test_what_the_asker_gave_may_come_back_and_nothing_else():
    asked = ["我的卡号是6228480402564890018，帮我查", "and my mail is ann@x.org"]
    assert foreign("您的卡 6228 4804 0256 4890 018 已激活", asked) == []
    (leak,) = foreign("卡号6217002430000000004？不，4111 1111 1111 1111", asked)
    assert leak.text == "4111 1111 1111 1111"
    assert [one.kind for one in foreign("身份证11010519491231002X", asked)] == [Kind.ID_NUMBER]
    assert foreign("mail bob@x.org", asked) == []
    assert [one.text for one in foreign("mail bob@x.org or ann@x.org", asked, [Kind.EMAIL])] == ["bob@x.org"]
