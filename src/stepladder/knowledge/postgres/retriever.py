"""`kind = "postgres"`: finds passages in collections that were published to a PostgreSQL database."""

import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from sqlalchemy import Connection, Row, text

from stepladder.core import BadRequest, Embedder, Fusion, Hit, Passage, Scope, config
from stepladder.knowledge.nearest import Vector
from stepladder.knowledge.numbering import foreign_number
from stepladder.knowledge.postgres.shelves import Shelves
from stepladder.knowledge.postgres.words import tsqueries
from stepladder.knowledge.ranking import Ranking, fused
from stepladder.knowledge.terms import query_terms
from stepladder.models import open_embedder

_POOL = 100
_SIGHT = """
p.collection = :collection
AND (d.valid_from IS NULL OR d.valid_from <= :at) AND (d.valid_until IS NULL OR d.valid_until > :at)
AND (cardinality(d.groups) = 0 OR d.groups && CAST(:groups AS TEXT[]))
AND (cardinality(CAST(:tags AS TEXT[])) = 0 OR d.tags && CAST(:tags AS TEXT[]))
"""
# PostgreSQL ranks each word by itself (how often, beside the length: 1), and we weigh it by how rare it is, which its
# ts_rank of several words does not do.
_BY_WORDS = f"""
WITH asked AS (
    SELECT CAST(query AS TSQUERY) AS query, weight
    FROM unnest(CAST(:queries AS TEXT[]), CAST(:weights AS FLOAT8[])) AS given (query, weight)
), said AS (
    SELECT p.number, a.weight * ts_rank(p.words, a.query, 1) AS rank,
        ln(1 + (:passages - count(*) OVER same + 0.5) / (count(*) OVER same + 0.5)) AS rarity
    FROM asked a JOIN stepladder_passages p ON p.words @@ a.query
    JOIN stepladder_documents d ON d.number = p.document WHERE {_SIGHT}
    WINDOW same AS (PARTITION BY a.query)
)
SELECT number, sum(rank * rarity) AS score FROM said GROUP BY number ORDER BY score DESC, number LIMIT :pool
"""  # noqa: S608 - constants
_WHOLE = """
SELECT p.number, p.place, p.start, p.heading, p.text, d.id, d.title, d.source
FROM stepladder_passages p JOIN stepladder_documents d ON d.number = p.document WHERE p.number = ANY(:numbers)
"""


@dataclass(frozen=True, slots=True)
class PostgresSettings:
    """`[retrievers.x]`, `kind = "postgres"`. `embedder` is a table as `[knowledge.embedder]` is; without it, words decide.

    `collections` are what it answers for, and `tenants` who may ask it; none named: any.
    """

    url: str
    embedder: Mapping[str, Any] = field(default_factory=dict)
    collections: tuple[str, ...] = ()
    tenants: tuple[str, ...] = ()
    fusion: Fusion = Fusion.SCORE


class PostgresRetriever:
    """Searches by words and, where the collection has vectors of this embedder, by meaning. Safe from many threads."""

    def __init__(self, name: str, settings: PostgresSettings, embedder: Embedder | None = None) -> None:
        """Raises ConfigError, MissingExtra; nobody is asked yet."""
        self.shelves = Shelves(name, config.secret(settings.url, f"retrievers.{name}.url"))
        self.private = settings.embedder.get("kind") != "endpoint"
        self._settings = settings
        self._embedder = embedder
        self._vectors: bool | None = None
        self._lock = threading.Lock()

    @classmethod
    def open(cls, name: str, settings: Mapping[str, Any]) -> "PostgresRetriever":
        """Check the settings. Raises ConfigError, MissingExtra."""
        chosen = config.settings(settings, PostgresSettings, f"retrievers.{name}")
        embedder = open_embedder(f"retrievers.{name}.embedder", chosen.embedder) if chosen.embedder else None
        return cls(name, chosen, embedder)

    def retrieve(self, query: str, collection: str, scope: Scope, *, top: int = 10) -> Sequence[Hit]:
        """The best passages, best first. Raises BadRequest where the scope has no such collection, UpstreamFailed."""
        chosen = self._settings
        if (chosen.collections and collection not in chosen.collections) or (
            chosen.tenants and scope.tenant not in chosen.tenants
        ):
            raise _unknown(collection)
        if "\0" in collection + scope.tenant:
            raise _unknown(collection)
        self._prepare()
        with self.shelves.transaction() as connection:
            found = _visible(connection, collection, scope)
            given = {
                "collection": found.number,
                "at": time.time() if scope.at is None else scope.at,
                "groups": [group.replace("\0", " ") for group in scope.groups],
                "tags": list(scope.tags),
                "pool": max(_POOL, 2 * top),
            }
            ranking = _by_words(connection, query, given)
            vector = self._vector(query, found)
            if vector is not None:
                near = _by_vector(connection, vector, given)
                ranking = fused(ranking, near, given["pool"], chosen.fusion)
            return _hits(connection, ranking.best(top), collection)

    def close(self) -> None:
        """Let go of the connections."""
        self.shelves.close()

    def _prepare(self) -> None:
        with self._lock:
            if self._vectors is None:
                self._vectors = self.shelves.prepare()

    def _vector(self, query: str, found: Row[Any]) -> Vector | None:
        if self._embedder is None or not found.embedder:
            return None
        if found.embedder != self._embedder.name:
            raise BadRequest(
                f"The published collection was embedded by {found.embedder}, not by {self._embedder.name}.",
                param="embedder",
                remedy="Embed it again and publish it, or take the embedder out of the retriever's settings.",
            )
        row: Vector = self._embedder.embed([query], query=True)[0]
        return row


