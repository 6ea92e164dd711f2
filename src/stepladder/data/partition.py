"""A file's rows into splits, by hash, by group or by time; what is nearly the same text never stands in two of them."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from hashlib import blake2b
from pathlib import Path
from typing import Any

from stepladder.core import BadRequest, DataError, Progress
from stepladder.data.duplicates import near_groups
from stepladder.data.kept import Kept
from stepladder.data.log import Unusable, find, time_of
from stepladder.data.rowfile import RowFile, write_rows
from stepladder.text import normalise

_NEAR = 1e-3  # three thirds of .333 are a whole


class By(StrEnum):
    """What decides."""

    HASH = "hash"
    """The text alone: a row is in the same split whatever else is in the file."""
    GROUP = "group"
    """A field's value, such as a customer: all rows of one go together."""
    TIME = "time"
    """The earlier rows train, the later ones test."""


@dataclass(frozen=True, slots=True)
class Cut:
    """How to cut: the splits with their shares, in the order of time, and the field of the group or the time."""

    shares: Mapping[str, float]
    by: By = By.HASH
    field: str = ""
    seed: int = 0
    threshold: float = 0.6


def split_rows(rows: RowFile, cut: Cut, progress: Progress, kept: Kept | None = None) -> list[str]:
    """The name of each row's split. Rows that are nearly the same, or of one group, are in one split.

    So shares come out near, not exact; by time a later near-copy of an early row goes with the early one. Signatures are
    `kept` as they are made. Raises BadRequest for shares that do not add up to 1, and DataError for a row without the field.
    """
    _check(cut)
    units = near_groups(rows, progress, threshold=cut.threshold, kept=kept).tolist()
    if cut.by is By.GROUP:
        units = _joined(units, [_value(rows, at, cut.field) for at in range(len(rows))])
    if cut.by is By.TIME:
        return _by_time(units, [_time(rows, at, cut.field or "time") for at in range(len(rows))], cut.shares)
    names = {unit: _named(rows, unit, cut) for unit in set(units)}
    return [names[unit] for unit in units]


def _check(cut: Cut) -> None:
    whole = sum(cut.shares.values())
    if not all(share >= 0 for share in cut.shares.values()) or not abs(whole - 1) < _NEAR:
        raise BadRequest(
            f"The shares add up to {whole:g}.",
            param="--share",
            remedy="They add up to 1: --share train=0.8 --share test=0.2.",
        )
    check_names(cut.shares, "--share")


def check_names(names: Iterable[str], option: str) -> None:
    """Splits are files: a name is letters, digits, "_", "-" and dots. Raises BadRequest naming the option."""
    for name in names:
        if not re.fullmatch(r"[\w-][\w.-]*", name):
            raise BadRequest(
                f"{name!r} is no name of a split.", param=option, remedy="Letters, digits, _, - and dots."
            )


def write_splits(
    rows: RowFile, names: Sequence[str], folder: Path, *, splits: Iterable[str] = ()
) -> dict[str, int]:
    """Write each split's rows, as they were, to FOLDER/NAME.jsonl; returns how many each has. Raises DataError.

    Those of `splits` that got no row are written too, empty: else an earlier cut's file would be taken for this one's.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DataError(f"Cannot make {folder}: {error.strerror}.", remedy="Name another folder.") from error
    return {
        split: write_rows(
            folder / f"{split}.jsonl", (rows.line(at) for at, name in enumerate(names) if name == split)
        )
        for split in sorted({*splits, *names})
    }


def _joined(units: Sequence[int], values: Sequence[str]) -> list[int]:
    """Units that share a value become one."""
    first: dict[int, int] = {}

    def root(unit: int) -> int:
        while first.setdefault(unit, unit) != unit:
            first[unit] = first[first[unit]]
            unit = first[unit]
        return unit

    by_value: dict[str, int] = {}
    for unit, value in zip(units, values, strict=True):
        low, high = sorted((root(by_value.setdefault(value, unit)), root(unit)))
        first[high] = low
    return [root(unit) for unit in units]


def _named(rows: RowFile, unit: int, cut: Cut) -> str:
    key = _value(rows, unit, cut.field) if cut.by is By.GROUP else normalise(rows[unit])
    digest = blake2b(key.encode("utf-8", "replace"), digest_size=8, key=str(cut.seed).encode()).digest()
    place = int.from_bytes(digest, "big") / 2**64 * sum(cut.shares.values())
    for name, share in cut.shares.items():
        place -= share
        if place < 0:
            return name
    return list(cut.shares)[-1]


def _by_time(units: Sequence[int], times: Sequence[float], shares: Mapping[str, float]) -> list[str]:
    earliest: dict[int, float] = {}
    counts: dict[int, int] = {}
    for unit, at in zip(units, times, strict=True):
        earliest[unit] = min(at, earliest.get(unit, at))
        counts[unit] = counts.get(unit, 0) + 1
    names: dict[int, str] = {}
    waiting = list(shares.items())
    whole, placed, due = sum(shares.values()), 0, waiting[0][1]
    for unit in sorted(earliest, key=lambda unit: (earliest[unit], unit)):
        while len(waiting) > 1 and placed >= round(due / whole * len(units)):
            waiting.pop(0)
            due += waiting[0][1]
        names[unit] = waiting[0][0]
        placed += counts[unit]
    return [names[unit] for unit in units]


def _value(rows: RowFile, at: int, field: str) -> str:
    value: Any = find(rows.row(at), field)
    if value is None:
        raise DataError(
            f"Usable row {at + 1} of {rows.path} has no {field!r}.", remedy="Name the field with --field."
        )
    return str(value)


def _time(rows: RowFile, at: int, field: str) -> float:
    try:
        found = time_of(find(rows.row(at), field), field)
    except Unusable as error:
        raise DataError(
            f"Usable row {at + 1} of {rows.path}: {error}.", remedy="Name the field with --field."
        ) from error
    if found is None:
        raise DataError(
            f"Usable row {at + 1} of {rows.path} has no {field!r}.", remedy="Name the field with --field."
        )
    return found
