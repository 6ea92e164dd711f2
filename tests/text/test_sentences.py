"""Sentences end where a reader ends them, in both languages."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stepladder.text import sentences


def cut(text):
    return [text[start:end] for start, end in sentences(text)]


@pytest.mark.parametrize(
    "parts",
    [
        ["今天天气很好。", "我们去公园吧！", "“好的。”", "他说……", "然后走了；", "再见"],
        ["Dr. Smith paid $3.14 at example.com.", "He left."],
        ["“Really?” she said.", "J. K. Rowling wrote it!", "Was it good?!"],
        ["It was approx. 5 dollars, i.e. cheap.", "Then 2000 came."],
        ["中文English混排。", "Version 2.0发布了！", "See Fig. 3 for more."],
        ["what laws\nmust be obeyed .", "the results were fine ."],
        ["No.", "That is all."],
        ["He said so…and left.", "Wait… what?"],
    ],
)
def test_running_text(parts):
    glue = " " if parts[0].isascii() or "“Really" in parts[0] or "Wait" in parts[-1] else ""
    assert cut(glue.join(parts)) == parts


def test_lines_that_are_not_prose_end_with_the_line():
    text = "# 标题\n正文第一行\n第二行。\n\n- item one\n- item two\n1. first\n2. second\n| a | b |\n| 1 | 2 |"
    assert cut(text) == [line for line in text.split("\n") if line]


def test_wrapped_english_lines_are_one_sentence():
    assert cut("a line that is wrapped\nand goes on.\nNext one.") == [
        "a line that is wrapped\nand goes on.",
        "Next one.",
    ]


@given(st.text(st.sampled_from("aB .。!？?\n#|-1”“…；\u3000汉")))
def test_spans_are_in_order_and_only_white_space_is_left_out(text):
    at = 0
    for start, end in sentences(text):
        assert at <= start < end <= len(text)
        assert not text[at:start].strip()
        assert text[start:end] == text[start:end].strip()
        at = end
    assert not text[at:].strip()