def _visible(connection: Connection, name: str, scope: Scope) -> Row[Any]:
    row = connection.execute(
        text(
            "SELECT number, embedder, dimensions FROM stepladder_collections "
            "WHERE name = :name AND tenant IN (:tenant, '') ORDER BY tenant DESC LIMIT 1"
        ),
        {"name": name, "tenant": scope.tenant},
    ).one_or_none()
    if row is None:
        raise _unknown(name)
    return row


def _by_words(connection: Connection, query: str, given: Mapping[str, Any]) -> Ranking:
    asked = {term.replace("\0", ""): count for term, count in query_terms(query).items()}
    if not asked:
        return Ranking.none()
    passages = connection.execute(
        text("SELECT count(*) FROM stepladder_passages WHERE collection = :collection"), dict(given)
    ).scalar_one()
    words = {"queries": tsqueries(asked), "weights": list(asked.values()), "passages": passages}
    return _ranking(connection.execute(text(_BY_WORDS), {**given, **words}).all())


def _by_vector(connection: Connection, vector: Vector, given: Mapping[str, Any]) -> Ranking:
    """The nearest; in a large collection along pgvector's graph, which goes on until enough of them may be seen."""
    dimensions = len(vector)
    connection.execute(text("SET LOCAL hnsw.iterative_scan = strict_order"))
    connection.execute(text(f"SET LOCAL hnsw.ef_search = {min(1000, given['pool'])}"))
    # The graph is of one collection alone, which is only seen where its number stands in the query itself.
    sight = _SIGHT.replace(":collection", str(int(given["collection"])))
    near = f"p.vector::vector({dimensions}) <=> CAST(:vector AS vector({dimensions}))"
    rows = connection.execute(
        text(
            f"SELECT p.number, 1 - ({near}) FROM stepladder_passages p "  # noqa: S608 - numbers only
            f"JOIN stepladder_documents d ON d.number = p.document WHERE {sight} "
            f"AND p.vector IS NOT NULL ORDER BY {near} LIMIT :pool"
        ),
        {**given, "vector": str(vector.tolist())},
    )
    return _ranking(rows.all())


def _ranking(rows: Sequence[Sequence[Any]]) -> Ranking:
    numbers = np.array([row[0] for row in rows], np.int64)
    return Ranking(numbers, np.array([float(row[1]) for row in rows]))


def _hits(connection: Connection, ranking: Ranking, collection: str) -> list[Hit]:
    numbers: list[int] = ranking.numbers.tolist()
    rows = connection.execute(text(_WHOLE), {"numbers": numbers})
    found = {row.number: _passage(row, collection) for row in rows}
    return [Hit(found[number], score) for number, score in zip(numbers, ranking.scores.tolist(), strict=True)]


def _passage(row: Row[Any], collection: str) -> Passage:
    return Passage(
        number=foreign_number(row.id, f"{row.place}\0{row.text}"),
        collection=collection,
        document=row.id,
        text=row.text,
        title=row.title,
        heading=row.heading,
        source=row.source,
        place=row.place,
        start=row.start,
    )


def _unknown(collection: str) -> BadRequest:
    return BadRequest(f"There is no collection {collection!r}.", param="collection", remedy="Name another.")
