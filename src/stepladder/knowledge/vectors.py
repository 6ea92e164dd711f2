"""The vectors of record, in the file: float16, in a row that goes with its passage."""

import sqlite3

import numpy as np
from numpy.typing import NDArray

Waiting = list[tuple[int, str]]


def write(
    connection: sqlite3.Connection, collection: int, passages: list[int], vectors: NDArray[np.float32]
) -> int:
    """Write vectors, shape (passages, dimensions), of passages that are still there and have none; how many."""
    written = 0
    for number, vector in zip(passages, vectors.astype("<f2"), strict=True):
        there = connection.execute(
            "UPDATE passages SET embedded = 1 WHERE number = ? AND collection = ? AND embedded = 0",
            (number, collection),
        ).rowcount
        if there:
            connection.execute(
                "INSERT INTO vectors (passage, collection, vector) VALUES (?, ?, ?)",
                (number, collection, vector.tobytes()),
            )
        written += there
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
        connection.execute("UPDATE passages SET embedded = 0 WHERE collection = ?", (collection,))
        connection.execute(
            "UPDATE collections SET embedder = ?, dimensions = ? WHERE number = ?",
            (embedder, dimensions, collection),
        )


def waiting(connection: sqlite3.Connection, collection: int, most: int) -> Waiting:
    """(passage, what to embed of it) of some passages without a vector."""
    rows = connection.execute(
        "SELECT p.number, d.title, p.heading, p.text FROM passages p JOIN documents d ON d.number = p.document "
        "WHERE p.collection = ? AND p.embedded = 0 ORDER BY p.number LIMIT ?",
        (collection, most),
    )
    return [(row[0], _in_context(*row[1:])) for row in rows]


def missing(connection: sqlite3.Connection, collection: int) -> int:
    """How many passages have no vector."""
    (count,) = connection.execute(
        "SELECT count(*) FROM passages WHERE collection = ? AND embedded = 0", (collection,)
    ).fetchone()
    return int(count)


def _in_context(title: str, heading: str, text: str) -> str:
    above = [part for part in (title, heading) if part and not text.startswith(part)]
    return "\n".join([*above, text])
