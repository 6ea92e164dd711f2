"""Other search libraries, each as a function from a query to document ids. Imported only when they are asked for."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Documents = Mapping[str, tuple[str, str]]
Search = Callable[[str], Sequence[str]]


@dataclass(frozen=True, slots=True)
class Peer:
    """A library with its settings, and the language that they are for."""

    name: str
    chinese: bool
    open: Callable[[Documents], Search]


def _texts(documents: Documents) -> list[str]:
    """The title once more before the text, as we do it."""
    return [f"{title} {text}" for title, text in documents.values()]


def _pairs(text: str) -> list[str]:
    """Pairs of characters: the best that we know for Chinese with these libraries."""
    return [run[i : i + 2] for run in re.findall(r"\w+", text.lower()) for i in range(max(1, len(run) - 1))]


def tantivy_english(documents: Documents) -> Search:
    """tantivy with its English stemmer."""
    import tantivy

    schema = tantivy.SchemaBuilder()
    schema.add_text_field("id", stored=True, tokenizer_name="raw")
    schema.add_text_field("text", tokenizer_name="en_stem")
    return _tantivy(tantivy, schema.build(), documents, _texts(documents), lambda text: text)


def tantivy_chinese(documents: Documents) -> Search:
    """tantivy over pairs of characters, handed over as words."""
    import tantivy

    schema = tantivy.SchemaBuilder()
    schema.add_text_field("id", stored=True, tokenizer_name="raw")
    schema.add_text_field("text", tokenizer_name="whitespace")
    paired = [" ".join(_pairs(text)) for text in _texts(documents)]
    return _tantivy(tantivy, schema.build(), documents, paired, lambda text: " ".join(_pairs(text)))


def _tantivy(
    tantivy: Any, schema: Any, documents: Documents, texts: list[str], prepare: Callable[[str], str]
) -> Search:
    index = tantivy.Index(schema)
    writer = index.writer(50_000_000)
    for id, text in zip(documents, texts, strict=True):
        writer.add_document(tantivy.Document(id=id, text=text))
    writer.commit()
    index.reload()
    searcher = index.searcher()

    def search(text: str) -> list[str]:
        query = index.parse_query(re.sub(r"[^\w\s]", " ", prepare(text)).lower(), ["text"])
        return [searcher.doc(address)["id"][0] for _, address in searcher.search(query, 10).hits]

    return search


def bm25s_english(documents: Documents) -> Search:
    """bm25s with English stop words and Snowball's stemmer."""
    import bm25s
    import Stemmer

    stemmer = Stemmer.Stemmer("english")
    return _bm25s(
        bm25s,
        documents,
        lambda texts: bm25s.tokenize(texts, stopwords="en", stemmer=stemmer, show_progress=False),
        _texts(documents),
    )


def bm25s_chinese(documents: Documents) -> Search:
    """bm25s over pairs of characters."""
    import bm25s

    def tokens(texts: list[str]) -> Any:
        paired = [" ".join(_pairs(text)) for text in texts]
        return bm25s.tokenize(paired, token_pattern=r"\S+", stopwords=[], show_progress=False)

    return _bm25s(bm25s, documents, tokens, _texts(documents))


def _bm25s(bm25s: Any, documents: Documents, tokens: Callable[[list[str]], Any], texts: list[str]) -> Search:
    ids = list(documents)
    ranker = bm25s.BM25()
    ranker.index(tokens(texts), show_progress=False)

    def search(text: str) -> list[str]:
        rows, _ = ranker.retrieve(tokens([text]), k=10, show_progress=False)
        return [ids[row] for row in rows[0]]

    return search


def lancedb_with(**settings: Any) -> Callable[[Documents], Search]:
    """LanceDB's full text with these settings."""

    def open_it(documents: Documents) -> Search:
        import lancedb
        from lancedb.index import FTS

        table = lancedb.connect(tempfile.mkdtemp()).create_table(
            "t", [{"id": id, "text": text} for id, text in zip(documents, _texts(documents), strict=True)]
        )
        table.create_index("text", config=FTS(**settings))

        def search(text: str) -> list[str]:
            return [row["id"] for row in table.search(text, query_type="fts").limit(10).to_list()]

        return search

    return open_it


PEERS = (
    Peer("tantivy, en_stem", False, tantivy_english),
    Peer("bm25s, English stop words and stems", False, bm25s_english),
    Peer(
        "LanceDB, stems and stop words",
        False,
        lancedb_with(language="English", stem=True, remove_stop_words=True),
    ),
    Peer("tantivy, pairs of characters", True, tantivy_chinese),
    Peer("bm25s, pairs of characters", True, bm25s_chinese),
    Peer("LanceDB, icu", True, lancedb_with(base_tokenizer="icu", stem=False, remove_stop_words=False)),
    Peer("LanceDB, as it comes", True, lancedb_with()),
)
