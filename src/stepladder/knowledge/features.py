"""What a learned order looks at: a query's candidates as rows of numbers.

All of it is there once the search has run (postings, places, vectors, titles), so that a hundred candidates take about
two milliseconds. Passages are not read again, and when a document changed does not count: that is what its times are for.
"""

import json
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from stepladder.knowledge.lexical import Matched
from stepladder.knowledge.nearest import Vector
from stepladder.knowledge.ranking import Ranking, places
from stepladder.knowledge.terms import document_terms, is_character

FEATURES = (
    "fusion",  # the score that both rankings have together
    "words",  # BM25, beside the best candidate's
    "words_log",  # BM25, as it is
    "meaning",  # the cosine of query and passage
    "words_place",  # 1 / (10 + place) among what words found, 0 where they did not
    "meaning_place",
    "coverage",  # the share of the query's terms that the passage has, by how telling they are
    "rarest",  # the share of the three most telling terms that it has
    "title",  # the coverage of the title and the heading alone
    "length",  # the logarithm of its characters
    "company",  # its cosine with the mean of the first ten, each weighed by 1 / place, itself left out
)
Table = NDArray[np.float64]

CANDIDATES = 100
"""So many passages are put in order; those behind them stay behind."""

_PLACE = 10
_RAREST = 3
_FIRST = 10
_LOOKED_AT = """
SELECT p.number, d.title, p.heading, length(p.text), v.vector FROM passages p
JOIN documents d ON d.number = p.document LEFT JOIN vectors v ON v.passage = p.number
WHERE p.number IN (SELECT value FROM json_each(?))
"""


@dataclass(frozen=True, slots=True)
class Pool:
    """What a search found: the query's terms, every passage that says one with its BM25, both rankings, and as one.

    The rankings are best first; `vector` is the query's.
    """

    matched: Matched
    bm25: Ranking
    words: Ranking
    meaning: Ranking
    fused: Ranking
    vector: Vector | None = None


def features(connection: sqlite3.Connection, pool: Pool) -> Table:
    """One row a passage of the first hundred of `pool.fused`, shape (passages, FEATURES)."""
    numbers = pool.fused.numbers[:CANDIDATES]
    rows = {row[0]: row for row in connection.execute(_LOOKED_AT, (json.dumps(numbers.tolist()),))}
    looked_at = [rows[number] for number in numbers.tolist()]
    bm25 = pool.bm25.look_up(numbers)
    idf = pool.matched.idf
    coverage, rarest = _carried(pool.matched, numbers, idf)
    meaning, company = _vectors([row[4] for row in looked_at], pool.vector)
    return np.column_stack(
        [
            pool.fused.scores[:CANDIDATES],
            bm25 / max(bm25.max(initial=0.0), 1e-9),
            np.log1p(bm25),
            meaning,
            *(_reciprocal(ranking, numbers) for ranking in (pool.words, pool.meaning)),
            coverage,
            rarest,
            [_share(idf, _said(f"{row[1]}\n{row[2]}")) for row in looked_at],
            np.log1p([float(row[3]) for row in looked_at]),
            company,
        ]
    )


def _reciprocal(ranking: Ranking, numbers: NDArray[np.int64]) -> NDArray[np.float64]:
    return Ranking(ranking.numbers, 1.0 / (_PLACE + places(ranking))).look_up(numbers)


def _carried(
    matched: Matched, numbers: NDArray[np.int64], idf: Mapping[str, float]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """`coverage` and `rarest`."""
    telling = np.array([idf[term] for term in matched.asked])
    has = np.zeros((len(telling), len(numbers)))
    if not len(numbers) or not len(telling):
        return np.zeros(len(numbers)), np.zeros(len(numbers))
    first, last = int(numbers.min()), int(numbers.max())
    column = np.full(last - first + 2, -1)
    column[numbers - first] = np.arange(len(numbers))
    for row, term in enumerate(matched.asked):
        postings = matched.found.get(term)
        if postings is not None and len(postings):
            # What lies outside the candidates' span falls on the last place, which is nobody's.
            at = postings["passage"].astype(np.int64) - first
            at[(at < 0) | (at > last - first)] = -1
            at = column[at]
            has[row, at[at >= 0]] = 1.0
    rarest = np.argsort(-telling, kind="stable")[:_RAREST]
    return telling @ has / max(telling.sum(), 1e-9), has[rarest].mean(axis=0)


def _vectors(
    blobs: list[bytes | None], query: Vector | None
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """`meaning` and `company`; a passage without a vector is as far as the farthest."""
    there = np.array([blob is not None for blob in blobs], bool)
    if query is None or not there.any():
        return np.zeros(len(blobs)), np.zeros(len(blobs))
    rows = np.frombuffer(b"".join(blob for blob in blobs if blob is not None), "<f2").astype(np.float32)
    rows = rows.reshape(-1, len(query))
    first = rows[:_FIRST] / np.arange(1, len(rows[:_FIRST]) + 1, dtype=np.float32)[:, None]
    means = np.repeat(first.sum(axis=0, keepdims=True), len(rows), axis=0)
    means[: len(first)] -= first
    lengths = np.maximum(np.linalg.norm(means, axis=1), 1e-9)
    return _filled(rows @ query, there), _filled((rows * means).sum(axis=1) / lengths, there)


def _filled(values: NDArray[np.float32], there: NDArray[np.bool_]) -> NDArray[np.float64]:
    filled = np.full(len(there), float(values.min()))
    filled[there] = values
    return filled


def _share(idf: Mapping[str, float], said: frozenset[str]) -> float:
    whole = sum(idf.values())
    return sum(weight for term, weight in idf.items() if term in said) / whole if whole else 0.0


@lru_cache(maxsize=1 << 14)
def _said(title: str) -> frozenset[str]:
    """A title's terms, single characters of spaceless scripts too."""
    terms = document_terms(title)
    return frozenset(terms).union(*(set(term) for term in terms if len(term) == 2 and is_character(term[0])))
