"""Nearest vectors of a collection, from a copy in memory that follows the file, whichever process wrote it.

Exactly while the collection is small. From 20,000 on by a graph in 8 bit (HNSW: Malkov & Yashunin 2016, arXiv
1603.09320; usearch) whose finds are scored again exactly, once `prepare` has built it; how wide the graph is searched is
measured on the vectors themselves, and where no width finds enough (vectors without any structure), all are compared in
8 bit.
"""

import os
import sqlite3
import threading
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stepladder.knowledge.ranking import Ranking

Vector = NDArray[np.float32]
GRAPH_FROM = 20_000
"""Vectors from which on a graph pays: below, the exact product takes few milliseconds."""

_OVERSAMPLE = 4
_CHUNK = 4096
_WIDTHS = (96, 128, 160, 192, 256, 384, 512, 768)
_RECALL = 0.995
_PROBES = 64
_TOP = 10
_SLACK = 1024


@dataclass(slots=True)
class _Copy:
    """The vectors known so far, in the order in which they were written: `serials` rise."""

    serials: NDArray[np.int64]
    passages: NDArray[np.int64]
    matrix: NDArray[np.float16]
    size: int = 0

    def append(self, serials: list[int], passages: list[int], rows: NDArray[np.float16]) -> None:
        """Make room by doubling, so that a vector is moved few times."""
        need = self.size + len(serials)
        if need > len(self.serials):
            room = max(need, 2 * len(self.serials), 256)
            self.serials = np.resize(self.serials, room)
            self.passages = np.resize(self.passages, room)
            grown = np.empty((room, self.matrix.shape[1]), np.float16)
            grown[: self.size] = self.matrix[: self.size]
            self.matrix = grown
        self.serials[self.size : need] = serials
        self.passages[self.size : need] = passages
        self.matrix[self.size : need] = rows
        self.size = need


