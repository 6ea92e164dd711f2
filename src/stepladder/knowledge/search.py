"""A query to passages: by terms, by meaning, or both; what the asker may not see is never ranked."""

import json
import sqlite3
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from stepladder.core import BadRequest, Fusion, Hit, Passage, Scope
from stepladder.knowledge import rankers
from stepladder.knowledge.documents import passage
from stepladder.knowledge.features import CANDIDATES, Pool, features
from stepladder.knowledge.lexical import Matched, match
from stepladder.knowledge.nearest import NearestVectors, Vector
from stepladder.knowledge.nouns import SearchMode
from stepladder.knowledge.ranking import Ranking, fused

_VISIBLE = """
SELECT p.number, p.document FROM passages p JOIN documents d ON d.number = p.document
WHERE p.number IN (SELECT value FROM json_each(:numbers)) AND p.collection = :collection
AND (d.valid_from IS NULL OR d.valid_from <= :at) AND (d.valid_until IS NULL OR d.valid_until > :at)
AND (d.groups = '[]' OR EXISTS (
    SELECT 1 FROM json_each(d.groups) one WHERE one.value IN (SELECT value FROM json_each(:groups))))
AND (:tags = '[]' OR EXISTS (
    SELECT 1 FROM json_each(d.tags) one WHERE one.value IN (SELECT value FROM json_each(:tags))))
"""
_WHOLE = """
SELECT p.*, d.id, d.title, d.source, c.name FROM passages p JOIN documents d ON d.number = p.document
JOIN collections c ON c.number = p.collection WHERE p.number IN (SELECT value FROM json_each(?))
"""


@dataclass(frozen=True, slots=True)
class Query:
    """What is asked of a collection. `vector` is the query's own, unit length, where it is known already.

    `per_document`: at most one passage, the best, of each document. `names` in it, in normal form, are each a term as a
    whole, beside its words.
    """

    text: str
    collection: str
    scope: Scope = field(default_factory=Scope)
    top: int = 10
    mode: SearchMode = SearchMode.HYBRID
    vector: Vector | None = None
    per_document: bool = False
    names: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not 1 <= self.top <= 1000:
            raise BadRequest(f"top is {self.top}.", param="top", remedy="Give 1 to 1000.")


def visible_collection(connection: sqlite3.Connection, tenant: str, name: str) -> int:
    """The tenant's own collection of that name, else the shared one. Raises BadRequest, naming what is visible only."""
    row = connection.execute(
        "SELECT number FROM collections WHERE name = ? AND tenant IN (?, '') ORDER BY tenant DESC LIMIT 1",
        (name, tenant),
    ).fetchone()
    if row is None:
        known = connection.execute(
            "SELECT DISTINCT name FROM collections WHERE tenant IN (?, '') ORDER BY name", (tenant,)
        )
        raise BadRequest(
            f"There is no collection {name!r}.",
            param="collection",
            remedy=f"Collections: {', '.join(one[0] for one in known) or 'none'}.",
        )
    return int(row[0])


@dataclass(frozen=True, slots=True)
class Means:
    """What a collection is searched by: its vectors (None: words alone), who embedded them, and how both become one."""

    index: NearestVectors | None = None
    embedder: str = ""
    fusion: Fusion = Fusion.SCORE


def run(connection: sqlite3.Connection, query: Query, collection: int, means: Means) -> list[Hit]:
    """Search within one transaction, which the means' index has followed."""
    look = _Sight(connection, collection, query.scope)
    pool = _gathered(look, query, means)
    ranking = pool.fused
    if query.mode is SearchMode.HYBRID:
        learned = rankers.in_force(connection, collection)
        if learned is not None and learned.fits(means.embedder, means.fusion):
            ranking = learned.ordered(ranking, features(connection, pool))
    if query.per_document:
        documents = np.array([look.documents[number] for number in ranking.numbers.tolist()], np.int64)
        _, first = np.unique(documents, return_index=True)
        kept = np.sort(first)
        ranking = Ranking(ranking.numbers[kept], ranking.scores[kept])
    return _hits(connection, ranking, query.top)


def gathered(connection: sqlite3.Connection, query: Query, collection: int, means: Means) -> Pool:
    """What a search would put in order, within one transaction."""
    return _gathered(_Sight(connection, collection, query.scope), query, means)


def _gathered(look: "_Sight", query: Query, means: Means) -> Pool:
    wanted = max(CANDIDATES, 2 * query.top)
    matched, bm25, words, near = Matched.none(), Ranking.none(), Ranking.none(), Ranking.none()
    index, vector = means.index, query.vector
    by_words = query.mode is not SearchMode.VECTOR or index is None
    if by_words:
        matched = match(look.connection, look.collection, query.text, query.names)
        bm25 = matched.ranking()
        words = look.first(bm25.best, wanted)
    if index is None or vector is None:
        return Pool(matched, bm25, words, near, words)
    near = look.first(lambda count: index.nearest(vector, count).best(count), wanted)
    both = fused(words, near, wanted, means.fusion).best(2 * wanted) if by_words else near
    return Pool(matched, bm25, words, near, both, vector)


def visible(
    connection: sqlite3.Connection, collection: int, scope: Scope, numbers: Sequence[int]
) -> set[int]:
    """Which of these passages the scope may see."""
    return {number for number, _ in _Sight(connection, collection, scope).seen(numbers)}


class _Sight:
    """What the scope may see of the passages that a ranking names; remembers their documents."""

    def __init__(self, connection: sqlite3.Connection, collection: int, scope: Scope) -> None:
        self.connection = connection
        self.collection = collection
        self._given = {
            "collection": collection,
            "at": time.time() if scope.at is None else scope.at,
            "groups": json.dumps(scope.groups),
            "tags": json.dumps(scope.tags),
        }
        self.documents: dict[int, int] = {}

    def seen(self, numbers: Sequence[int]) -> list[tuple[int, int]]:
        """(passage, its document) of those that are there to see."""
        rows = self.connection.execute(_VISIBLE, {**self._given, "numbers": json.dumps(numbers)})
        return [(row[0], row[1]) for row in rows]

    def first(self, best: Callable[[int], Ranking], wanted: int) -> Ranking:
        """The first `wanted` visible passages of a ranking, however deep they stand. `best(n)` gives its first n."""
        count = wanted + wanted // 4
        while True:
            ranking = best(count)
            numbers = ranking.numbers.tolist()
            seen = dict(self.seen(numbers))
            kept = np.array([number in seen for number in numbers], bool)
            if kept.sum() >= wanted or len(numbers) < count:
                self.documents |= seen
                return Ranking(ranking.numbers[kept][:wanted], ranking.scores[kept][:wanted])
            count *= 8


def _hits(connection: sqlite3.Connection, ranking: Ranking, top: int) -> list[Hit]:
    numbers, scores = ranking.numbers[:top].tolist(), ranking.scores[:top].tolist()
    found: dict[int, Passage] = {
        row["number"]: passage(row) for row in connection.execute(_WHOLE, (json.dumps(numbers),))
    }
    return [Hit(found[number], score) for number, score in zip(numbers, scores, strict=True)]
