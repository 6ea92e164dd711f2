r"""How searching stands at a million passages: time, memory and disk, from which larger collections are estimated.

    python benchmarks/knowledge.py --part million --data ../shared/data \
        --json benchmarks/results/knowledge_million.json

Each passage is four or five real sentences (English film reviews, and Chinese encyclopaedia paragraphs for three in ten)
drawn at random, with a number that no other has: the words and how often they come are real, what they say together is
not. Vectors are made up, as in knowledge_speed.py, and every query brings its own. One process writes, a fresh one
searches, so that the memory told is a server's. Takes about an hour and 6 GB; `--work` keeps what was written.
"""

from __future__ import annotations

import gzip
import json
import random
import re
import sqlite3
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import closing
from itertools import islice
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.knowledge import cmrc2018
from benchmarks.knowledge_speed import MadeUp, timed
from stepladder.knowledge import Document, Knowledge, Query, SearchMode
from stepladder.text import sentences

PASSAGES = 1_000_000
_TOP = 10
_NOTED = 4096  # documents between two notes of the time


class Quick(MadeUp):
    """The same kind of vectors, a passage's drawn by its number: that is quicker, and they can be had again."""

    def embed(self, texts: Sequence[str], *, query: bool) -> NDArray[np.float32]:
        """One unit row a text."""
        if query:
            return super().embed(texts, query=True)
        marks = [re.search(r"\[(\d+)\]$", text) for text in texts]
        return self.rows([int(mark[1]) if mark else 0 for mark in marks])

    def rows(self, numbers: Iterable[int]) -> NDArray[np.float32]:
        """The vectors of the passages with these numbers."""
        inner = self._basis.shape[0]
        drawn = np.stack(
            [
                np.random.Generator(np.random.Philox(key=number)).standard_normal(inner + self.dimensions)
                for number in numbers
            ]
        )
        rows = drawn[:, :inner] @ self._basis + 0.3 * drawn[:, inner:]
        units = rows / np.linalg.norm(rows, axis=1, keepdims=True)
        return np.asarray(units, np.float32)


def passages(data: Path, count: int, cmrc: Sequence[str]) -> Iterator[str]:
    """The texts, the same ones at every call."""
    english: list[str] = []
    with gzip.open(data / "imdb_gpt35.jsonl.gz", "rt", encoding="utf-8") as opened:
        for line in opened:
            text = json.loads(line)["text"]
            english += [text[start:end] for start, end in sentences(text) if 20 < end - start < 250]
    chinese = [text[start:end] for text in cmrc for start, end in sentences(text) if end - start < 100]
    chance = random.Random(0)
    for number in range(count):
        pool, most = (chinese, 4) if chance.random() < 0.3 else (english, 5)
        yield " ".join(chance.choices(pool, k=most)) + f" [{number}]"


