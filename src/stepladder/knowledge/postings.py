"""The inverted index: term -> passages, in segments that are written once and merged by and by.

A segment is written in the transaction that writes its passages, so text and index cannot differ. As in a
log-structured merge tree (O'Neil et al. 1996), eight segments of a level become one of the next; a passage that was
removed leaves the index then, and is passed over until.
"""

import json
import math
import sqlite3
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter

import numpy as np
from numpy.typing import NDArray

Postings = NDArray[np.void]
POSTING = np.dtype([("passage", "<u4"), ("count", "<u2"), ("length", "<u2")])
"""A passage's number, how often it says the term, and how many terms it has: all that BM25 asks of it."""

_FAN = 8
_MOST = 0xFFFF


@dataclass(frozen=True, slots=True)
class Extent:
    """A collection's segments: how many passages and terms they hold, removed ones included until they are merged."""

    segments: tuple[int, ...]
    passages: int
    terms: int


def extent(connection: sqlite3.Connection, collection: int) -> Extent:
    """What is indexed of a collection."""
    rows = connection.execute(
        "SELECT number, passages, terms FROM segments WHERE collection = ?", (collection,)
    ).fetchall()
    return Extent(tuple(row[0] for row in rows), sum(row[1] for row in rows), sum(row[2] for row in rows))


def write(
    connection: sqlite3.Connection, collection: int, passages: Iterable[tuple[int, Sequence[str]]]
) -> None:
    """Index (passage, its terms) as one segment."""
    lists: defaultdict[str, list[tuple[int, int, int]]] = defaultdict(list)
    size = total = 0
    for number, terms in passages:
        length = len(terms)
        size, total = size + 1, total + length
        for term, count in Counter(terms).items():
            lists[term].append((number, min(count, _MOST), min(length, _MOST)))
    if size:
        rows = ((term, np.array(lists[term], POSTING).tobytes()) for term in sorted(lists))
        _write(connection, collection, size, total, rows)


def lookup(
    connection: sqlite3.Connection, segments: Sequence[int], terms: Sequence[str]
) -> Mapping[str, Postings]:
    """The postings of each term that is found, all segments together."""
    marks, asked = ",".join("?" * len(segments)), ",".join("?" * len(terms))
    found: defaultdict[str, list[bytes]] = defaultdict(list)
    for term, data in connection.execute(
        f"SELECT term, list FROM postings WHERE segment IN ({marks}) AND term IN ({asked})",  # noqa: S608
        (*segments, *terms),
    ):
        found[term].append(data)
    return {term: np.frombuffer(b"".join(parts), POSTING) for term, parts in found.items()}


def lookup_beginning(connection: sqlite3.Connection, segments: Sequence[int], start: str) -> Postings:
    """The postings of all terms that begin so, each passage once with its counts added up."""
    parts = [
        data
        for segment in segments
        for (data,) in connection.execute(
            "SELECT list FROM postings WHERE segment = ? AND term >= ? AND term < ?",
            (segment, start, start + "\U0010ffff"),
        )
    ]
    every = np.frombuffer(b"".join(parts), POSTING)
    numbers, first, inverse = np.unique(every["passage"], return_index=True, return_inverse=True)
    merged = every[first].copy()
    counts = np.bincount(inverse, weights=every["count"], minlength=len(numbers))
    merged["count"] = np.minimum(counts, _MOST)
    return merged


def tidy(connection: sqlite3.Connection, collection: int) -> None:
    """Merge what is due: eight segments of a level, or all where more is removed than there."""
    (removed,) = connection.execute(
        "SELECT removed FROM collections WHERE number = ?", (collection,)
    ).fetchone()
    known = extent(connection, collection)
    if removed > known.passages // 2 + 64:
        merge(connection, collection, known.segments)
    while due := _due(connection, collection):
        merge(connection, collection, due)


def merge(connection: sqlite3.Connection, collection: int, segments: Sequence[int]) -> None:
    """Make one segment of several, without what was removed."""
    marks = ",".join("?" * len(segments))
    rows = connection.execute(
        f"SELECT term, list FROM postings WHERE segment IN ({marks}) ORDER BY term",  # noqa: S608
        tuple(segments),
    ).fetchall()
    connection.execute(f"DELETE FROM segments WHERE number IN ({marks})", tuple(segments))  # noqa: S608
    joined: Iterator[tuple[str, bytes]] = (
        (term, b"".join(row[1] for row in group)) for term, group in groupby(rows, key=itemgetter(0))
    )
    every = np.frombuffer(b"".join(row[1] for row in rows), POSTING)
    numbers, first = np.unique(every["passage"], return_index=True)
    alive = _alive(connection, numbers)
    if not alive.all():
        joined = _without(joined, np.setdiff1d(numbers, numbers[alive]))
        connection.execute(
            "UPDATE collections SET removed = max(0, removed - ?) WHERE number = ?",
            (int(len(alive) - alive.sum()), collection),
        )
    if alive.any():
        _write(connection, collection, int(alive.sum()), int(every[first]["length"][alive].sum()), joined)


def _alive(connection: sqlite3.Connection, numbers: NDArray[np.uint32]) -> NDArray[np.bool_]:
    """Which of the passages are still there."""
    there = connection.execute(
        "SELECT number FROM passages WHERE number IN (SELECT value FROM json_each(?))",
        (json.dumps(numbers.tolist()),),
    )
    return np.isin(numbers, np.fromiter((row[0] for row in there), np.uint32))


def _without(rows: Iterable[tuple[str, bytes]], gone: NDArray[np.uint32]) -> Iterator[tuple[str, bytes]]:
    dead = np.zeros(int(gone.max()) + 1, np.bool_)
    dead[gone] = True
    for term, data in rows:
        every = np.frombuffer(data, POSTING)
        kept = every[~dead[np.minimum(every["passage"], len(dead) - 1)] | (every["passage"] >= len(dead))]
        if len(kept):
            yield term, kept.tobytes()


def _due(connection: sqlite3.Connection, collection: int) -> list[int]:
    rows = connection.execute(
        "SELECT level, number FROM segments WHERE collection = ? ORDER BY level, number", (collection,)
    )
    for _, group in groupby(rows, key=lambda row: row[0]):
        numbers = [row[1] for row in group]
        if len(numbers) >= _FAN:
            return numbers
    return []


def _write(
    connection: sqlite3.Connection,
    collection: int,
    passages: int,
    terms: int,
    rows: Iterable[tuple[str, bytes]],
) -> None:
    level = int(math.log(passages, _FAN))
    segment = connection.execute(
        "INSERT INTO segments (collection, level, passages, terms) VALUES (?, ?, ?, ?)",
        (collection, level, passages, terms),
    ).lastrowid
    connection.executemany(
        "INSERT INTO postings (segment, term, list) VALUES (?, ?, ?)",
        ((segment, term, data) for term, data in rows),
    )
