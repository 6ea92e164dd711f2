"""Splitting: whole sentences, nothing lost, headings above, tables together."""

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stepladder.core import BadRequest
from stepladder.knowledge import Splitting, split
from stepladder.knowledge.splitting import size

MANUAL = """# 手册

前言一句。第二句话在这里。

## Install

Run pip. Then wait for Dr. Smith.

| part | price |
|---|---|
| wheel | 5 |
| brake | 7 |

## 卸载

删除即可。
"""
texts = st.text(st.sampled_from("ab 。.！!?\n#|，,“”汉字标點1…\ud800\u3000"), max_size=300)


def pieces(text, *how):
    return [(piece.heading, text[piece.start : piece.end]) for piece in split(text, Splitting(*how))]


def test_a_passage_stands_under_its_headings():
    assert [heading for heading, _ in pieces(MANUAL)] == ["手册", "手册 > Install", "手册 > 卸载"]
    assert pieces(MANUAL)[0][1] == "前言一句。第二句话在这里。"


def test_a_table_is_not_cut_where_it_fits():
    long = MANUAL.replace("Run pip.", "Run pip. " * 20)
    tables = [text for _, text in pieces(long, 200, 0) if "|" in text]
    assert len(tables) == 1
    assert tables[0].count("|") == 12


def test_sentences_stay_whole_and_overlap():
    text = "".join(f"这是第{i}句话，说的是第{i}件事。" for i in range(60))
    cut = [passage for _, passage in pieces(text, 300, 60)]
    assert all(passage.startswith("这是第") and passage.endswith("。") for passage in cut)
    for before, after in pairwise(cut):
        assert after.startswith(before[before.rindex("这是第") :])


def test_a_sentence_without_end_is_cut_at_clauses_and_else_anywhere():
    clauses = [passage for _, passage in pieces("没有句号的长文，" * 100, 300, 0)]
    assert all(passage.endswith("，") for passage in clauses)
    assert "".join(passage for _, passage in pieces("字" * 5000, 300, 0)) == "字" * 5000


def test_headings_alone_are_a_text():
    assert pieces("# Only a title\n\n## And another") == [("", "# Only a title\n\n## And another")]
    assert split(" \n ") == []


@settings(max_examples=300, deadline=None)
@given(text=texts, limit=st.integers(100, 200), share=st.floats(0, 0.5))
def test_nothing_is_lost_and_nothing_too_long(text, limit, share):
    found = split(text, Splitting(limit, int(limit * share)))
    covered = {place for piece in found for place in range(piece.start, piece.end)}
    lost = "".join(text[place] for place in range(len(text)) if place not in covered).strip()
    assert not lost or "#" in text  # a heading is in `heading`
    assert all(size(text[piece.start : piece.end]) <= 2 * limit for piece in found)
    assert all(text[piece.start : piece.end].strip() for piece in found)
    assert [piece.start for piece in found] == sorted(piece.start for piece in found)


def test_wrong_sizes_are_refused():
    for limit, overlap in [(10, 0), (10**6, 0), (200, 150), (200, -1)]:
        with pytest.raises(BadRequest):
            Splitting(limit, overlap)
