"""The pairs of the benchmark, out of files of templates, one line a template."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent
_SWAPPED = re.compile(r"<[^<>]*>")


@dataclass(frozen=True)
class Pair:
    """Two texts of one kind. Whether they mean the same is said by the file that they come from."""

    kind: str
    one: str
    other: str


def near_misses(*names: str) -> list[Pair]:
    """The pairs of files of templates: alike, and not the same."""
    return [pair for name in names for line in _lines(name) for pair in _expanded(line)]


def same(name: str) -> list[Pair]:
    """The pairs of a file with two or more ways to ask the same on a line: each with the first one."""
    found = []
    for line in _lines(name):
        kind, _, texts = line.partition(" | ")
        first, *others = [text.strip() for text in texts.split(" / ")]
        found += [Pair(kind.strip(), first, other) for other in others]
    return found


def _lines(name: str) -> Iterator[str]:
    for line in (HERE / name).read_text(encoding="utf-8").splitlines():
        if line.strip() and not line.startswith("#"):
            yield line


def _expanded(line: str) -> Iterator[Pair]:
    kind, template, pairs = (part.strip() for part in line.split(" | "))
    for pair in pairs.split(" ; "):
        one, other = (text.strip() for text in f" {pair} ".split(" / ", 1))
        if _SWAPPED.search(template):
            yield Pair(kind, _filled(template, one, other), _filled(template, other, one))
        else:
            yield Pair(kind, _tidy(template.replace("{}", one)), _tidy(template.replace("{}", other)))


def _filled(template: str, first: str, second: str) -> str:
    return _SWAPPED.sub(second, _SWAPPED.sub(first, template, count=1), count=1)


def _tidy(text: str) -> str:
    """What a place that was left empty leaves behind."""
    return re.sub(r" +([.?])", r"\1", re.sub(r"  +", " ", text)).strip()
