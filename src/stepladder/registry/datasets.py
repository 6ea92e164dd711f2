"""A dataset as bytes: one canonical JSON line an example, which give it its hash and its file."""

import gzip
import hashlib
import json
import zlib
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from stepladder.core import Example, StoreError

_LINES = "examples.jsonl.gz"
_CARD = "card.json"


def dataset_hash(splits: Mapping[str, Sequence[Example]]) -> str:
    """SHA-256 of the lines: splits by name, examples in their order, keys sorted, ASCII."""
    found = hashlib.sha256()
    for line in _lines(splits):
        found.update(line)
    return found.hexdigest()


def write_dataset(folder: Path, task: str, hash: str, splits: Mapping[str, Sequence[Example]]) -> None:
    """Write the examples and a card for people into an existing folder."""
    with (folder / _LINES).open("wb") as raw, gzip.GzipFile("", "wb", fileobj=raw, mtime=0) as file:
        for line in _lines(splits):
            file.write(line)
    card = {"hash": hash, "task": task, "sizes": {name: len(examples) for name, examples in splits.items()}}
    (folder / _CARD).write_text(json.dumps(card, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def read_splits(folder: Path, names: Iterable[str]) -> dict[str, tuple[Example, ...]]:
    """The splits, also the empty ones of `names`. Raises StoreError when the file is damaged or gone."""
    splits: dict[str, list[Example]] = defaultdict(list, {name: [] for name in names})
    try:
        with gzip.open(folder / _LINES, "rt", encoding="ascii") as file:
            for line in file:
                row = json.loads(line)
                splits[row.pop("split")].append(Example(**row))
    except (OSError, EOFError, zlib.error, ValueError, TypeError, KeyError) as error:
        raise StoreError(
            f"Cannot read the dataset in {folder}: {error}.", remedy="Restore it from a backup."
        ) from error
    return {name: tuple(examples) for name, examples in splits.items()}


def _lines(splits: Mapping[str, Sequence[Example]]) -> Iterator[bytes]:
    for split in sorted(splits):
        for example in splits[split]:
            row: dict[str, Any] = asdict(example) | {"split": split, "fields": dict(example.fields)}
            yield json.dumps(row, sort_keys=True, separators=(",", ":")).encode("ascii") + b"\n"
