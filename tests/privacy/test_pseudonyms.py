"""Placeholders: stable, reversible whatever the model did to them, and never mistaken for what the asker wrote."""

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stepladder.privacy import Finding, Kind, Vault, find

# Text in which placeholders, their beginnings and their brackets are likely.
PIECES = st.lists(
    st.sampled_from(
        [
            "<PERSON_1>",
            "PERSON_2",
            "<EMAIL_1",
            "〔人名1〕",
            "＜ＰＥＲＳＯＮ＿１＞",
            "&lt;PHONE_1&gt;",
            "<",
            ">",
            "PER",
            "SON",
            "_",
            "1",
            "12",
            " ",
            "person",
            "电话",
            "_1",
            "&",
            "l",
            "t;",
            "Mary Smith",
            "我叫王小明，",
            "a@b.com",
            "+44 7700 900123",
            "x",
            "\n",
            "�",
        ]
    ),
    max_size=12,
).map("".join)


def anything() -> st.SearchStrategy[str]:
    return st.one_of(PIECES, st.text(st.characters(), max_size=60))


def cut(text: str, places: list[int]) -> list[str]:
    edges = sorted({0, len(text), *(place % (len(text) + 1) for place in places)})
    return [text[a:b] for a, b in pairwise(edges)]


def streamed(vault: Vault, chunks: list[str]) -> str:
    restorer = vault.restorer()
    return "".join([*(restorer.feed(chunk) for chunk in chunks), restorer.finish()])


@settings(deadline=None)
@given(anything(), st.lists(st.integers(0, 200), max_size=8))
def test_restoring_gives_back_the_text_however_it_is_cut(text, places):
    vault = Vault()
    hidden = vault.pseudonymise(text, find(text))
    assert vault.restore(hidden) == text
    assert streamed(vault, cut(hidden, places)) == text


@settings(deadline=None)
@given(
    anything(), st.lists(st.tuples(st.integers(0, 60), st.integers(1, 8), st.sampled_from(Kind)), max_size=4)
)
def test_restoring_gives_back_the_text_for_findings_of_any_kind_anywhere(text, places):
    findings, end = [], 0
    for start, length, kind in sorted(places):
        if end <= start < len(text):
            end = min(len(text), start + length)
            findings.append(Finding(start, end, kind, text[start:end], 1.0))
    vault = Vault()
    assert vault.restore(vault.pseudonymise(text, findings)) == text


@settings(deadline=None)
@given(anything(), st.lists(st.integers(0, 200), max_size=8))
def test_a_stream_of_any_answer_reads_like_the_whole_of_it(answer, places):
    vault = Vault([("PERSON", 1, "Ann"), ("PERSON", 12, "Bob"), ("EMAIL", 1, "e@x.org"), ("PHONE", 1, "555")])
    assert streamed(vault, cut(answer, places)) == vault.restore(answer)


def test_a_text_keeps_its_placeholder_through_a_conversation():
    vault = Vault()
    first = "Ask Mary Smith, then call Mary Smith"
    assert vault.pseudonymise(first, find(first)) == "Ask <PERSON_1>, then call <PERSON_1>"
    second = "Is Mary Smith with Mr. Jones?"
    assert vault.pseudonymise(second, find(second)) == "Is <PERSON_1> with Mr. <PERSON_2>?"


@pytest.mark.parametrize(
    "bent",
    [
        "<PERSON_1>",
        "<person_1>",
        "< Person 1 >",
        "PERSON_1",
        "Person_1",
        "PERSON 1",
        "PERSON1",
        "<PERSON_1",
        "PERSON_1>",
        "[PERSON_1]",
        "【PERSON_1】",
        "＜ＰＥＲＳＯＮ＿１＞",
        "〔人名1〕",
        "<人名_1>",
        "《姓名1》",
        "&lt;PERSON_1&gt;",
        r"<PERSON\_1>",
        "<PERSON-1>",
        "{PERSON_1}",
    ],
)
def test_a_bent_placeholder_is_restored(bent):
    vault = Vault([("PERSON", 1, "王小明")])
    assert vault.restore(f"说 {bent}, ok") == "说 王小明, ok"
    assert streamed(vault, list(f"说 {bent}, ok")) == "说 王小明, ok"


@pytest.mark.parametrize(
    "ordinary",
    [
        "person 1 of 3",
        "the person_12 column",
        "SUPERPERSON_1",
        "<PERSON_2>",
        "PERSON_11",
        "<PERSON_>",
        "ID 1",
        "电话1",
        "<b>1</b>",
    ],
)
def test_what_is_no_placeholder_of_the_conversation_stays(ordinary):
    vault = Vault([("PERSON", 1, "王小明"), ("ID", 1, "secret"), ("PHONE", 1, "secret")])
    assert vault.restore(ordinary) == ordinary


def test_a_placeholder_that_the_asker_wrote_is_not_taken_for_ours():
    vault = Vault()
    text = "Replace <PERSON_1> by Mary Smith"
    hidden = vault.pseudonymise(text, find(text))
    assert "Mary" not in hidden
    assert hidden.count("<PERSON_1>") == 1
    assert vault.restore(hidden) == text


def test_only_a_possible_beginning_is_held_back():
    restorer = Vault([("PERSON", 1, "Ann")]).restorer()
    assert restorer.feed("I met <PERS") == "I met "
    assert restorer.feed("ON_1") == ""
    assert restorer.feed("> there") == "Ann there"
    assert restorer.feed(" a < b and") == " a < b and"
    assert restorer.feed(" <") == " "
    assert restorer.finish() == "<"


@settings(deadline=None)
@given(st.text(max_size=200))
def test_less_than_a_placeholder_s_length_is_held_back(text):
    restorer = Vault().restorer()
    assert len(text) - len(restorer.feed(text)) <= 40


def test_what_a_vault_holds_does_not_show():
    vault = Vault([("PERSON", 1, "Mary Smith")])
    assert "Mary" not in repr(vault)
    assert "Mary" not in str(vault)
