"""Is a file of rows what it should be? Against a JSON schema, against another file (drift), and against itself (outliers).

Drift of categories is the population stability index, sum of (p - q) ln(p / q) (Kullback's J divergence; above 0.2 is taken
for a change by long custom in credit scoring); drift of numbers and lengths is Kolmogorov's and Smirnov's largest distance
of the two distribution functions with its asymptotic p-value (Smirnov, 1948).
"""

import math
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from stepladder.core import BadRequest, DataError, MissingExtra, Progress
from stepladder.data.cleaning import language_of
from stepladder.data.log import open_log
from stepladder.models import mismatch

_SAMPLE = 50_000
_SHOWN = 20
_CATEGORIES = 200
_FEWEST = 50
_STABLE, _DISTANCE, _CHANCE = 0.2, 0.05, 1e-4
_SPREAD = 8.0
_LENGTH, _CHARACTERS = "length of ", 8.0
_PLAIN = frozenset(
    ["type", "enum", "const", "required", "properties", "additionalProperties", "items", "title"]
) | {"description", "default", "examples", "$schema", "$id", "$comment"}
"""Keywords of a schema that are looked at, or say nothing about a row, without a library."""
_TYPES = ("object", "array", "string", "number", "integer", "boolean", "null")


@dataclass(frozen=True, slots=True)
class Fault:
    """A row that is not as it should be: its line, and what is wrong; its text is never quoted."""

    line: int
    what: str


@dataclass(frozen=True, slots=True)
class Drift:
    """How far one trait of the rows has moved: `measure` is "psi" or "ks"; `moved` where it is more than chance and small."""

    trait: str
    measure: str
    value: float
    chance: float
    moved: bool


@dataclass(frozen=True, slots=True)
class Validity:
    """`invalid` and `outliers` count rows; `faults` and `strange` are the first of each."""

    rows: int
    invalid: int
    outliers: int
    faults: tuple[Fault, ...]
    strange: tuple[Fault, ...]
    drift: tuple[Drift, ...] = ()

    @property
    def moved(self) -> tuple[Drift, ...]:
        """What has drifted."""
        return tuple(one for one in self.drift if one.moved)