class Adding:
    """What adding the documents has taken, of all runs that were interrupted together; kept in a file."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._before = json.loads(file.read_text("utf-8")) if file.exists() else [0, 0.0, 0.0]
        self._began, self._worked = time.perf_counter(), time.process_time()
        self._now = self._before

    def said(self, done: int, total: int, what: str) -> None:
        """Progress: shown, and noted."""
        _said(done, total, what)
        if not done % _NOTED:
            self.note(done)

    def note(self, done: int) -> None:
        """So many documents of this run are in."""
        spent = (done, time.perf_counter() - self._began, time.process_time() - self._worked)
        self._now = [old + new for old, new in zip(self._before, spent, strict=True)]
        self._file.write_text(json.dumps(self._now), encoding="utf-8")

    def spent(self) -> dict[str, float]:
        """Documents, seconds, seconds of one core."""
        return dict(zip(("added", "add_seconds", "add_cpu_seconds"), self._now, strict=True))


def written(data: Path, path: Path, count: int, cmrc: Sequence[str]) -> dict[str, Any]:
    """Write the file and its graph; what it took."""
    knowledge = Knowledge.open(path, Quick())
    try:
        there = sum(one.documents for one in knowledge.collections(""))  # of a run that was interrupted
        texts = islice(enumerate(passages(data, count, cmrc)), there, None)
        adding = Adding(path.with_name("adding.json"))
        knowledge.add("c", (Document(str(number), text) for number, text in texts), progress=adding.said)
        adding.note(count - there)
        began, worked = time.perf_counter(), time.process_time()
        knowledge.embed("c", progress=_said)
        done, done_work = time.perf_counter(), time.process_time()
    finally:
        knowledge.close()
    return {
        **adding.spent(),
        "graph_seconds": done - began,
        "graph_cpu_seconds": done_work - worked,
        "writer_memory_mb": memory("VmHWM"),
        "file_mb": path.stat().st_size / 1e6,
        "graph_mb": sum(file.stat().st_size for file in path.parent.glob("*.usearch")) / 1e6,
    }


def searched(path: Path, asked: Sequence[str], count: int) -> dict[str, Any]:
    """Search in a fresh process."""
    embedder = Quick()
    knowledge = Knowledge.open(path, embedder)
    figures: dict[str, Any] = {}
    try:
        vectors = dict(zip(asked, embedder.embed(asked, query=True), strict=True))
        began = time.perf_counter()
        knowledge.search(Query(asked[0], "c", vector=vectors[asked[0]]))
        figures["first_search_seconds"] = time.perf_counter() - began

        def search(mode: SearchMode) -> Callable[[str], object]:
            return lambda text: knowledge.search(Query(text, "c", mode=mode, vector=vectors[text]))

        for mode in SearchMode:
            figures[mode.value] = timed(search(mode), asked)
        (row,) = knowledge.collections("")
        figures["passages"] = row.documents
        figures["text_mb"] = text_mb(path)
        figures["recall@10"] = _recall(knowledge, embedder, vectors, count)
        figures["insert"] = timed(lambda number: _insert(knowledge, number), range(50))
        figures["memory_mb"], figures["memory_at_most_mb"] = memory("VmRSS"), memory("VmHWM")
    finally:
        knowledge.close()
    return figures


def measured(
    data: Path, folder: Path, asked: Sequence[str], cmrc: Sequence[str], count: int
) -> dict[str, Any]:
    """All figures; what a folder has already is not written again."""
    path, notes = folder / "knowledge.db", folder / "written.json"
    with ProcessPoolExecutor(1, mp_context=get_context("spawn"), max_tasks_per_child=1) as processes:
        if not notes.exists():
            done = processes.submit(written, data, path, count, cmrc).result()
            notes.write_text(json.dumps(done), encoding="utf-8")
        found = processes.submit(searched, path, asked, count).result()
    return {**json.loads(notes.read_text(encoding="utf-8")), **found}


def run(data: Path, work: Path, about: dict[str, Any], *, count: int) -> tuple[dict[str, Any], str]:
    """The figures and their page."""
    collection = cmrc2018(data)
    cmrc = [text for _, text in collection.documents.values()]
    chance = random.Random(1)
    english = [text.split() for text in islice(passages(data, count, cmrc), 2000) if text.isascii()]
    asked = chance.sample(list(collection.queries.values()), 150)
    asked += [" ".join(words[5:15]) for words in english[:150]]
    figures = measured(data, work, asked, cmrc, count)
    return figures, page(figures, about)


def _written(figures: Mapping[str, Any]) -> str:
    """How long the documents took, by themselves."""
    return f"{figures['added']:,} documents were written in {figures['add_cpu_seconds']:.0f} s of one core."


def page(figures: dict[str, Any], about: dict[str, Any]) -> str:
    """The figures for a reader."""
    rows = [
        f"| {name} | {line['cpu_ms']:.2f} | {line['least_ms']:.2f} | {line['p50_ms']:.2f} | {line['p95_ms']:.2f} |"
        for name, line in figures.items()
        if isinstance(line, dict)
    ]
    return "\n".join(
        [
            f"# Searching and writing at {figures['passages']:,} passages",
            "",
            f"`{about['command']}`, {about['machine']}, commit {about['commit']}, load {about['load']:.1f}, {about['date']}.",
            "",
            f"{_written(figures)} All",
            f"vectors and the graph were written in {figures['graph_cpu_seconds']:.0f} s "
            f"(at most {figures['writer_memory_mb']:.0f} MB).",
            f"File {figures['file_mb']:.0f} MB, graph {figures['graph_mb']:.0f} MB.",
            f"A fresh process answers its first question after {figures['first_search_seconds']:.1f} s and holds",
            f"{figures['memory_mb']:.0f} MB. recall@10 against all vectors {figures['recall@10']:.3f}.",
            "",
            "| what | processor ms | least ms | p50 ms | p95 ms |",
            "|---|--:|--:|--:|--:|",
            *rows,
            "",
            "*insert*: a document written and embedded, found by its words. Queries bring their vectors.",
            "",
            *on_paper(figures),
        ]
    )


def on_paper(figures: dict[str, Any]) -> list[str]:
    """What terabytes of text would need, in proportion: nothing of this was run."""
    count = figures["passages"]
    text = figures["text_mb"] * 1e6 / count
    disk = (figures["file_mb"] + figures["graph_mb"]) * 1e6 / count
    memory_each = figures["memory_mb"] * 1e6 / count
    rows = []
    for terabytes in (0.1, 1, 5):
        passages = terabytes * 1e12 / text
        rows.append(
            f"| {terabytes} | {passages / 1e6:,.0f} | {passages * disk / 1e12:.1f} | {passages * memory_each / 1e9:,.0f} | "
            f"{max(1, round(passages / 2e6)):,} |"
        )
    return [
        "## Terabytes, on paper",
        "",
        f"In proportion to the above: {text:.0f} bytes of text a passage, {disk:.0f} on the disk,",
        f"{memory_each:.0f} in memory. A search by words takes time in proportion to the passages of its",
        "collection, so text is divided into collections of about two million passages, each searched",
        "by itself, and their hits are merged. Nothing of this was run.",
        "",
        "| TB of text | million passages | TB of disk | GB of memory, all collections open | collections |",
        "|--:|--:|--:|--:|--:|",
        *rows,
        "",
    ]


def _recall(
    knowledge: Knowledge, embedder: Quick, vectors: dict[str, NDArray[np.float32]], count: int
) -> float:
    """Against all vectors in float32, a part at a time."""
    queries = np.stack(list(vectors.values()))
    best = np.empty((len(queries), 0), np.float32)
    names = np.empty((len(queries), 0), np.int64)
    for start in range(0, count, 1000):
        rows = embedder.rows(range(start, min(count, start + 1000)))
        best = np.concatenate([best, queries @ rows.T], axis=1)
        names = np.concatenate(
            [names, np.tile(np.arange(start, start + len(rows)), (len(queries), 1))], axis=1
        )
        kept = np.argsort(-best, axis=1)[:, :_TOP]
        best, names = np.take_along_axis(best, kept, 1), np.take_along_axis(names, kept, 1)
    found = 0
    for (text, vector), exact in zip(vectors.items(), names, strict=True):
        hits = knowledge.search(Query(text, "c", top=_TOP, mode=SearchMode.VECTOR, vector=vector))
        found += len({str(number) for number in exact} & {hit.passage.document for hit in hits})
    return found / (_TOP * len(vectors))


def _insert(knowledge: Knowledge, number: int) -> None:
    knowledge.add("c", [Document(f"new{number}", f"Bulletin zq{number}x: 第{number}号通知已经发布。")])
    knowledge.embed("c")
    hits = knowledge.search(Query(f"zq{number}x", "c", mode=SearchMode.LEXICAL, top=1))
    if [hit.passage.document for hit in hits] != [f"new{number}"]:
        raise AssertionError(f"new{number} was not found")


def text_mb(path: Path) -> float:
    """Megabytes of the passages' text."""
    with closing(sqlite3.connect(path)) as connection:
        (total,) = connection.execute("SELECT sum(length(CAST(text AS BLOB))) FROM passages").fetchone()
    return int(total) / 1e6


def memory(name: str) -> float:
    """Megabytes of this process: `VmRSS` now, `VmHWM` at most."""
    for line in Path("/proc/self/status").read_text(encoding="utf-8").splitlines():
        if line.startswith(name + ":"):
            return int(line.split()[1]) / 1e3
    return 0.0


def _said(done: int, total: int, what: str) -> None:
    if not done % (256 * 128):
        print(f"  {done:,} {what}", flush=True)
