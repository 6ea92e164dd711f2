"""Frozen data sets as folders: splits as JSON lines, and a card that says what is in them and where it comes from.

The hash is of the content alone: the same rows in the same splits have the same hash, whoever froze them and when.
"""

import hashlib
import json
import shutil
import tempfile
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from stepladder.core import DataError, Progress
from stepladder.data.duplicates import find_contamination
from stepladder.data.log import find, open_log
from stepladder.data.partition import check_names
from stepladder.data.rowfile import RowFile
from stepladder.text import normalise

CARD, READABLE = "card.json", "README.md"
_MOST_NAMED = 200


@dataclass(frozen=True, slots=True)
class About:
    """What a person says of a data set: its name, licences by source, filters that were run, the data set it came from."""

    name: str
    licences: Mapping[str, str] = field(default_factory=dict)
    filters: Sequence[Mapping[str, Any]] = ()
    parent: str = ""
    text: str = "input"
    answer: str = "answer"


def freeze_folder(
    splits: Mapping[str, Path], folder: Path, about: About, progress: Progress, *, allow_leaks: bool = False
) -> dict[str, Any]:
    """Write FOLDER with the splits and the card, whole or not at all; returns the card.

    The card counts rows that stand in two splits, copies and near-copies. Raises DataError where there are any (unless
    they are allowed), where the folder is there, or where a split is no file of rows.
    """
    if folder.exists():
        raise DataError(
            f"{folder} is there already.", remedy="What is frozen never changes: name another folder."
        )
    check_names(splits, "--split")
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".freezing-", dir=folder.parent) as near:
        staged = Path(near) / folder.name
        staged.mkdir()
        described = {
            name: _copied(path, staged / f"{name}.jsonl", about) for name, path in sorted(splits.items())
        }
        leaks = _leaks(staged, sorted(splits), about.text, progress)
        if not allow_leaks and any(leaks.values()):
            raise _leaking(leaks)
        card = _card(about, described) | {"leaks": leaks}
        (staged / CARD).write_text(json.dumps(card, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
        (staged / READABLE).write_text(_page(card), encoding="utf-8")
        for path in staged.iterdir():
            path.chmod(0o444)
        shutil.move(staged, folder)
    return card


def read_card(folder: Path) -> dict[str, Any]:
    """The card of a frozen folder whose files are those that were frozen. Raises DataError otherwise."""
    try:
        card: dict[str, Any] = json.loads((folder / CARD).read_text(encoding="utf-8"))
        files = {name: _hash_of(folder / f"{name}.jsonl") for name in card["splits"]}
        told = card["hash"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataError(
            f"{folder} is no frozen data set: {error}.", remedy="Make one with `data freeze`."
        ) from error
    if _whole_hash(files) != told:
        raise DataError(
            f"The rows in {folder} have been changed.", remedy="Restore them, or freeze them anew."
        )
    return card


@dataclass(frozen=True, slots=True)
class Difference:
    """What became of the rows of `before`, by their text and fields; labels with the rows that each has, before and now."""

    before: int
    now: int
    added: int
    removed: int
    relabelled: int
    moved: int
    labels: Mapping[str, tuple[int, int]]


def compare(before: Path, now: Path, text: str = "input", answer: str = "answer") -> Difference:
    """Compare two frozen folders, or two files of rows. Raises DataError."""
    one, other = (_rows_of(path, text, answer) for path in (before, now))
    both = one.keys() & other.keys()
    labels: dict[str, list[int]] = {}
    for at, rows in enumerate((one, other)):
        for label, count in Counter(label for label, _ in rows.values()).items():
            labels.setdefault(label, [0, 0])[at] = count
    return Difference(
        len(one),
        len(other),
        len(other.keys() - both),
        len(one.keys() - both),
        sum(one[key][0] != other[key][0] for key in both),
        sum(one[key][1] != other[key][1] for key in both),
        {label: (counts[0], counts[1]) for label, counts in sorted(labels.items())},
    )


def _rows_of(path: Path, text: str, answer: str) -> dict[bytes, tuple[str, str]]:
    """Key of the question -> (label, split)."""
    splits = read_card(path)["splits"] if path.is_dir() else None
    files = [("", path)] if splits is None else [(name, path / f"{name}.jsonl") for name in splits]
    found: dict[bytes, tuple[str, str]] = {}
    for split, file in files:
        for row in _objects(file):
            key = json.dumps([_asked(row, text), row.get("fields")], sort_keys=True, default=str)
            digest = hashlib.blake2b(key.encode("utf-8", "replace"), digest_size=12).digest()
            found[digest] = (_label(find(row, answer)), split)
    return found


def _asked(row: Mapping[str, Any], text: str) -> Any:
    """What names a row: its text; of one without, such as a pair of answers, all that it says."""
    found = find(row, text)
    return row if found is None else normalise(found) if isinstance(found, str) else found


def _objects(path: Path) -> Iterable[dict[str, Any]]:
    try:
        with open_log(path) as file:
            for number, line in enumerate(file, 1):
                if line.strip():
                    row = msgspec.json.decode(line)
                    if not isinstance(row, dict):
                        raise DataError(f"{path}:{number} is no JSON object.", remedy="Clean the file first.")
                    yield row
    except (OSError, EOFError, msgspec.DecodeError, UnicodeDecodeError) as error:
        raise DataError(
            f"Cannot read {path}: {error}.", remedy="Clean the file first: `data clean`."
        ) from error


def _label(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, sort_keys=True, ensure_ascii=False)


def _copied(source: Path, target: Path, about: About) -> dict[str, Any]:
    """Write the rows, keys sorted, and describe them."""
    labels: Counter[str] = Counter()
    sources: Counter[str] = Counter()
    licences: dict[str, set[str]] = {}
    rows = synthetic = characters = 0
    with target.open("wb") as file:
        for row in _objects(source):
            rows += 1
            synthetic += bool(row.get("synthetic"))
            characters += len(str(find(row, about.text) or ""))
            labels[_label(find(row, about.answer))] += 1
            sources[origin := str(row.get("source") or source.name).rsplit(":", 1)[0]] += 1
            if isinstance(row.get("licence"), str):
                licences.setdefault(origin, set()).add(row["licence"])
            file.write(msgspec.json.encode(row, order="sorted") + b"\n")
    if not rows:
        raise DataError(f"{source} holds no row.", remedy="Leave the split out, or give it rows.")
    many = len(labels) > _MOST_NAMED
    return {
        "rows": rows,
        "sha256": _hash_of(target),
        "mean_characters": round(characters / rows, 1),
        "synthetic": synthetic,
        "labels": {} if many else dict(labels.most_common()),
        "different_answers": len(labels),
        "sources": dict(sources.most_common(_MOST_NAMED)),
        "licences": {origin: sorted(told)[:_MOST_NAMED] for origin, told in licences.items()},
    }


def _hash_of(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _whole_hash(files: Mapping[str, str]) -> str:
    return hashlib.sha256(
        "".join(f"{name}\0{hash}\n" for name, hash in sorted(files.items())).encode()
    ).hexdigest()


def _card(about: About, splits: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    sources: Counter[str] = Counter()
    for split in splits.values():
        sources.update(split["sources"])
    rows = sum(split["rows"] for split in splits.values())
    licences = {source: _licence(source, about, splits) for source in sources}
    if unknown := sorted(about.licences.keys() - {*sources, ""}):
        raise DataError(
            f"There is no source {unknown[0]!r} that a licence could be of.",
            param="--licence",
            remedy=f"Sources: {', '.join(list(sources)[:_MOST_NAMED])}.",
        )
    return {
        "hash": _whole_hash({name: split["sha256"] for name, split in splits.items()}),
        "name": about.name,
        "rows": rows,
        "splits": dict(splits),
        "sources": dict(sources),
        "licences": licences,
        "filters": [dict(one) for one in about.filters],
        "synthetic_share": round(sum(split["synthetic"] for split in splits.values()) / rows, 6),
        "parent": about.parent,
    }


def _licence(source: str, about: About, splits: Mapping[str, Mapping[str, Any]]) -> str:
    """What a person says of this source; else what its rows say; else what a person says of all others."""
    if source in about.licences:
        return about.licences[source]
    told = sorted({one for split in splits.values() for one in split["licences"].get(source, ())})
    return ", ".join(told) or about.licences.get("", "not declared")


def _leaks(folder: Path, names: Sequence[str], text: str, progress: Progress) -> dict[str, int]:
    """How many rows of one split are copies or near-copies of another's, by the pair's names."""
    found = {}
    for at, one in enumerate(names):
        for other in names[at + 1 :]:
            with (
                RowFile(folder / f"{one}.jsonl", text) as rows,
                RowFile(folder / f"{other}.jsonl", text) as test,
            ):
                found[f"{one} and {other}"] = len(find_contamination(rows, test, progress))
    return found


def _leaking(leaks: Mapping[str, int]) -> DataError:
    pair, count = max(leaks.items(), key=lambda item: item[1])
    return DataError(
        f"{count:,} rows of {pair} are copies or near-copies of each other.",
        remedy="Split with `data split`, take them out with `data contamination`, or allow it: --allow-leaks.",
    )


def _page(card: Mapping[str, Any]) -> str:
    lines = [f"# {card['name']}", "", f"Hash `{card['hash']}`. {card['rows']:,} rows.", ""]
    lines += ["| split | rows | mean characters | synthetic |", "|---|---|---|---|"]
    lines += [
        f"| {name} | {split['rows']:,} | {split['mean_characters']} | {split['synthetic']:,} |"
        for name, split in card["splits"].items()
    ]
    lines += ["", "| source | rows | licence |", "|---|---|---|"]
    lines += [f"| {name} | {count:,} | {card['licences'][name]} |" for name, count in card["sources"].items()]
    lines += ["", "Rows of one split that are (nearly) rows of another:", ""]
    lines += [f"- {pair}: {count:,}" for pair, count in card["leaks"].items()] or [
        "- there is one split only"
    ]
    if card["filters"]:
        lines += ["", "Filters:", ""]
        lines += [
            f"- {one.get('source', '')}: {one.get('kept', 0):,} of {one.get('rows', 0):,} rows kept"
            for one in card["filters"]
        ]
    return "\n".join([*lines, ""])
