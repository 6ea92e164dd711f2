"""Sources mixed into one training file: by weight, classes balanced where asked for, the same rows for the same seed.

Where each row's hardness is known, the hardest can be taken instead of any (active selection: Lewis and Gale 1994, "A
sequential algorithm for training text classifiers"), and the easy ones put first (a curriculum: Bengio et al. 2009).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec
import numpy as np

from stepladder.core import BadRequest, DataError
from stepladder.data.log import find
from stepladder.data.rowfile import RowFile, write_rows

Hardness = Sequence[Sequence[float]]
"""For each source, how hard each of its usable rows is: higher is harder."""

_By = tuple[np.random.Generator, Sequence[float] | None]


@dataclass(frozen=True, slots=True)
class Mixture:
    """How to mix. `rows` in all (None: as many as the weights allow without repeating any); each row at most `repeat` times.

    `balance` names a field whose values get equal numbers of rows within each source, as far as there are that many. `hardest`
    takes the hardest rows instead of any, `rising` writes the easiest first instead of shuffling.
    """

    rows: int | None = None
    balance: str = ""
    repeat: int = 1
    seed: int = 0
    hardest: bool = False
    rising: bool = False


@dataclass(frozen=True, slots=True)
class Mixed:
    """What came of one source: rows it has, rows taken (repeats counted), and rows it was short of."""

    source: str
    weight: float
    has: int
    taken: int
    short: int


def mix(
    sources: Sequence[tuple[Path, float]],
    mixture: Mixture,
    out: Path,
    text: str = "input",
    *,
    hardness: Hardness | None = None,
) -> list[Mixed]:
    """Write a shuffled mixture; a row without a `source` gets its file's name.

    Raises BadRequest for weights or numbers that are none, and DataError for a row without the field to balance.
    """
    _check(sources, mixture, hardness)
    random = np.random.default_rng(mixture.seed)
    opened: list[RowFile] = []
    try:
        for path, _ in sources:
            opened.append(RowFile(path, text))
        wanted = _wanted([len(rows) for rows in opened], [weight for _, weight in sources], mixture)
        hard = hardness if hardness is not None and mixture.hardest else [None] * len(opened)
        picked = [
            _picked(rows, count, mixture, (random, values))
            for rows, count, values in zip(opened, wanted, hard, strict=True)
        ]
        order = [(number, at) for number, found in enumerate(picked) for at in found]
        ordered = [order[place] for place in random.permutation(len(order)).tolist()]
        if mixture.rising and hardness is not None:
            ordered.sort(key=lambda place: hardness[place[0]][place[1]])
        write_rows(out, (_line(opened[number], at) for number, at in ordered))
        return [
            Mixed(path.name, weight, len(rows), len(found), count - len(found))
            for (path, weight), rows, found, count in zip(sources, opened, picked, wanted, strict=True)
        ]
    finally:
        for rows in opened:
            rows.close()


def _check(sources: Sequence[tuple[Path, float]], mixture: Mixture, hardness: Hardness | None) -> None:
    if not sources or any(not (math.isfinite(weight) and weight > 0) for _, weight in sources):
        raise BadRequest(
            "The weights are none.", param="sources", remedy="Write FILE=0.7 FILE=0.3, each above 0."
        )
    for name, count in (("--repeat", mixture.repeat), ("--rows", mixture.rows)):
        if count is not None and count < 1:
            raise BadRequest(f"{name} is {count}.", param=name, remedy="Give 1 or more.")
    if (mixture.hardest or mixture.rising) and hardness is None:
        raise BadRequest("Nothing says how hard a row is.", param="--rank", remedy="Write --rank length.")


def _wanted(sizes: Sequence[int], weights: Sequence[float], mixture: Mixture) -> list[int]:
    whole = sum(weights)
    total = mixture.rows
    if total is None:
        total = int(
            min(mixture.repeat * size * whole / weight for size, weight in zip(sizes, weights, strict=True))
        )
    exact = [total * weight / whole for weight in weights]
    counts = [int(share) for share in exact]
    for at in sorted(range(len(exact)), key=lambda at: counts[at] - exact[at])[: total - sum(counts)]:
        counts[at] += 1
    return counts


def _picked(rows: RowFile, count: int, mixture: Mixture, by: _By) -> list[int]:
    if not mixture.balance:
        return _drawn(list(range(len(rows))), count, mixture.repeat, by)
    classes: dict[str, list[int]] = {}
    for at in range(len(rows)):
        if (value := find(rows.row(at), mixture.balance)) is None:
            raise DataError(
                f"Usable row {at + 1} of {rows.path} has no {mixture.balance!r}.",
                remedy="Name the field with --balance.",
            )
        classes.setdefault(str(value), []).append(at)
    found: list[int] = []
    waiting = sorted(classes.values(), key=len)
    for number, members in enumerate(waiting):  # the small ones first: what they lack, the others share
        quota = (count - len(found)) // (len(waiting) - number)
        found += _drawn(members, quota, mixture.repeat, by)
    return found


def _drawn(members: Sequence[int], count: int, repeat: int, by: _By) -> list[int]:
    """So many members at random, or the hardest, each once before any a second time."""
    random, hard = by
    found: list[int] = []
    for _ in range(repeat):
        if len(found) < count:
            order = random.permutation(len(members)).tolist()
            if hard is not None:
                order.sort(key=lambda place: -hard[members[place]])
            found += [members[place] for place in order[: count - len(found)]]
    return found


def _line(rows: RowFile, at: int) -> bytes:
    row = rows.row(at)
    return rows.line(at) if "source" in row else msgspec.json.encode({**row, "source": rows.path.name})
