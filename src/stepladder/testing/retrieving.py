"""The contract suite of retrievers, and an embedder that needs no weights.

from stepladder.testing.retrieving import RetrieverContract

class TestMine(RetrieverContract):
    def filled(self, documents):
        yield a retriever that holds `documents`: {(tenant, collection): {id: text}}
"""

import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from stepladder.core import BadRequest, Retriever, Scope
from stepladder.testing.contracts import ODD_TEXTS

Shelves = Mapping[tuple[str, str], Mapping[str, str]]


class PairEmbedder:
    """Counts pairs of characters in hashed places: texts that share words are near. Small, quick, no meaning."""

    name = "pairs"
    dimensions = 64

    def embed(self, texts: Sequence[str], *, query: bool) -> NDArray[np.float32]:
        """One unit row a text."""
        rows = np.full((len(texts), self.dimensions), 1e-3, np.float32)
        for row, text in zip(rows, texts, strict=True):
            for index in range(len(text) - 1):
                row[zlib.crc32(text[index : index + 2].encode("utf-8", "replace")) % self.dimensions] += 1
        lengths: NDArray[np.float32] = np.linalg.norm(rows, axis=1, keepdims=True)
        return np.asarray(rows / lengths, np.float32)


class RetrieverContract:
    """What every retriever keeps: it finds in both languages, and never what is not the asker's."""

    shelves: ClassVar[Shelves] = {
        ("", "manual"): {
            "zh": "退货须在收到商品后七日内提出。运费由买家承担。",
            "en": "Returned goods are accepted within seven days. The buyer pays the postage.",
            "other": "The shop opens at nine. 周末休息。",
        },
        ("ann", "notes"): {"a": "Ann's safe is behind the blue painting. 密码在抽屉里。"},
        ("bob", "notes"): {"b": "Bob's boat lies in the harbour. 船在港口。"},
    }

    def filled(self, shelves: Shelves) -> AbstractContextManager[Retriever]:
        """Give a retriever that holds these documents, and take away what it needed."""
        raise NotImplementedError("Override filled.")

    def test_it_finds_what_is_asked_for_in_both_languages(self) -> None:
        with self.filled(self.shelves) as retriever:
            for query, expected in [
                ("多少天内可以退货", "zh"),
                ("運費由誰承擔", "zh"),
                ("who pays postage for returning goods", "en"),
                ("周末", "other"),
            ]:
                hits = retriever.retrieve(query, "manual", Scope())
                assert [hit.passage.document for hit in hits][:1] == [expected], query

    def test_hits_are_at_most_top_best_first_and_quote_their_document(self) -> None:
        with self.filled(self.shelves) as retriever:
            hits = retriever.retrieve("seven days 七日", "manual", Scope(), top=2)
            assert 1 <= len(hits) <= 2
            assert [hit.score for hit in hits] == sorted((hit.score for hit in hits), reverse=True)
            for hit in hits:
                passage = hit.passage
                whole = self.shelves["", "manual"][passage.document]
                assert whole[passage.start : passage.start + len(passage.text)] == passage.text
                assert passage.collection == "manual"

    def test_a_tenant_finds_its_own_and_the_shared_and_nothing_else(self) -> None:
        with self.filled(self.shelves) as retriever:
            for tenant, own, foreign in [("ann", "a", "Bob's boat 船"), ("bob", "b", "Ann's safe 密码")]:
                found = [
                    hit
                    for query in _queries(foreign)
                    for hit in retriever.retrieve(query, "notes", Scope(tenant))
                ]
                assert {hit.passage.document for hit in found} <= {own}
                assert retriever.retrieve("seven days", "manual", Scope(tenant))

    def test_an_unknown_collection_is_refused_without_a_word_about_others(self) -> None:
        with self.filled(
            {("ann", "secret plans"): {"a": "text"}, ("", "manual"): {"m": "text"}}
        ) as retriever:
            for scope in (Scope("bob"), Scope()):
                try:
                    hits = retriever.retrieve("text", "secret plans", scope)
                except BadRequest as error:
                    assert "secret plans" not in error.remedy
                    assert "ann" not in str(error)
                else:
                    raise AssertionError(f"found {hits}")

    def test_odd_queries_are_answered(self) -> None:
        with self.filled(self.shelves) as retriever:
            for text in ODD_TEXTS:
                assert len(retriever.retrieve(text, "manual", Scope(), top=3)) <= 3


def _queries(text: str) -> Iterator[str]:
    yield text
    yield from text.split()
