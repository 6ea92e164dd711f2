"""A step of compression, measured: size, time for a prompt, memory, and how far what the model says has moved."""

import json
import math
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import fmean, median
from typing import Any

from stepladder.core import DataError
from stepladder.training.language.gguf_weighing import Asked
from stepladder.training.language.process import Event, compress
from stepladder.training.language.rows import write_lines
from stepladder.training.language.served import LIKELIEST, ODD, TOLERANCE
from stepladder.training.language.weights import ADAPTER, BASE


@dataclass(frozen=True, slots=True)
class Measured:
    """Bytes on the disk, seconds (median, one prompt) and bytes of memory of a process that answers (0: not told), before and
    after; `same` is the share of prompts after which the likeliest
    token is the same, `moved` the mean and `farthest` the largest difference of a token's probability. `refused` says why
    what was written was taken away again, where it was."""

    size: tuple[int, int]
    seconds: tuple[float, float]
    memory: tuple[int, int]
    prompts: int
    same: float
    moved: float
    farthest: float
    refused: str = ""


def merged(adapter: Path, out: Path) -> Measured:
    """Merge an adapter into its base, and compare. Raises MissingExtra, DataError."""
    if out.exists():
        raise DataError(f"{out} is there already.", remedy="Give a new folder.")
    with tempfile.TemporaryDirectory(prefix="stepladder-merge-") as name:
        work = Path(name)
        asked, before, after = _asked(work), work / "before.json", work / "after.json"
        operations = [  # first the answers, so that the process has held nothing else by then
            {"do": "probe", "folder": str(adapter), "rows": asked, "out": str(before)},
            {"do": "merge", "adapter": str(adapter), "out": str(out)},
        ]
        compress(operations, work, _nobody)
        compress([{"do": "probe", "folder": str(out), "rows": asked, "out": str(after)}], work, _nobody)
        said = _read(after)
        now = _Now([_pairs(one) for one in said], [one["seconds"] for one in said], _most(said))
        return _judged(_compared((adapter, out), _read(before), now), out)


def packed(folder: Path, out: Path, kind: str) -> Measured:
    """Write a model or an adapter as a GGUF file, and compare what llama.cpp says from it. Raises MissingExtra, DataError.

    An adapter is written in 32 bit; of its base, which it is laid over, a file of this `kind` is made for the comparison.
    """
    if out.exists():
        raise DataError(f"{out} is there already.", remedy="Give a new file.")
    with tempfile.TemporaryDirectory(prefix="stepladder-gguf-") as name:
        work = Path(name)
        asked, before = _asked(work), work / "before.json"
        operations = [
            {"do": "probe", "folder": str(folder), "rows": asked, "out": str(before)},
            {"do": "gguf", "folder": str(folder), "out": str(out), "quantisation": kind},
        ]
        adapters = [out] if (folder / ADAPTER).exists() else []
        if adapters:
            base = json.loads((folder / BASE).read_bytes())["base"]
            operations.append(
                {"do": "gguf", "folder": base, "out": str(work / "base.gguf"), "quantisation": kind}
            )
        compress(operations, work, _nobody)
        found = _read(before)
        now = _ask_llama(work / "base.gguf" if adapters else out, found, adapters)
        return _judged(_compared((folder, out), found, now), out)


@dataclass(frozen=True, slots=True)
class _Now:
    """What is said after a step: each prompt's tokens with their log-probabilities, its seconds, and the process's memory."""

    odds: Sequence[Mapping[int, float]]
    seconds: Sequence[float]
    memory: int


def _nobody(event: Event) -> None:
    """Nobody listens."""


def _judged(found: Measured, out: Path) -> Measured:
    """Without rows to be right on, a step may not move what is said by more than a release may."""
    if found.farthest <= TOLERANCE:
        return found
    take_away(out)
    told = f"A token's probability moved by {found.farthest:.3f}; {TOLERANCE:g} is the most. --data judges by answers."
    return replace(found, refused=told)


def take_away(out: Path) -> None:
    """Remove what a refused step has written: a folder or a file."""
    if out.is_dir():
        shutil.rmtree(out)
    else:
        out.unlink()


def _asked(work: Path) -> str:
    """A file of a few odd prompts."""
    write_lines(work / "asked.jsonl", [{"prompt": [{"role": "user", "content": text}]} for text in ODD])
    return str(work / "asked.jsonl")


def _ask_llama(file: Path, found: Sequence[Mapping[str, Any]], adapters: Sequence[Path]) -> _Now:
    asked = Asked(file, adapters, max(len(one["tokens"]) for one in found) + 64)
    try:
        told = [asked.next(one["tokens"], 2 * LIKELIEST) for one in found]
        return _Now([said for said, _ in told], [took for _, took in told], asked.memory())
    finally:
        asked.close()


def _compared(places: tuple[Path, Path], before: Sequence[Mapping[str, Any]], now: _Now) -> Measured:
    same, gaps = 0, []
    for one, said in zip(before, now.odds, strict=True):
        pairs = _pairs(one)
        same += max(pairs, key=pairs.__getitem__) == max(said, key=said.__getitem__)
        gaps += [abs(math.exp(log) - math.exp(said.get(id, -math.inf))) for id, log in pairs.items()]
    return Measured(
        size=(_size(places[0]), _size(places[1])),
        seconds=(median(one["seconds"] for one in before), median(now.seconds)),
        memory=(_most(before), now.memory),
        prompts=len(before),
        same=same / len(before),
        moved=fmean(gaps),
        farthest=max(gaps),
    )


def _pairs(one: Mapping[str, Any]) -> dict[int, float]:
    return dict(zip(one["ids"], one["log_odds"], strict=True))


def _most(found: Sequence[Mapping[str, Any]]) -> int:
    return max(int(one["memory"]) for one in found)


def _read(path: Path) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(path.read_bytes())
    return found


def _size(place: Path) -> int:
    if place.is_file():
        return place.stat().st_size
    return sum(path.stat().st_size for path in place.rglob("*.safetensors"))