class NearestVectors:
    """One collection's vectors of one embedder. `follow` before each search; use from any thread."""

    def __init__(self, collection: int, dimensions: int) -> None:
        self.collection = collection
        empty = np.empty(0, np.int64)
        self._copy = _Copy(empty, empty, np.empty((0, dimensions), np.float16))
        self._exact: Vector = np.empty((0, dimensions), np.float32)
        self._graph: Any = None
        self._compare_all = False
        self._look_at = 0
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return self._copy.size

    def follow(self, connection: sqlite3.Connection) -> None:
        """Take in what was written since.

        Removed passages are passed over by who looks them up, and leave the copy when it has grown to twice its size.
        """
        with self._lock:
            before, copy = self._copy.size, self._copy
            seen = int(copy.serials[before - 1]) if before else 0
            rows = connection.execute(
                "SELECT number, passage, vector FROM vectors WHERE collection = ? AND number > ? ORDER BY number",
                (self.collection, seen),
            )
            while chunk := rows.fetchmany(_CHUNK):
                data = np.frombuffer(b"".join(row[2] for row in chunk), "<f2").reshape(len(chunk), -1)
                copy.append([row[0] for row in chunk], [row[1] for row in chunk], data)
            if copy.size == before:
                return
            fresh = copy.matrix[before : copy.size].astype(np.float32)
            if self._graph is None:
                self._exact = np.concatenate([self._exact, fresh])
            else:
                self._graph.add(copy.serials[before : copy.size].astype(np.uint64), fresh, threads=1)
            if before and copy.size >= self._look_at:
                self._leave_out_removed(connection)
            if not before or copy.size >= self._look_at:
                self._look_at = 2 * len(self) + _SLACK

    def _leave_out_removed(self, connection: sqlite3.Connection) -> None:
        """Else a collection whose documents change all day would grow in memory until the process dies."""
        rows = connection.execute("SELECT number FROM vectors WHERE collection = ?", (self.collection,))
        there = np.fromiter((row[0] for row in rows), np.int64)
        old, size = self._copy, self._copy.size
        kept = np.isin(old.serials[:size], there)
        # A copy of its own: who searches meanwhile reads the old one.
        self._copy = _Copy(
            old.serials[:size][kept], old.passages[:size][kept], old.matrix[:size][kept], int(kept.sum())
        )
        if self._graph is None:
            self._exact = self._exact[kept]
        else:
            self._graph.remove(old.serials[:size][~kept].astype(np.uint64))

    def prepare(self, path: Path, *, build: bool) -> None:
        """Where a graph pays, take it from the file `path`, as far as it goes, or `build` it, and keep it there.

        Building takes about half a minute for 50,000 vectors. The file may be deleted at any time: it only saves time.
        """
        if len(self) < GRAPH_FROM or self._graph is not None or find_spec("usearch") is None:
            return
        if not build and not path.exists():
            return
        from usearch.index import Index

        with self._lock:
            copy = self._copy
            try:
                graph = Index.restore(path) if path.exists() else None
            except (ValueError, RuntimeError):  # cut short, or no graph: built anew
                graph = None
            if graph is None or graph.ndim != copy.matrix.shape[1]:
                graph = Index(ndim=copy.matrix.shape[1], metric="ip", dtype="i8", connectivity=32)
            keys = np.asarray(graph.keys).astype(np.int64)
            graph.remove(
                np.setdiff1d(keys, copy.serials[: copy.size]).astype(np.uint64)
            )  # gone since it was kept
            known = np.isin(copy.serials[: copy.size], keys)
            new = np.flatnonzero(~known)
            for start in range(0, len(new), _CHUNK):
                rows = new[start : start + _CHUNK]
                graph.add(
                    copy.serials[rows].astype(np.uint64), copy.matrix[rows].astype(np.float32), threads=1
                )
            self._widen(graph)
            if len(new):
                draft = path.with_suffix(f".{os.getpid()}.draft")  # other workers may keep theirs now
                graph.save(draft)
                draft.replace(path)
            self._graph, self._exact = graph, self._exact[:0]

    def nearest(self, query: Vector, count: int) -> Ranking:
        """The `count` best by cosine, or more, in no order."""
        with self._lock:
            copy, graph, exact, size = self._copy, self._graph, self._exact, self._copy.size
        if graph is None:
            scores: NDArray[np.float64] = (exact @ query).astype(np.float64)
            return Ranking(copy.passages[: len(exact)], scores)
        rows = self._rows(copy, graph, query, min(size, max(count, _OVERSAMPLE * _TOP)))
        finer: NDArray[np.float64] = (copy.matrix[rows].astype(np.float32) @ query).astype(np.float64)
        return Ranking(copy.passages[rows], finer)

    def _rows(self, copy: _Copy, graph: Any, query: Vector, count: int) -> NDArray[np.int64]:
        found = graph.search(query, count, exact=self._compare_all, threads=1)
        keys = np.asarray(found.keys).astype(np.int64)
        serials = copy.serials[: copy.size]
        rows = np.minimum(np.searchsorted(serials, keys), len(serials) - 1)
        return np.asarray(rows[serials[rows] == keys], np.int64)

    def _widen(self, graph: Any) -> None:
        """Search as widely as it takes to find what an exact search finds, for means of three vectors as queries.

        A query is never a passage's own vector; means of three were found to be about as hard as fresh queries.
        """
        size = self._copy.size
        probes = self._copy.matrix[np.linspace(0, size - 1, _PROBES).astype(int)].astype(np.float32)
        queries = probes + np.roll(probes, 1, axis=0) + np.roll(probes, 2, axis=0)
        queries /= np.linalg.norm(queries, axis=1, keepdims=True)
        exact = self._exactly(queries)
        for width in _WIDTHS:
            graph.expansion_search = width
            rows = [self._rows(self._copy, graph, query, _OVERSAMPLE * _TOP) for query in queries]
            found = sum(
                len(set(some.tolist()) & set(best.tolist())) for some, best in zip(rows, exact, strict=True)
            )
            if found >= _RECALL * _TOP * _PROBES:
                return
        self._compare_all = True

    def _exactly(self, queries: Vector) -> NDArray[np.int64]:
        """The rows of the ten best for each query, a part of the vectors at a time."""
        rows = np.empty((len(queries), 0), np.int64)
        best: Vector = np.empty((len(queries), 0), np.float32)
        for start in range(0, self._copy.size, _CHUNK):
            part = self._copy.matrix[start : min(self._copy.size, start + _CHUNK)].astype(np.float32)
            best = np.concatenate([best, queries @ part.T], axis=1)
            numbers = np.broadcast_to(np.arange(start, start + len(part)), (len(queries), len(part)))
            rows = np.concatenate([rows, numbers], axis=1)
            kept = np.argpartition(-best, min(_TOP, best.shape[1]) - 1, axis=1)[:, :_TOP]
            best, rows = np.take_along_axis(best, kept, 1), np.take_along_axis(rows, kept, 1)
        return rows
