"""A question's fields as the columns of a table: numbers as they are, times taken apart, everything else as a code."""

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import blake2b
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stepladder.core import Field

Array = NDArray[np.float64]

NUMBER, TIME, CODE, ID = "number", "time", "code", "id"
_MOST_CODES = 256
_HASHES, _BUCKETS = 2, 128
_SAID = 0.9  # a field is of a kind where so many of its values are


@dataclass(frozen=True, slots=True)
class Column:
    """A field and how it is read. `values` are the known values of a code, the most frequent first, with their counts.

    A number is one column, a time four (days since 1970, hour of the day, day of the week, day of the month, all UTC
    where the time says nothing else), a code two (its place in `values`, and how often the value was seen). A code of
    more values than have a place is an id: it is also hashed twice into 128 buckets (Weinberger et al. 2009, arXiv
    0902.2206), so that those without a place, and those never seen, are told apart all the same.
    """

    field: str
    kind: str
    values: Mapping[str, int]

    @property
    def names(self) -> list[str]:
        """The columns' names."""
        parts = {
            TIME: ("day", "hour", "weekday", "monthday"),
            CODE: ("", "count"),
            ID: ("", "count", *(f"hash {k}" for k in range(_HASHES))),
            NUMBER: ("",),
        }
        return [f"{self.field} {part}".strip() for part in parts[self.kind]]

    def read(self, value: Field, codes: Mapping[str, int]) -> list[float]:
        """The columns of one value; NaN where there is none or it is of another kind."""
        if self.kind == NUMBER:
            return [_number(value)]
        if self.kind == TIME:
            return _time_parts(value)
        hashes = _hashed(value) if self.kind == ID else []
        if value is None:
            return [math.nan, 0.0, *hashes]
        return [float(codes.get(str(value), math.nan)), math.log1p(self.values.get(str(value), 0)), *hashes]


@dataclass(frozen=True, slots=True)
class Columns:
    """All columns of a task's fields, in the order of the fields' names."""

    columns: tuple[Column, ...]

    @classmethod
    def learn(cls, rows: Sequence[Mapping[str, Field]]) -> "Columns":
        """Find out what each field is from the rows of a training set."""
        names = sorted({name for row in rows for name in row})
        return cls(tuple(_column(name, [row.get(name) for row in rows]) for name in names))

    @property
    def names(self) -> list[str]:
        """The columns' names."""
        return [name for column in self.columns for name in column.names]

    @property
    def codes(self) -> list[int]:
        """Which columns are codes (categories without an order)."""
        places, at = [], 0
        for column in self.columns:
            places += [at] if column.kind in (CODE, ID) else []
            places += [at + 2 + k for k in range(_HASHES)] if column.kind == ID else []
            at += len(column.names)
        return places

    def table(self, rows: Iterable[Mapping[str, Field]]) -> Array:
        """The table (rows, columns) of fields; a field that was never seen in training is left out."""
        kept = list(rows)
        found = np.empty((len(kept), len(self.names)))
        places = [{value: k for k, value in enumerate(column.values)} for column in self.columns]
        for i, row in enumerate(kept):
            parts = (
                column.read(row.get(column.field), codes)
                for column, codes in zip(self.columns, places, strict=True)
            )
            found[i] = [number for part in parts for number in part]
        return found

    def describe(self) -> list[dict[str, Any]]:
        """For JSON; `of` reads it back."""
        return [
            {"field": column.field, "kind": column.kind, "values": dict(column.values)}
            for column in self.columns
        ]

    @classmethod
    def of(cls, described: Sequence[Mapping[str, Any]]) -> "Columns":
        """What `describe` wrote. Raises KeyError, TypeError, ValueError."""
        columns = tuple(Column(str(one["field"]), one["kind"], dict(one["values"])) for one in described)
        unknown = {column.kind for column in columns} - {NUMBER, TIME, CODE, ID}
        if unknown:
            raise ValueError(f"there is no kind of column {sorted(unknown)}")
        return cls(columns)


def _column(name: str, values: Sequence[Field]) -> Column:
    known = [value for value in values if value is not None]
    enough = _SAID * len(known)
    if known and sum(not math.isnan(_number(value)) for value in known) >= enough:
        return Column(name, NUMBER, {})
    if known and sum(not math.isnan(_time_parts(value)[0]) for value in known) >= enough:
        return Column(name, TIME, {})
    counts = Counter(map(str, known))
    ranked = sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:_MOST_CODES]
    return Column(name, CODE if len(counts) <= _MOST_CODES else ID, dict(ranked))


def _hashed(value: Field) -> list[float]:
    """A value's buckets; NaN where there is none."""
    if value is None:
        return [math.nan] * _HASHES
    digest = blake2b(str(value).encode("utf-8", "surrogatepass"), digest_size=2 * _HASHES).digest()
    return [float(int.from_bytes(digest[2 * k : 2 * k + 2]) % _BUCKETS) for k in range(_HASHES)]


def _number(value: Field) -> float:
    if isinstance(value, bool | int | float):
        try:
            return float(value)
        except OverflowError:
            return math.inf if value > 0 else -math.inf
    return math.nan


def _time_parts(value: Field) -> list[float]:
    if not isinstance(value, str) or len(value) < 8:
        return [math.nan] * 4
    try:
        time = datetime.fromisoformat(value)
    except ValueError:
        return [math.nan] * 4
    zoned = time if time.tzinfo else time.replace(tzinfo=UTC)
    days = zoned.timestamp() / 86400
    return [days, time.hour + time.minute / 60, float(time.weekday()), float(time.day)]
