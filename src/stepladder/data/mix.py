"""Sources mixed into one training file: by weight, classes balanced where asked for, the same rows for the same seed."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec
import numpy as np

from stepladder.core import BadRequest
from stepladder.data.log import find
from stepladder.data.rowfile import RowFile, write_rows


@dataclass(frozen=True, slots=True)
class Mixture:
    """How to mix. `rows` in all (None: as many as the weights allow without repeating any); each row at most `repeat` times.

    `balance` names a field whose values get equal numbers of rows within each source, as far as there are that many.
    """

    rows: int | None = None
    balance: str = ""
    repeat: int = 1
    seed: int = 0


@dataclass(frozen=True, slots=True)
class Mixed:
    """What came of one source: rows it has, rows taken (repeats counted), and rows it was short of."""

    source: str
    weight: float
    has: int
    taken: int
    short: int


def mix(
    sources: Sequence[tuple[Path, float]], mixture: Mixture, out: Path, text: str = "input"
) -> list[Mixed]:
    """Write a shuffled mixture; a row without a `source` gets its file's name. Raises BadRequest for weights that are none."""
    if (
        not sources
        or any(not (math.isfinite(weight) and weight > 0) for _, weight in sources)
        or mixture.repeat < 1
    ):
        raise BadRequest(
            "The weights are none.", param="sources", remedy="Write FILE=0.7 FILE=0.3, each above 0."
        )
    random = np.random.default_rng(mixture.seed)
    opened: list[RowFile] = []
    try:
        for path, _ in sources:
            opened.append(RowFile(path, text))
        wanted = _wanted([len(rows) for rows in opened], [weight for _, weight in sources], mixture)
        picked = [_picked(rows, count, mixture, random) for rows, count in zip(opened, wanted, strict=True)]
        order = [(number, at) for number, found in enumerate(picked) for at in found]
        shuffled = [order[place] for place in random.permutation(len(order)).tolist()]
        write_rows(out, (_line(opened[number], at) for number, at in shuffled))
        return [
            Mixed(path.name, weight, len(rows), len(found), count - len(found))
            for (path, weight), rows, found, count in zip(sources, opened, picked, wanted, strict=True)
        ]
    finally:
        for rows in opened:
            rows.close()


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


def _picked(rows: RowFile, count: int, mixture: Mixture, random: np.random.Generator) -> list[int]:
    if not mixture.balance:
        return _drawn(list(range(len(rows))), count, mixture.repeat, random)
    classes: dict[str, list[int]] = {}
    for at in range(len(rows)):
        classes.setdefault(str(find(rows.row(at), mixture.balance)), []).append(at)
    found: list[int] = []
    waiting = sorted(classes.values(), key=len)
    for number, members in enumerate(waiting):  # the small ones first: what they lack, the others share
        quota = (count - len(found)) // (len(waiting) - number)
        found += _drawn(members, quota, mixture.repeat, random)
    return found


def _drawn(members: Sequence[int], count: int, repeat: int, random: np.random.Generator) -> list[int]:
    """So many members at random, each once before any a second time."""
    found: list[int] = []
    for _ in range(repeat):
        if len(found) < count:
            order = random.permutation(len(members))[: count - len(found)]
            found += [members[place] for place in order.tolist()]
    return found


def _line(rows: RowFile, at: int) -> bytes:
    row = rows.row(at)
    return rows.line(at) if "source" in row else msgspec.json.encode({**row, "source": rows.path.name})
