"""Scores of every row, written beside it: what a small model thinks of a text. Rows beyond a bound are put aside, with why."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import msgspec
import numpy as np

from stepladder.core import BadRequest, Progress
from stepladder.data.rowfile import RowFile, whole_file

_TOGETHER = 256

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
) -> Scored:
    """Write every row with its `scores`: to the first place, or to the second with `why` where a score is out of bounds.

    Raises BadRequest for a bound on a score that there is not, and DataError where a place cannot be written.
    """
    for name in bounds.keys() - scorers.keys():
        raise BadRequest(
            f"There is no score {name!r}.", param=name, remedy=f"Scores here: {', '.join(scorers)}."
        )
    gone: Counter[str] = Counter()
    kept = 0
    values: dict[str, list[float]] = {name: [] for name in scorers}
    with whole_file(places[0]) as stay, whole_file(places[1]) as go:
        for start in range(0, len(rows), _TOGETHER):
            progress(start, len(rows), "scores")
            numbers = range(start, min(start + _TOGETHER, len(rows)))
            texts = [rows[at] for at in numbers]
            found = {name: scorer(start, texts) for name, scorer in scorers.items()}
            for k, at in enumerate(numbers):
                scores = {name: round(float(told[k]), 4) for name, told in found.items()}
                for name, value in scores.items():
                    values[name].append(value)
                why = _why(scores, bounds)
                gone.update(why.keys())
                kept += not why
                row = {**rows.row(at), "scores": scores} | ({"why": why} if why else {})
                (go if why else stay).write(msgspec.json.encode(row) + b"\n")
    spread = {name: _percentiles(told) for name, told in values.items()}
    return Scored(len(rows), kept, dict(gone), spread)


def _why(scores: Mapping[str, float], bounds: Mapping[str, Bound]) -> dict[str, str]:
    found = {name: bound.broken_by(scores[name]) for name, bound in bounds.items()}
    return {name: said for name, said in found.items() if said}


def _percentiles(values: Sequence[float]) -> tuple[float, float, float]:
    low, middle, high = np.percentile(values, (1, 50, 99)).tolist()
    return low, middle, high