@dataclass(slots=True)
class _Traits:
    """What a sample of rows is like: values by category, and numbers, by the trait's name."""

    rows: int = 0
    categories: dict[str, Counter[str]] = field(default_factory=dict)
    numbers: dict[str, list[float]] = field(default_factory=dict)

    def settle(self) -> "_Traits":
        """Texts of too many kinds are no categories: their lengths and languages are looked at, which stand elsewhere."""
        self.categories = {
            name: found
            for name, found in self.categories.items()
            if len(found) <= min(_CATEGORIES, max(10, self.rows // 5))
        }
        return self


def validate(
    path: Path, progress: Progress, *, schema: Mapping[str, Any] | None = None, against: Path | None = None
) -> Validity:
    """Look at every row: JSON objects, as the schema says, and not far from the others; and at drift from `against`.

    Raises DataError where a file cannot be read or holds no row, BadRequest for a schema that is none, and MissingExtra.
    """
    mismatched = _checker(schema) if schema is not None else None
    traits = _traits_of(_some(path))
    known = _traits_of(_some(against)) if against is not None else traits
    for one, file in ((traits, path), (known, against)):
        if not one.rows and file is not None:
            raise DataError(f"{file} holds no row.", remedy="Rows are JSON objects, one a line.")
    bounds = {name: _bounds(values, name) for name, values in known.numbers.items() if len(values) >= _FEWEST}
    faults: list[Fault] = []
    strange: list[Fault] = []
    rows = invalid = outliers = 0
    for number, line in _lines(path):
        rows += 1
        row = _object(line)
        wrong = "it is no JSON object" if row is None else mismatched(row) if mismatched else ""
        if wrong:
            invalid += 1
            faults += [Fault(number, wrong)] if len(faults) < _SHOWN else []
        elif row is not None and (odd := _odd(row, bounds, known.categories if against else {})):
            outliers += 1
            strange += [Fault(number, odd)] if len(strange) < _SHOWN else []
        if rows % 5_000 == 0:
            progress(rows, rows, "looking")
    drift = _drift(known, traits) if against is not None else ()
    return Validity(rows, invalid, outliers, tuple(faults), tuple(strange), drift)


def _checker(schema: Mapping[str, Any]) -> Callable[[Any], str]:
    """What is wrong with a row, "" if nothing: by our own look where that knows all that the schema says, else by jsonschema.

    References to other files are not fetched.
    """
    if _plain(schema):
        return lambda row: mismatch(row, schema)
    try:
        import jsonschema
        from referencing import Registry
        from referencing.exceptions import Unresolvable
    except ImportError as error:
        raise MissingExtra("This JSON schema", "data") from error
    kind = jsonschema.validators.validator_for(schema, default=jsonschema.Draft202012Validator)
    try:
        kind.check_schema(schema)
    except jsonschema.SchemaError as error:
        said = f"{error.json_path}: {error.message}"
        raise BadRequest(f"The JSON schema is none: {said}.", param="--schema", remedy="Mend it.") from error
    judge = kind(schema, registry=Registry())

    def mismatched(row: Any) -> str:
        try:
            found = jsonschema.exceptions.best_match(judge.iter_errors(row))
        except Unresolvable as error:
            raise BadRequest(
                f"The JSON schema names {error.ref!r}, which is not in it.",
                param="--schema",
                remedy="Put it there.",
            ) from error
        return "" if found is None else f"{found.json_path} does not keep {found.validator!r}"

    return mismatched


def _plain(schema: Any) -> bool:
    if not isinstance(schema, Mapping):
        return isinstance(schema, bool)
    kinds = schema.get("type", [])
    named = all(one in _TYPES for one in ([kinds] if isinstance(kinds, str) else kinds))
    inside = [*schema.get("properties", {}).values(), schema.get("items", True)]
    loose = isinstance(schema.get("additionalProperties", True), bool)
    return named and loose and schema.keys() <= _PLAIN and all(map(_plain, inside))


def _lines(path: Path) -> Iterable[tuple[int, bytes]]:
    try:
        with open_log(path) as file:
            yield from ((number, line) for number, line in enumerate(file, 1) if line.strip())
    except (OSError, EOFError) as error:
        raise DataError(f"Cannot read {path}: {error}.", remedy="Check the path.") from error


def _some(path: Path) -> Iterable[dict[str, Any]]:
    """Rows from all over a file, about `_SAMPLE` of them."""
    lines = sum(1 for _ in _lines(path))
    step = max(1, lines // _SAMPLE)
    for _, line in islice(_lines(path), 0, None, step):
        if (row := _object(line)) is not None:
            yield row


def _object(line: bytes) -> dict[str, Any] | None:
    try:
        row = msgspec.json.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
    return row if isinstance(row, dict) else None


def _traits_of(rows: Iterable[dict[str, Any]]) -> _Traits:
    traits = _Traits()
    for row in rows:
        traits.rows += 1
        traits.categories.setdefault("names of the fields", Counter())[", ".join(sorted(row))] += 1
        for name, value in _traits(row):
            if isinstance(value, str):
                of_trait = traits.categories.setdefault(name, Counter())
                if value in of_trait or len(of_trait) <= max(_CATEGORIES, 1) * 5:
                    of_trait[value] += 1
            else:
                traits.numbers.setdefault(name, []).append(value)
    return traits.settle()


def _traits(row: Mapping[str, Any], at: str = "") -> Iterable[tuple[str, str | float]]:
    """What there is to compare in a row: numbers, texts, their lengths and languages, and what is missing."""
    for key, value in row.items():
        name = f"{at}{key}"
        if isinstance(value, dict):
            yield from _traits(value, f"{name}.")
        elif isinstance(value, bool) or value is None:
            yield name, str(value).lower()
        elif isinstance(value, int | float):
            yield name, float(value)
        elif isinstance(value, str):
            yield f"{_LENGTH}{name}", float(len(value))
            yield name, value
            if len(value) > 12:
                yield f"language of {name}", language_of(value[:400]).value


def _bounds(values: Sequence[float], name: str) -> tuple[float, float]:
    """What is ordinary: eight spreads of the middle half to either side of it, in logs where all are positive.

    A few characters more or less are ordinary for any text: names and codes are nearly all of one length.
    """
    given = np.asarray(values, np.float64)
    positive = bool(given.min() > 0)
    low, high = np.percentile(np.log(given) if positive else given, [25, 75])
    spread = _SPREAD * max(float(high - low) / 1.349, 0.05 if positive else 1e-9 + 0.05 * abs(float(high)))
    edges = float(low) - spread, float(high) + spread
    low, high = (math.exp(edges[0]), math.exp(edges[1])) if positive else edges
    slack = _CHARACTERS if name.startswith(_LENGTH) else 0.0
    return low - slack, high + slack


def _odd(
    row: Mapping[str, Any],
    bounds: Mapping[str, tuple[float, float]],
    categories: Mapping[str, Counter[str]],
) -> str:
    traits = list(_traits(row))
    for name, value in traits:  # first: a new label tells more than that it is longer than the others
        if isinstance(value, str) and name in categories and value not in categories[name]:
            return f"{name} has a value that the other file has not"
    for name, value in traits:
        if isinstance(value, float) and name in bounds and not bounds[name][0] <= value <= bounds[name][1]:
            low, high = bounds[name]
            return f"{name} is {value:g}, ordinary is {low:.3g} to {high:.3g}"
    return ""


def _drift(known: _Traits, now: _Traits) -> tuple[Drift, ...]:
    found = []
    for name in sorted(known.categories.keys() & now.categories.keys()):
        value = _stability(known.categories[name], now.categories[name])
        found.append(Drift(name, "psi", value, float("nan"), value > _STABLE))
    for name in sorted(known.numbers.keys() & now.numbers.keys()):
        value, chance = _distance(known.numbers[name], now.numbers[name])
        found.append(Drift(name, "ks", value, chance, value > _DISTANCE and chance < _CHANCE))
    for name in sorted(
        (known.numbers.keys() | known.categories.keys()) ^ (now.numbers.keys() | now.categories.keys())
    ):
        gone = "is gone" if name in known.numbers or name in known.categories else "is new"
        found.append(Drift(f"{name} {gone}", "psi", float("inf"), 0.0, moved=True))
    return tuple(sorted(found, key=lambda one: (not one.moved, one.trait)))


def _stability(known: Counter[str], now: Counter[str]) -> float:
    """The population stability index, each value counted half a time more so that none has no share."""
    values = known.keys() | now.keys()
    before, after = (
        np.array([counts[value] + 0.5 for value in sorted(values)], np.float64) for counts in (known, now)
    )
    one, other = before / before.sum(), after / after.sum()
    return float(((other - one) * np.log(other / one)).sum())


def _distance(known: Sequence[float], now: Sequence[float]) -> tuple[float, float]:
    """Kolmogorov's and Smirnov's distance and how likely one as large is by chance."""
    one, other = np.sort(np.asarray(known)), np.sort(np.asarray(now))
    points = np.concatenate([one, other])
    shares = [np.searchsorted(side, points, "right") / len(side) for side in (one, other)]
    distance = float(np.abs(shares[0] - shares[1]).max())
    size = math.sqrt(len(one) * len(other) / (len(one) + len(other)))
    scaled = (size + 0.12 + 0.11 / size) * distance
    terms = (2 * (-1) ** (k - 1) * math.exp(-2 * k * k * scaled * scaled) for k in range(1, 101))
    return distance, min(1.0, max(0.0, sum(terms))) if scaled > 0.2 else 1.0
