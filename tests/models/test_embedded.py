"""Embedders as rungs use them: one a process, each text embedded once."""

import numpy as np
import pytest

from stepladder.core import ConfigError, DataError
from stepladder.models import Remembering, embedder_of, open_embedder, shared_embedder


class Counting:
    name, dimensions = "counting", 2

    def __init__(self):
        self.asked = []

    def embed(self, texts, *, query):
        assert query
        self.asked += texts
        return np.array([[len(text), 1] for text in texts], np.float32)


def test_a_text_is_embedded_once_and_rows_keep_their_order():
    inner = Counting()
    embedder = Remembering(inner)
    assert embedder.embed(["aa", "b", "aa"]).tolist() == [[2, 1], [1, 1], [2, 1]]
    assert embedder.embed(["b", "ccc"]).tolist() == [[1, 1], [3, 1]]
    assert inner.asked == ["aa", "b", "ccc"]
    assert embedder.embed([]).shape == (0, 2)


def test_what_is_remembered_has_a_bound():
    inner = Counting()
    embedder = Remembering(inner, limit=2)
    assert embedder.embed(["a", "bb", "ccc"]).shape == (3, 2)
    embedder.embed(["ccc", "a"])
    assert inner.asked == ["a", "bb", "ccc", "a"]


def test_of_a_long_text_only_the_beginning_counts():
    inner = Counting()
    rows = Remembering(inner).embed(["x" * 5000, "x" * 9000])
    assert len(inner.asked) == 1
    assert (rows[0] == rows[1]).all()


def test_one_embedder_a_process_and_another_name_is_refused():
    settings = {"kind": "ngrams", "dimensions": 64}
    assert shared_embedder(settings) is shared_embedder(dict(reversed(settings.items())))
    assert embedder_of(settings, "ngrams-64").dimensions == 64
    with pytest.raises(DataError, match="ngrams-64"):
        embedder_of(settings, "ngrams-128")


@pytest.mark.parametrize("text", ["", " ", "\0", "\ud800", "?"])
def test_ngram_vectors_are_of_unit_length_or_nothing(text):
    (row,) = open_embedder("e", {"kind": "ngrams"}).embed([text], query=True)
    assert row.dtype == np.float32
    assert float(row @ row) == pytest.approx(1, abs=1e-5) or not row.any()


def test_ngram_vectors_know_words_in_both_languages():
    a, b, c, d = open_embedder("e", {"kind": "ngrams"}).embed(
        ["the soup is cold", "cold soup", "账单算错了", "账单错了"], query=True
    )
    assert a @ b > 0.3
    assert c @ d > 0.3
    assert abs(a @ c) < 0.2


def test_dimensions_are_checked():
    with pytest.raises(ConfigError, match="dimensions"):
        open_embedder("e", {"kind": "ngrams", "dimensions": 1})
