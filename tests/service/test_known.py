"""When an approved answer is given to another question: only where that is the same question."""

import time

import pytest

from stepladder.core import Citation, Grounds
from stepladder.service import Verified, known, signature
from stepladder.store import OVERLAP, Approval


@pytest.mark.parametrize(
    ("asked", "again"),
    [
        ("What's the price of the chair?", "what is the price of the chairs"),
        ("“Who” pays, the buyer…", "Who pays the buyer?"),
        ("WHAT DOES IT COST?", "what does it cost"),
        ("the e-mail address.", "The e mail address"),
        ("运费由谁承担？", "请问運費由谁承担"),
        ("iPhone 15 多少钱", "iphone15多少钱？"),
        ("买 5 个，要多少钱", "买5个要多少钱~"),
    ],
)
def test_writing_makes_no_other_question(asked, again):
    assert signature(asked) == signature(again)


@pytest.mark.parametrize(
    ("asked", "other"),
    [
        ("How much is the C++ course?", "How much is the C# course?"),
        ("What does the AT&T plan cost?", "What does the plan cost?"),
        ("Is 2.0.2 supported?", "Is 2.2.0 supported?"),
        ("Is -5 degrees fine?", "Is 5 degrees fine?"),
        ("Is 5% paid?", "Is $5 paid?"),
        ("the 10:30 train", "the 1030 train"),
        ("How much vitamin A a day?", "How much vitamin D a day?"),
        ("What does IT do?", "What does it do?"),
        (f"{'word ' * 300} one", f"{'word ' * 300} two"),
        ("买1.5公斤多少钱", "买15公斤多少钱"),
        ("要3～5天吗", "要35天吗"),
        ("买1、5号", "买15号"),
        ("C++课程多少钱", "C#课程多少钱"),
        ("怎么退货", "怎么不退货"),
    ],
)
def test_a_name_a_number_or_a_sign_does(asked, other):
    assert signature(asked) != signature(other)


class Words:
    """Feedback as a store gives it."""

    def __init__(self):
        self.rows = {}
        self.read = []

    def say(self, id, answer, text="What does it cost?"):
        self.rows[id] = Approval(id, "acme", text, answer, None)

    def __call__(self, after, besides):
        found = [self.rows[id] for id in sorted(self.rows) if id > after and id not in besides]
        self.read.append([row.id for row in found])
        return found


def test_an_approved_text_has_the_citations_that_stand_in_it_and_the_marks():
    cited = tuple(Citation(n, "c", "d", "", "", 0, "x", n) for n in (1, 2))
    grounds = Grounds(cited, (1, 2), unsupported=("It is free.",), refused=True)
    whole = known.as_approved(grounds, "It is open. [1] It is red. [2] It is free. [unsupported]")
    assert (len(whole.citations), whole.unsupported, whole.refused) == (2, ("It is free.",), False)
    other = known.as_approved(grounds, "It is free.")  # somebody's own words
    assert (other.citations, other.unsupported, other.passages) == ((), (), (1, 2))


def said(verified, text="What does it cost?"):
    verified.look()
    found = verified.find("acme", text)
    return found and found.answer


def test_feedback_that_is_committed_after_a_later_one_is_taken_in_and_the_later_one_stands():
    words = Words()
    words.say(900, "ten")
    verified = Verified(words)
    assert said(verified) == "ten"
    before = verified.version
    words.say(897, "nine")
    words.say(898, "in May", "When does it open?")
    assert said(verified) == "ten"
    assert said(verified, "When does it open?") == "in May"
    assert verified.version != before
    assert words.read[-2:] == [[897, 898], []]  # what is known is not read again
    words.say(901, None)
    assert said(verified) is None
    words.say(899, "eleven")
    assert said(verified) is None  # the word of 901 came after it
    other = Verified(words)
    other.look()
    assert other.version == verified.version
    words.say(901 - OVERLAP, "far too late", "Where is it?")
    assert said(verified, "Where is it?") is None


def test_what_retention_has_taken_out_is_let_go_within_the_hour(monkeypatch):
    words = Words()
    words.say(1, "ten")
    words.say(2, "in May", "When does it open?")
    verified = Verified(words)
    assert said(verified) == "ten"
    del words.rows[1]
    assert said(verified) == "ten"
    now = time.monotonic() + known._ANEW_SECONDS
    monkeypatch.setattr(known.time, "monotonic", lambda: now)
    assert said(verified) is None
    assert said(verified, "When does it open?") == "in May"
