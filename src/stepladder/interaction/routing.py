"""A router out of a file of pairs: read, judged by cross-validation, fitted on all of it, and saved."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from stepladder.core import DataError
from stepladder.evaluation import routing_curve
from stepladder.models import Embed, shared_embedder
from stepladder.training import fit_router

_FOLDS = 5


class Pair(msgspec.Struct, forbid_unknown_fields=False):
    """A question and how good each model's answer to it was, in any unit; true is 1, false 0."""

    input: str
    small: float | bool
    large: float | bool


@dataclass(frozen=True, slots=True)
class Study:
    """What a router of these pairs is worth on questions that it had not seen.

    APGR is the mean share of the quality gap that it recovers over all shares of calls of the large model (chance: .5); CPT50
    and CPT80 are the shares of calls that recover half and four fifths of it.
    """

    pairs: int
    small: float
    large: float
    apgr: float
    cpt50: float
    cpt80: float


def read_pairs(path: Path) -> list[Pair]:
    """The rows of a JSONL file. Raises DataError naming the line."""
    try:
        lines = path.read_bytes().splitlines()
    except OSError as error:
        raise DataError(
            f"Cannot read {path}: {error.strerror}.", remedy="Give a file of JSON lines."
        ) from error
    found = []
    for number, line in enumerate(lines, 1):
        if line.strip():
            try:
                found.append(msgspec.json.decode(line, type=Pair))
            except (msgspec.DecodeError, UnicodeDecodeError) as error:
                raise DataError(
                    f"{path}, line {number}: {error}",
                    remedy='Write {"input": question, "small": score, "large": score}.',
                ) from error
    return found


def make_router(pairs: list[Pair], out: Path, embedder: Mapping[str, Any] | None, *, seed: int = 0) -> Study:
    """Save a router of the pairs into `out`, and say what it is worth. Raises DataError, ConfigError, MissingExtra."""
    texts = [pair.input for pair in pairs]
    small, large = (np.array([float(getattr(pair, who)) for pair in pairs]) for who in ("small", "large"))
    embed, told = _embedding(embedder)
    curve = routing_curve(_foreseen(texts, large - small, embed, seed), small, large)
    fit_router(texts, large - small, embed=embed, embedded=told, seed=seed).save(out)
    return Study(
        len(pairs),
        float(small.mean()),
        float(large.mean()),
        curve.apgr,
        curve.calls_to(0.5),
        curve.calls_to(0.8),
    )


def _embedding(table: Mapping[str, Any] | None) -> tuple[Embed | None, Mapping[str, Any] | None]:
    if table is None:
        return None, None
    embedder = shared_embedder(table)
    return lambda text: embedder.embed([text])[0], {"settings": dict(table), "name": embedder.name}


def _foreseen(
    texts: list[str], gains: NDArray[np.float64], embed: Embed | None, seed: int
) -> NDArray[np.float64]:
    """The gain of each question as a router foresees it that had not seen its fold; equal texts share one."""
    numbers = {text: number for number, text in enumerate(dict.fromkeys(texts))}
    order = np.random.default_rng(seed).permutation(len(numbers)) % _FOLDS
    fold = np.array([order[numbers[text]] for text in texts], np.int64)
    foreseen = np.zeros(len(texts))
    for part in range(_FOLDS):
        kept, hidden = np.flatnonzero(fold != part), np.flatnonzero(fold == part)
        router = fit_router([texts[i] for i in kept], gains[kept], embed=embed, seed=seed)
        foreseen[hidden] = [router.gain(texts[i]) for i in hidden]
    return foreseen
