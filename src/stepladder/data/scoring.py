"""Scores of every row, written beside it: what a small model thinks of a text. Rows beyond a bound are put aside, with why."""

import json
import os
import time
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any, BinaryIO

import msgspec
import numpy as np

from stepladder.core import BadRequest, DataError, Progress
from stepladder.data.cleaning.run import BROKEN
from stepladder.data.cleaning.side import Aside
from stepladder.data.rowfile import RowFile

_TOGETHER = 256
_SAVED_SECONDS = 5.0

Scorer = Callable[[int, Sequence[str]], Sequence[float]]
"""Scores of texts; the number is that of the first of them among the file's usable rows."""


@dataclass(frozen=True, slots=True)
class Bound:
    """What a score may be: `least` and `most`, None where there is no bound on that side."""

    least: float | None = None
    most: float | None = None

    def broken_by(self, value: float) -> str:
        """Why a score is out of bounds, or ""."""
        if self.least is not None and value < self.least:
            return f"{value:.3g} is less than {self.least:g}"
        if self.most is not None and value > self.most:
            return f"{value:.3g} is more than {self.most:g}"
        return ""


@dataclass(frozen=True, slots=True)
class Scored:
    """How many rows there are and stay; by score, how many went for it; and each score's 1st, 50th and 99th percentile."""

    rows: int
    kept: int
    gone: Mapping[str, int] = field(default_factory=dict)
    spread: Mapping[str, tuple[float, float, float]] = field(default_factory=dict)


def score_rows(
    rows: RowFile,
    scorers: Mapping[str, Scorer],
    bounds: Mapping[str, Bound],
    places: tuple[Path, Path],
    progress: Progress,
    *,
    told: Mapping[str, Any] | None = None,
) -> Scored:
    """Write every row with its `scores` to the first place; those out of bounds, and broken ones, to the second as they were.

    The second is what `restore` puts back from. What is left of a run that was stopped, also by kill -9, is gone on with where
    file, scores, bounds and what else was `told` are the same. Raises BadRequest for a bound on a score that there is not, and
    DataError where a place cannot be written.
    """
    for name in bounds.keys() - scorers.keys():
        raise BadRequest(
            f"There is no score {name!r}.", param=name, remedy=f"Scores here: {', '.join(scorers)}."
        )
    try:
        run = _Run(rows, scorers, bounds, places)
        run.begin(_sign(rows, [sorted(scorers), repr(bounds), dict(told or {})]))
        run.through(progress)
        return run.finish()
    except OSError as error:
        raise DataError(
            f"Cannot write {places[0]}: {error.strerror}.", remedy="Check its folder and free space."
        ) from error


class _Reached(msgspec.Struct):
    """A point that both files have reached: rows behind it, and their sizes."""

    sign: str
    rows: int = 0
    sizes: tuple[int, int] = (0, 0)


