"""BM25 over the inverted index, exactly: every passage that says any of the query's terms is scored.

Robertson & Zaragoza, "The Probabilistic Relevance Framework: BM25 and Beyond" (2009), with the idf that is never
negative. Exact scoring of 50,000 passages takes about a millisecond, so nothing is pruned.
"""

import math
import sqlite3
from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from stepladder.knowledge.postings import Extent, Postings, extent, lookup, lookup_beginning
from stepladder.knowledge.ranking import Ranking
from stepladder.knowledge.terms import is_character, query_terms
from stepladder.knowledge.wholes import term_of, whole

K1 = 1.5
B = 0.75
LONG = 2.0
"""A passage counts as no longer than so many average ones: else one among much shorter ones is never found."""


@dataclass(frozen=True, slots=True)
class Matched:
    """A query's terms, how often it says each, where each stands, and how telling it is: its inverse document frequency."""

    asked: Counter[str]
    found: Mapping[str, Postings]
    known: Extent

    @classmethod
    def none(cls) -> "Matched":
        """No terms were asked for."""
        return cls(Counter(), {}, Extent((), 0, 0))

    @property
    def idf(self) -> dict[str, float]:
        """Of every term of the query, also of those that stand nowhere."""
        return {term: _idf(len(self.found.get(term, ())), self.known.passages) for term in self.asked}

    def ranking(self) -> Ranking:
        """Every passage that says any of the terms; removed ones may be among them."""
        numbers, scores = [], []
        average = max(1.0, self.known.terms / max(1, self.known.passages))
        for term, postings in self.found.items():
            if not len(postings):
                continue
            idf = _idf(len(postings), self.known.passages)
            counts = postings["count"].astype(np.float64)
            lengths = np.minimum(postings["length"], LONG * average) * (K1 * B / average) + K1 * (1 - B)
            numbers.append(postings["passage"].astype(np.int64))
            scores.append(self.asked[term] * idf * (K1 + 1) * counts / (counts + lengths))
        return _added_up(np.concatenate(numbers), np.concatenate(scores)) if numbers else Ranking.none()


def match(connection: sqlite3.Connection, collection: int, text: str, names: Collection[str] = ()) -> Matched:
    """Look a query's terms up, and `names` that each are a term of it as a whole."""
    asked = query_terms(text)
    known = extent(connection, collection)
    if not asked or not known.segments:
        return Matched(asked, {}, known)
    found = dict(lookup(connection, known.segments, [term for term in asked if not is_character(term)]))
    for term in filter(is_character, asked):
        found[term] = lookup_beginning(connection, known.segments, term)
    for name in dict.fromkeys(names):
        asked[term_of(name)] = 1
        found[term_of(name)] = whole(connection, known.segments, name)
    return Matched(asked, found, known)


def rarity(connection: sqlite3.Connection, collection: int, asked: Collection[str]) -> dict[str, float]:
    """The inverse document frequency of each term in a collection, also of those that it does not have."""
    known = extent(connection, collection)
    found = lookup(connection, known.segments, [term for term in asked if not is_character(term)])
    counts = {term: len(postings) for term, postings in found.items()}
    for term in filter(is_character, asked):
        counts[term] = len(lookup_beginning(connection, known.segments, term))
    return {term: _idf(counts.get(term, 0), known.passages) for term in asked}


def _idf(count: int, passages: int) -> float:
    return math.log(1 + (max(passages, count) - count + 0.5) / (count + 0.5))


def _added_up(numbers: NDArray[np.int64], scores: NDArray[np.float64]) -> Ranking:
    first = int(numbers.min())
    sums: NDArray[np.float64] = np.bincount(numbers - first, weights=scores).astype(np.float64)
    there = np.flatnonzero(sums)
    return Ranking(there + first, sums[there])
