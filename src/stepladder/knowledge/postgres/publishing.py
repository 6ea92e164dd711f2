"""Brings a collection in PostgreSQL into the state that it has in our file, a batch of documents a transaction.

What has changed goes over, what is gone goes out; killed half-way, the next run does the rest.
"""

import json
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from sqlalchemy import Connection, text

from stepladder.core import Progress
from stepladder.knowledge.documents import collection_number as number_here
from stepladder.knowledge.file import KnowledgeFile
from stepladder.knowledge.nearest import GRAPH_FROM
from stepladder.knowledge.postgres.shelves import Shelves, collection_number
from stepladder.knowledge.postgres.words import tsvector
from stepladder.knowledge.terms import document_terms
from stepladder.knowledge.vectors import embedder_of

_DOCUMENTS_A_COMMIT = 128
_MOST_INDEXED = 2000
"""Dimensions that pgvector can put into a graph; above, it compares all."""


@dataclass(frozen=True, slots=True)
class Published:
    """How many documents went over, how many stood there as they are, how many went out."""

    written: int
    unchanged: int
    removed: int
    vectors: bool


def publish(file: KnowledgeFile, shelves: Shelves, name: str, tenant: str, progress: Progress) -> Published:
    """Bring the tenant's collection over. Raises BadRequest where there is none, StoreError, UpstreamFailed."""
    has_vectors = shelves.prepare()
    with file.read() as here:
        collection = number_here(here, tenant, name)
        embedder, dimensions = embedder_of(here, collection) if has_vectors else ("", 0)
        states = _states(here, collection, embedder)
    with shelves.transaction() as there:
        theirs = collection_number(there, tenant, name)
        rows = there.execute(
            text("SELECT id, state FROM stepladder_documents WHERE collection = :number"), {"number": theirs}
        )
        known = {row.id: row.state for row in rows}
        gone = [id for id in known if id not in states]
        _remove(there, theirs, gone)
    due = [id for id, state in states.items() if known.get(id) != state]
    for start in range(0, len(due), _DOCUMENTS_A_COMMIT):
        batch = due[start : start + _DOCUMENTS_A_COMMIT]
        with file.read() as here, shelves.transaction() as there:
            _remove(there, theirs, batch)
            _write(here, there, (collection, theirs), {id: states[id] for id in batch}, bool(embedder))
        progress(min(len(due), start + len(batch)), len(due), "documents published")
    with shelves.transaction() as there:
        there.execute(
            text(
                "UPDATE stepladder_collections SET embedder = :embedder, dimensions = :dimensions WHERE number = :number"
            ),
            {"embedder": embedder, "dimensions": dimensions, "number": theirs},
        )
        _index(there, theirs, dimensions)
    return Published(len(due), len(states) - len(due), len(gone), bool(embedder))


def _states(here: sqlite3.Connection, collection: int, embedder: str) -> dict[str, str]:
    """What each document is like: its digest, and whose vectors it has."""
    rows = here.execute(
        "SELECT d.id, hex(d.digest), (SELECT sum(embedded) FROM passages p WHERE p.document = d.number) "
        "FROM documents d WHERE d.collection = ?",
        (collection,),
    )
    return {row[0]: f"{row[1]} {row[2] or 0} {embedder}" if embedder else row[1] for row in rows}


def _remove(there: Connection, collection: int, ids: Sequence[str]) -> None:
    if ids:
        there.execute(
            text("DELETE FROM stepladder_documents WHERE collection = :collection AND id = ANY(:ids)"),
            {"collection": collection, "ids": list(ids)},
        )


def _write(
    here: sqlite3.Connection,
    there: Connection,
    collections: tuple[int, int],
    states: dict[str, str],
    vectors: bool,
) -> None:
    """Documents with their passages. One that went from our file since is left out: the next run takes it out there."""
    ours, theirs = collections
    documents = here.execute(
        "SELECT * FROM documents WHERE collection = ? AND id IN (SELECT value FROM json_each(?))",
        (ours, json.dumps(list(states))),
    ).fetchall()
    rows: list[dict[str, Any]] = []
    for document in documents:
        number = there.execute(
            text(
                "INSERT INTO stepladder_documents (collection, id, state, title, source, tags, groups, valid_from, "
                "valid_until) VALUES (:collection, :id, :state, :title, :source, CAST(:tags AS TEXT[]), "
                "CAST(:groups AS TEXT[]), :valid_from, :valid_until) RETURNING number"
            ),
            {
                **{name: _storable(document[name]) for name in ("id", "title", "source")},
                **{name: json.loads(document[name]) for name in ("tags", "groups")},
                **{name: document[name] for name in ("valid_from", "valid_until")},
                "collection": theirs,
                "state": states[document["id"]],
            },
        ).scalar_one()
        rows += [
            _row(passage, document["title"], theirs, number)
            for passage in here.execute(
                "SELECT p.*, v.vector FROM passages p LEFT JOIN vectors v ON v.passage = p.number WHERE document = ?",
                (document["number"],),
            )
        ]
    if rows:
        there.execute(text(_INSERT_VECTORS if vectors else _INSERT), rows)


def _row(passage: sqlite3.Row, title: str, collection: int, document: int) -> dict[str, Any]:
    terms = [term for part in (title, passage["heading"], passage["text"]) for term in document_terms(part)]
    vector = None if passage["vector"] is None else np.frombuffer(passage["vector"], "<f2").tolist()
    return {
        **{name: passage[name] for name in ("place", "start")},
        **{name: _storable(passage[name]) for name in ("heading", "text")},
        "collection": collection,
        "document": document,
        "words": tsvector(terms),
        "vector": None if vector is None else str(vector),
    }


def _storable(given: str) -> str:
    """PostgreSQL's text has no place for the character 0; a space keeps what stands behind it where it was."""
    return given.replace("\0", " ")


def _index(there: Connection, collection: int, dimensions: int) -> None:
    """A graph over a large collection's vectors alone: within it nobody else's can crowd out what one may see."""
    count = there.execute(
        text("SELECT count(*) FROM stepladder_passages WHERE collection = :number"), {"number": collection}
    ).scalar_one()
    if 0 < dimensions <= _MOST_INDEXED and count >= GRAPH_FROM:
        name = f"stepladder_near_{collection}_{dimensions}"
        there.exec_driver_sql(
            f"CREATE INDEX IF NOT EXISTS {name} ON stepladder_passages "
            f"USING hnsw ((vector::vector({dimensions})) vector_cosine_ops) WHERE collection = {collection}"
        )


_COLUMNS = "collection, document, place, start, heading, text, words"
_VALUES = ":collection, :document, :place, :start, :heading, :text, CAST(:words AS TSVECTOR)"
_INSERT = f"INSERT INTO stepladder_passages ({_COLUMNS}) VALUES ({_VALUES})"  # noqa: S608 - constants
_INSERT_VECTORS = (
    f"INSERT INTO stepladder_passages ({_COLUMNS}, vector) VALUES ({_VALUES}, CAST(:vector AS vector))"  # noqa: S608
)