class _Run:
    """Scores what an earlier process has not."""

    def __init__(
        self,
        rows: RowFile,
        scorers: Mapping[str, Scorer],
        bounds: Mapping[str, Bound],
        places: tuple[Path, Path],
    ) -> None:
        self._rows, self._scorers, self._bounds, self._places = rows, scorers, bounds, places
        self._drafts = [place.with_name(f"{place.name}.part") for place in places]
        self._saved = places[0].with_name(f"{places[0].name}.progress")
        self._values: dict[str, list[float]] = {name: [] for name in scorers}
        self._gone: Counter[str] = Counter()

    def begin(self, sign: str) -> None:
        """Go on where an earlier process was, or begin."""
        try:
            reached = msgspec.json.decode(self._saved.read_bytes(), type=_Reached)
        except (FileNotFoundError, msgspec.DecodeError):
            reached = _Reached(sign)
        for draft in self._drafts:
            draft.touch()
        sizes = [draft.stat().st_size for draft in self._drafts]
        if reached.sign != sign or any(is_ < was for is_, was in zip(sizes, reached.sizes, strict=True)):
            reached = _Reached(sign)
        for draft, size in zip(self._drafts, reached.sizes, strict=True):
            os.truncate(draft, size)
        self._reached = reached
        for line in self._lines(0):
            self._take(msgspec.json.decode(line)["scores"], ())
        for line in self._lines(1):
            aside = msgspec.json.decode(line, type=Aside)
            if aside.scores:
                self._take(aside.scores, aside.rules)

    def _lines(self, which: int) -> Iterator[bytes]:
        with self._drafts[which].open("rb") as file:
            yield from file

    def _take(self, scores: Mapping[str, float], why: Iterable[str]) -> None:
        for name, value in scores.items():
            self._values[name].append(value)
        self._gone.update(why)

    def through(self, progress: Progress) -> None:
        """Score the rows that are left."""
        begun, count = self._reached.rows, len(self._rows)
        behind = self._rows.place(begun - 1) if begun else 0
        broken = deque(one for one in self._rows.broken() if one[0] > behind)
        saved = time.monotonic()
        with self._drafts[0].open("ab") as stay, self._drafts[1].open("ab") as go:
            for start in range(begun, count, _TOGETHER):
                progress(start, count, "scores")
                for at, line, why in self._scored(start):
                    while broken and broken[0][0] < self._rows.place(at):
                        _put_broken(go, broken.popleft())
                    (go if why else stay).write(line + b"\n")
                self._reached.rows = min(start + _TOGETHER, count)
                if time.monotonic() - saved > _SAVED_SECONDS:
                    self._save((stay, go))
                    saved = time.monotonic()
            for one in broken:
                _put_broken(go, one)
            self._save((stay, go))

    def _scored(self, start: int) -> Iterator[tuple[int, bytes, bool]]:
        """Number, line and whether it goes, of the rows from `start` on."""
        numbers = range(start, min(start + _TOGETHER, len(self._rows)))
        texts = [self._rows[at] for at in numbers]
        found = {name: scorer(start, texts) for name, scorer in self._scorers.items()}
        for k, at in enumerate(numbers):
            scores = {name: round(float(values[k]), 4) for name, values in found.items()}
            why = _why(scores, self._bounds)
            self._take(scores, list(why))
            if why:
                reason = "; ".join(f"{name} {said}" for name, said in why.items())
                aside = Aside.of(self._rows.place(at), list(why), reason, self._rows.line(at))
                line = msgspec.json.encode(msgspec.structs.replace(aside, scores=scores))
            else:
                line = msgspec.json.encode({**self._rows.row(at), "scores": scores})
            yield at, line, bool(why)

    def _save(self, files: tuple[BinaryIO, BinaryIO]) -> None:
        for file in files:
            file.flush()
            os.fsync(file.fileno())
        self._reached.sizes = (files[0].tell(), files[1].tell())
        draft = self._saved.with_name(f"{self._saved.name}.draft")
        draft.write_bytes(msgspec.json.encode(self._reached))
        draft.replace(self._saved)

    def finish(self) -> Scored:
        """Give the files their names."""
        for draft, place in zip(self._drafts, self._places, strict=True):
            draft.replace(place)
        self._saved.unlink(missing_ok=True)
        with self._places[0].open("rb") as file:
            kept = sum(1 for _ in file)
        spread = {name: _percentiles(values) for name, values in self._values.items()}
        return Scored(len(self._rows), kept, dict(self._gone), spread)


def _put_broken(file: BinaryIO, row: tuple[int, str, bytes]) -> None:
    place, reason, line = row
    file.write(msgspec.json.encode(Aside.of(place, [BROKEN], reason, line)) + b"\n")


def _sign(rows: RowFile, told: Any) -> str:
    """A hash of the file's size and time and of what is asked: another one is another run."""
    found = rows.path.stat()
    whole = [str(rows.path), found.st_size, found.st_mtime_ns, rows.field, told]
    return sha256(json.dumps(whole, sort_keys=True, default=str).encode()).hexdigest()


def _why(scores: Mapping[str, float], bounds: Mapping[str, Bound]) -> dict[str, str]:
    found = {name: bound.broken_by(scores[name]) for name, bound in bounds.items()}
    return {name: said for name, said in found.items() if said}


def _percentiles(values: Sequence[float]) -> tuple[float, float, float]:
    low, middle, high = np.percentile(values, (1, 50, 99)).tolist()
    return low, middle, high
