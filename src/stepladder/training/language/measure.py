"""A step of compression, measured: size, time for a prompt, and how far what the model says has moved."""

import json
import math
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean, median
from time import perf_counter
from typing import Any

from stepladder.core import DataError
from stepladder.models import BlockingLlama
from stepladder.training.language.process import compress
from stepladder.training.language.rows import Row, read_rows, write_lines
from stepladder.training.language.served import LIKELIEST, ODD
from stepladder.training.language.weights import ADAPTER, BASE

_MOST = 100  # rows that are compared


@dataclass(frozen=True, slots=True)
class Measured:
    """Bytes and seconds (median, one prompt) before and after; `same` is the share of prompts after which the likeliest
    token is the same, `moved` the mean and `farthest` the largest difference of a token's probability."""

    size: tuple[int, int]
    seconds: tuple[float, float]
    prompts: int
    same: float
    moved: float
    farthest: float


def merged(adapter: Path, out: Path) -> Measured:
    """Merge an adapter into its base, and compare. Raises MissingExtra, DataError."""
    if out.exists():
        raise DataError(f"{out} is there already.", remedy="Give a new folder.")
    with tempfile.TemporaryDirectory(prefix="stepladder-merge-") as name:
        work = Path(name)
        asked, before, after = _asked(work, None), work / "before.json", work / "after.json"
        operations = [
            {"do": "merge", "adapter": str(adapter), "out": str(out)},
            {"do": "probe", "folder": str(adapter), "rows": asked, "out": str(before)},
            {"do": "probe", "folder": str(out), "rows": asked, "out": str(after)},
        ]
        compress(operations, work, lambda event: None)
        found = _read(before)
        return _compared((adapter, out), found, [_pairs(one) for one in _read(after)], _times(_read(after)))


def packed(folder: Path, out: Path, kind: str, data: Path | None) -> Measured:
    """Write a model or an adapter as a GGUF file, and compare what llama.cpp says from it. Raises MissingExtra, DataError.

    An adapter is written in 32 bit; of its base, which it is laid over, a file of this `kind` is made for the comparison.
    """
    if out.exists():
        raise DataError(f"{out} is there already.", remedy="Give a new file.")
    with tempfile.TemporaryDirectory(prefix="stepladder-gguf-") as name:
        work = Path(name)
        asked, before = _asked(work, data), work / "before.json"
        operations = [
            {"do": "gguf", "folder": str(folder), "out": str(out), "quantisation": kind},
            {"do": "probe", "folder": str(folder), "rows": asked, "out": str(before)},
        ]
        adapters = [out] if (folder / ADAPTER).exists() else []
        if adapters:
            base = json.loads((folder / BASE).read_bytes())["base"]
            operations.append(
                {"do": "gguf", "folder": base, "out": str(work / "base.gguf"), "quantisation": kind}
            )
        compress(operations, work, lambda event: None)
        found = _read(before)
        said, times = _ask_llama(work / "base.gguf" if adapters else out, found, adapters)
        return _compared((folder, out), found, said, times)


def _asked(work: Path, data: Path | None) -> str:
    """A file of prompts: the user's, or a few odd ones."""
    rows: Sequence[Row] = [{"prompt": [{"role": "user", "content": text}]} for text in ODD]
    if data is not None:
        rows = read_rows(data)[:_MOST]
    write_lines(work / "asked.jsonl", rows)
    return str(work / "asked.jsonl")


def _ask_llama(
    file: Path, found: Sequence[Mapping[str, Any]], adapters: Sequence[Path]
) -> tuple[list[dict[int, float]], list[float]]:
    longest = max(len(one["tokens"]) for one in found)
    llama = BlockingLlama(file, file.name, context=longest + 64, adapters=adapters)
    said, times = [], []
    try:
        # An end of the answer would come without probabilities, so a letter is made to come: those told are still the
        # model's own.
        letter = json.loads(llama.ask("/tokenize", {"content": "A"})[1])["tokens"][0]
        for one in found:
            body = {
                "prompt": one["tokens"],
                "n_predict": 1,
                "n_probs": 2 * LIKELIEST,
                "temperature": 0,
                "logit_bias": [[letter, 1000.0]],
                "cache_prompt": False,
            }
            began = perf_counter()
            status, reply = llama.ask("/completion", body)
            times.append(perf_counter() - began)
            if status != 200:
                raise DataError(
                    f"llama.cpp cannot answer from {file} ({status}).", remedy="Convert it again."
                )
            top = json.loads(reply)["completion_probabilities"][0]["top_logprobs"]
            said.append({int(each["id"]): float(each["logprob"]) for each in top})
    finally:
        llama.close()
    return said, times


def _compared(
    places: tuple[Path, Path],
    before: Sequence[Mapping[str, Any]],
    after: Sequence[Mapping[int, float]],
    times: Sequence[float],
) -> Measured:
    same, gaps = 0, []
    for one, said in zip(before, after, strict=True):
        pairs = _pairs(one)
        same += max(pairs, key=pairs.__getitem__) == max(said, key=said.__getitem__)
        gaps += [abs(math.exp(log) - math.exp(said.get(id, -math.inf))) for id, log in pairs.items()]
    return Measured(
        size=(_size(places[0]), _size(places[1])),
        seconds=(median(_times(before)), median(times)),
        prompts=len(before),
        same=same / len(before),
        moved=fmean(gaps),
        farthest=max(gaps),
    )


def _pairs(one: Mapping[str, Any]) -> dict[int, float]:
    return dict(zip(one["ids"], one["log_odds"], strict=True))


def _times(found: Sequence[Mapping[str, Any]]) -> list[float]:
    return [one["seconds"] for one in found]


def _read(path: Path) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(path.read_bytes())
    return found


def _size(place: Path) -> int:
    if place.is_file():
        return place.stat().st_size
    return sum(path.stat().st_size for path in place.rglob("*.safetensors"))
