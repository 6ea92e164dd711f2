r"""What a segmenter's words would change: Chinese questions searched by pairs of characters, by rjieba's words, and by both.

    pip install rjieba
    python benchmarks/knowledge_words.py --data ../shared/data \
        --json benchmarks/results/knowledge_words.json

Search by words alone (no vectors), with our own index and constants; only what counts as a term differs. Words that have two
characters are pairs already, so that beside the pairs only longer ones, and single characters, are added. The last line has
the titles of the articles as the owner's terms: the ones that a question names are each one term of it, found in the pairs'
index as it is (`knowledge/wholes.py`).
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import platform
import re
import statistics
import subprocess
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from unittest import mock

from benchmarks.knowledge import Collection, cmrc2018, measured, unpacked
from stepladder.knowledge import Document, Knowledge, Query, SearchMode, document_terms, query_terms
from stepladder.models import Entries
from stepladder.text import dictionary_key, normalise

_HAN = re.compile(r"[\u3400-\u9fff]+")
Cut = Callable[[str], list[str]]
_PAIR = 2


@dataclass(frozen=True, slots=True)
class Words:
    """A segmenter's words as terms: alone, or the longer ones beside the pairs."""

    cut: Cut
    alone: bool

    def of_document(self, text: str) -> list[str]:
        """The terms of a document."""
        if self.alone:
            return document_terms(_HAN.sub(" ", normalise(text))) + self._words(text)
        return document_terms(text) + self._longer(text)

    def of_query(self, text: str) -> Counter[str]:
        """The terms of a query."""
        if self.alone:
            return Counter(self.of_document(text))
        return query_terms(text) + Counter(self._longer(text))

    def _words(self, text: str) -> list[str]:
        # Marked, so that no word is taken for a pair; one character alone would mean every place of it.
        return [f"{word}\0" for run in _HAN.findall(normalise(text)) for word in self.cut(run)]

    def _longer(self, text: str) -> list[str]:
        return [word for word in self._words(text) if len(word) > _PAIR + 1]


def ways(cut: Cut, cut_finely: Cut) -> dict[str, Words | None]:
    """Name -> what a text's terms are; None: as they are."""
    return {
        "pairs of characters": None,
        "rjieba's words alone": Words(cut, alone=True),
        "rjieba's longer words beside the pairs": Words(cut, alone=False),
        "rjieba's words for search alone": Words(cut_finely, alone=True),
        "rjieba's longer words for search beside the pairs": Words(cut_finely, alone=False),
    }


def searched(collection: Collection, path: Path, way: str, words: Words | None) -> dict[str, Any]:
    """A line of the table."""
    knowledge = Knowledge.open(path)
    of_document, of_query = (
        (document_terms, query_terms) if words is None else (words.of_document, words.of_query)
    )
    try:
        with (
            mock.patch("stepladder.knowledge.documents.document_terms", of_document),
            mock.patch("stepladder.knowledge.lexical.query_terms", of_query),
        ):
            texts = collection.documents.items()
            knowledge.add("c", (Document(id, text, title) for id, (title, text) in texts))

            def search(text: str) -> list[str]:
                hits = knowledge.search(Query(text, "c", mode=SearchMode.LEXICAL, per_document=True))
                return [hit.passage.document for hit in hits]

            return measured(collection, way, search)
    finally:
        knowledge.close()


def with_names(collection: Collection, path: Path, names: list[str]) -> dict[str, Any]:
    """The line of the pairs with the owner's terms; `asked` is how many questions name one."""
    knowledge, known = Knowledge.open(path), Entries()
    for name in names:
        known.put("term", dictionary_key(name), "")
    terms = {
        text: tuple(term.longest for term in known.terms_in(text)) for text in collection.queries.values()
    }
    plain = Query("", "c", mode=SearchMode.LEXICAL, per_document=True)
    try:

        def search(text: str) -> list[str]:
            query = replace(plain, text=text, names=terms[text])
            return [hit.passage.document for hit in knowledge.search(query)]

        line = measured(collection, "the owner's terms beside the pairs", search)
        asked = [text for text, held in terms.items() if held]
        times = [
            (_cpu(search, text), _cpu(lambda text: knowledge.search(replace(plain, text=text)), text))
            for text in asked
        ]
        with_terms, without = (statistics.median(each) for each in zip(*times, strict=True))
        return {**line, "asked": len(asked), "cpu_ms": with_terms, "plain_cpu_ms": without}
    finally:
        knowledge.close()


def _cpu(search: Callable[[str], object], text: str) -> float:
    """Milliseconds of the processor."""
    began = time.process_time()
    search(text)
    return 1000 * (time.process_time() - began)


def titles(data: Path) -> list[str]:
    """What the articles are called, names of one character left out."""
    articles = json.loads(unpacked(data / "cmrc2018" / "cmrc2018_dev.json.gz"))["data"]
    return [article["title"] for article in articles if len(dictionary_key(article["title"])) > 1]


def page(lines: list[dict[str, Any]], about: Mapping[str, Any]) -> str:
    """The figures for a reader."""
    return "\n".join(
        [
            "# Pairs of characters, or a segmenter's words",
            "",
            f"`{about['command']}`,",
            f"{about['machine']}, commit {about['commit']}, {about['date']}.",
            "",
            f"{lines[0]['collection']}, {about['questions']} questions, by words alone (no vectors).",
            "",
            "| terms | nDCG@10 | beside pairs | found in 10 |",
            "|---|--:|--:|--:|",
            *(
                f"| {line['system']} | {line['ndcg@10']:.4f} | {line['ndcg@10'] - lines[0]['ndcg@10']:+.4f} "
                f"| {line['success@10']:.4f} |"
                for line in lines
            ),
            "",
            f"The owner's terms are the articles' {about['names']} titles, which {lines[-1]['asked']} of the questions "
            f"name. Such a question takes {lines[-1]['cpu_ms']:.2f} ms of the",
            f"processor with its terms and {lines[-1]['plain_cpu_ms']:.2f} without (medians, asked in turns).",
            "",
        ]
    )


def main() -> None:
    """Measure and write."""
    import rjieba

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    collection = cmrc2018(given.data)
    with tempfile.TemporaryDirectory() as folder:
        lines = [
            searched(collection, Path(folder) / f"{number}.db", way, words)
            for number, (way, words) in enumerate(ways(rjieba.cut, rjieba.cut_for_search).items())
        ]
        names = titles(given.data)
        lines.append(with_names(collection, Path(folder) / "0.db", names))
    about = {
        "command": "python benchmarks/knowledge_words.py --data ../shared/data "
        "--json benchmarks/results/knowledge_words.json",
        "machine": f"{os.cpu_count()} cores, Python {platform.python_version()}",
        "commit": subprocess.run(
            ["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False
        ).stdout.strip(),
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "questions": len(collection.queries),
        "names": len(names),
    }
    text = page(lines, about)
    print(text)
    if given.json:
        wanted = ("system", "ndcg@10", "success@10", "asked", "cpu_ms", "plain_cpu_ms")
        kept = [{name: line[name] for name in wanted if name in line} for line in lines]
        given.json.write_text(json.dumps({"about": about, "lines": kept}, indent=1) + "\n", encoding="utf-8")
        given.json.with_suffix(".md").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
