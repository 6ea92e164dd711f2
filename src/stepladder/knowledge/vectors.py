"""Nearest vectors of a collection: exactly while it is small, by a graph with exact re-scoring when it is large.

The vectors of record are the file's (float16, in the passage's own transaction); what is here is a copy in memory that
follows the file, whichever process wrote it. The graph is HNSW (Malkov & Yashunin 2016, arXiv 1603.09320) in 8 bit.
"""

import sqlite3
import threading
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stepladder.knowledge.ranking import Ranking

Vector = NDArray[np.float32]
GRAPH_FROM = 20_000
"""Passages from which on a graph pays: below, the exact product takes few milliseconds."""

_OVERSAMPLE = 6
_CHUNK = 4096


def write(
    connection: sqlite3.Connection, collection: int, passages: list[int], vectors: NDArray[np.float32]
) -> int:
    """Write vectors, shape (passages, dimensions), of passages that are still there and have none; how many."""
    written = 0
    for number, vector in zip(passages, vectors.astype("<f2"), strict=True):
        written += connection.execute(
            "INSERT INTO vectors (passage, collection, vector) SELECT number, collection, ? FROM passages "
            "WHERE number = ? AND collection = ? ON CONFLICT (passage) DO NOTHING",
            (vector.tobytes(), number, collection),
        ).rowcount
    return written


def embedder_of(connection: sqlite3.Connection, collection: int) -> tuple[str, int]:
    """Who embedded a collection ("" where nobody did), and in how many dimensions."""
    row = connection.execute(
        "SELECT embedder, dimensions FROM collections WHERE number = ?", (collection,)
    ).fetchone()
    return str(row[0]), int(row[1])


def adopt(connection: sqlite3.Connection, collection: int, embedder: str, dimensions: int) -> None:
    """From now on the collection's vectors are this embedder's; another's are dropped."""
    if embedder_of(connection, collection) != (embedder, dimensions):
        connection.execute("DELETE FROM vectors WHERE collection = ?", (collection,))
        connection.execute(
            "UPDATE collections SET embedder = ?, dimensions = ? WHERE number = ?",
            (embedder, dimensions, collection),
        )


def waiting(connection: sqlite3.Connection, collection: int, most: int) -> tuple[list[tuple[int, str]], int]:
    """(passage, what to embed of it) of some passages without a vector, and how many of those there are."""
    without = (
        "FROM passages p JOIN documents d ON d.number = p.document WHERE p.collection = ? "
        "AND NOT EXISTS (SELECT 1 FROM vectors v WHERE v.passage = p.number)"
    )
    (total,) = connection.execute(f"SELECT count(*) {without}", (collection,)).fetchone()
    rows = connection.execute(
        f"SELECT p.number, d.title, p.heading, p.text {without} ORDER BY p.number LIMIT ?",
        (collection, most),
    )
    return [(row[0], _in_context(*row[1:])) for row in rows], total


def _in_context(title: str, heading: str, text: str) -> str:
    above = [part for part in (title, heading) if part and not text.startswith(part)]
    return "\n".join([*above, text])


@dataclass(slots=True)
class _Copy:
    """The vectors known so far: rows of `matrix` (float16) and the passages they belong to."""

    numbers: NDArray[np.int64]
    matrix: NDArray[np.float16]
    size: int = 0
    seen: int = 0

    def append(self, numbers: list[int], rows: NDArray[np.float16]) -> None:
        need = self.size + len(numbers)
        if need > len(self.numbers):
            room = max(need, 2 * len(self.numbers), 256)
            self.numbers = np.resize(self.numbers, room)
            grown = np.empty((room, self.matrix.shape[1]), np.float16)
            grown[: self.size] = self.matrix[: self.size]
            self.matrix = grown
        self.numbers[self.size : need] = numbers
        self.matrix[self.size : need] = rows
        self.size = need


class VectorIndex:
    """One collection's vectors of one embedder. `follow` before each search; safe to use from several threads."""

    def __init__(self, collection: int, dimensions: int) -> None:
        self._collection = collection
        self._copy = _Copy(np.empty(0, np.int64), np.empty((0, dimensions), np.float16))
        self._exact: NDArray[np.float32] = np.empty((0, dimensions), np.float32)
        self._graph: Any = None
        self._lock = threading.Lock()

    def follow(self, connection: sqlite3.Connection) -> None:
        """Take in what was written since; removed passages stay until the process ends, and are passed over."""
        copy = self._copy
        with self._lock:
            rows = connection.execute(
                "SELECT number, passage, vector FROM vectors WHERE collection = ? AND number > ? ORDER BY number",
                (self._collection, copy.seen),
            )
            while chunk := rows.fetchmany(_CHUNK):
                data = np.frombuffer(b"".join(row[2] for row in chunk), "<f2").reshape(len(chunk), -1)
                copy.append([row[1] for row in chunk], data)
                copy.seen = chunk[-1][0]
            if copy.size >= GRAPH_FROM and find_spec("usearch") is not None:
                self._grow()
            elif copy.size > len(self._exact):
                fresh = copy.matrix[len(self._exact) : copy.size].astype(np.float32)
                self._exact = np.concatenate([self._exact, fresh])

    def nearest(self, query: Vector, count: int) -> Ranking:
        """The `count` best by cosine (at least: all of them where no graph is used)."""
        copy, graph, exact = self._copy, self._graph, self._exact
        if graph is None:
            scores = exact @ query
            return Ranking(copy.numbers[: len(exact)], scores.astype(np.float64))
        rows = graph.search(query, min(copy.size, count * _OVERSAMPLE)).keys.astype(np.int64)
        scores = copy.matrix[rows].astype(np.float32) @ query
        return Ranking(copy.numbers[rows], scores.astype(np.float64))

    def __len__(self) -> int:
        return self._copy.size

    def _grow(self) -> None:
        from usearch.index import Index

        if self._graph is None:
            self._graph = Index(ndim=self._copy.matrix.shape[1], metric="cos", dtype="i8", connectivity=16)
            self._exact = self._exact[:0]
        done = len(self._graph)
        if done < self._copy.size:
            rows = self._copy.matrix[done : self._copy.size].astype(np.float32)
            self._graph.add(np.arange(done, self._copy.size), rows, threads=1)
