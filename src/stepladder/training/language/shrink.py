"""A step of compression with its price: size, time, memory and answers before and after, and a gate.

The answers are those to rows that the step has not seen. A step is refused where it cannot be said, at the risk given, that
so many answers are as the promise wants them; what it wrote is then taken away.
"""

import json
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from stepladder.core import BadRequest, DataError, StepladderError
from stepladder.promise import binomial_cdf
from stepladder.training.labels import Classes
from stepladder.training.language.gguf_weighing import weigh_gguf
from stepladder.training.language.measure import take_away
from stepladder.training.language.process import Event, compress
from stepladder.training.language.rows import write_lines
from stepladder.training.language.weights import ADAPTER, BASE, writes
from stepladder.training.logistic import fit_head

Row = Mapping[str, Any]
"""{"prompt", "completion"} (messages) for a model that writes, {"text", "label"} for an encoder."""

_JUDGED = 3  # one row in three is judged by, and not seen by the step
_MOST = 400  # rows that are judged by
_RIDGE = 1e-3
_BASE_FILE = "base.gguf"


@dataclass(frozen=True, slots=True)
class Gate:
    """What must hold with probability at least 1 - `risk`: `same` of the answers are what they were before, and `right` of them
    (0: not asked for) are what the rows say."""

    same: float = 0.95
    right: float = 0.0
    risk: float = 0.1

    def refuses(self, shrunk: "Shrunk") -> str:
        """Why, or ""."""
        for share, wanted, what in (
            (shrunk.same, self.same, "are what they were"),
            (shrunk.right[1], self.right, "are right"),
        ):
            wrong = round(shrunk.rows * (1 - share))
            if wanted and binomial_cdf(wrong, shrunk.rows, 1 - wanted) > self.risk:
                return (
                    f"{share:.1%} of {shrunk.rows} answers {what}; that does not show {wanted:.1%} at a risk of "
                    f"{self.risk:g}."
                )
        return ""


@dataclass(frozen=True, slots=True)
class Shrunk:
    """Before and after: bytes on the disk (`size`) and packed by gzip (`packed`), seconds for an answer (median), bytes of
    memory of a process that answers (both 0: not told, where only a GPU's kernels could tell), and the share of answers that
    are `right`; `same` is the share of `rows` whose answer stayed. `refused` says why what was written was taken away again,
    where it was."""

    size: tuple[int, int]
    packed: tuple[int, int]
    seconds: tuple[float, float]
    memory: tuple[int, int]
    right: tuple[float, float]
    same: float
    rows: int
    refused: str = ""


def shrink(
    step: Mapping[str, Any], folder: Path, out: Path, rows: Sequence[Row], *, gate: Gate, tell: Any = None
) -> Shrunk:
    """Do a step and measure it: {"do": "merge" | "gguf" | "torchao" | "four_bit" | "prune" | "layers" | "vocabulary" | "onnx",
    ...}.

    Raises MissingExtra, DataError, BadRequest where `out` is there or the rows are too few.
    """
    if out.exists():
        raise BadRequest(f"{out} is there already.", param="--out", remedy="Give a new folder.")
    judged, seen = split(rows)
    if len(judged) < 2:
        raise BadRequest(f"{len(rows)} rows are too few.", param="--data", remedy="Give some hundreds.")
    with tempfile.TemporaryDirectory(prefix="stepladder-shrink-") as name:
        work = Path(name)
        write_lines(work / "seen.jsonl", seen)
        write_lines(work / "judged.jsonl", judged)
        try:
            compress(_operations(step, folder, out, work), work, tell or _nobody)
            shrunk = _measured(folder, out, (seen, judged), work)
        except StepladderError:
            if out.exists():  # nobody knows what it is worth
                take_away(out)
            raise
    refused = gate.refuses(shrunk)
    if refused:
        take_away(out)
    return replace(shrunk, refused=refused)


def _operations(step: Mapping[str, Any], folder: Path, out: Path, work: Path) -> list[dict[str, Any]]:
    """The worker's. An adapter that becomes a GGUF file is laid over its base, of which one is made too."""
    places: dict[str, Any] = {"adapter" if step["do"] == "merge" else "folder": str(folder), "out": str(out)}
    if step["do"] in ("layers", "vocabulary", "four_bit"):
        places["rows"] = str(work / "seen.jsonl")
    found = [{**step, **places}]
    if step["do"] == "gguf" and (folder / ADAPTER).exists():
        found.append({**step, "folder": str(_base(folder)), "out": str(work / _BASE_FILE)})
    return found


def _measured(folder: Path, out: Path, rows: tuple[Sequence[Row], Sequence[Row]], work: Path) -> "Shrunk":
    before = _weighed(folder, work, "before")
    if out.is_file():
        own = (folder / ADAPTER).exists()
        served = [work / _BASE_FILE, out] if own else [out]
        after = weigh_gguf(served[0], served[1:], before, folder / "tokenizer.json")
    else:
        served, after = [out], _weighed(out, work, "after")
        if not writes(folder):
            before, after = _with_head(before, rows), _with_head(after, rows)
    return _compared((_files(folder), [file for place in served for file in _files(place)]), (before, after))


def split(rows: Sequence[Row]) -> tuple[list[Row], list[Row]]:
    """A third to judge by, and the others: the same ones every time, whatever their order."""
    ranked = sorted(rows, key=lambda row: sha256(json.dumps(row, sort_keys=True).encode()).digest())
    judged = ranked[: len(ranked) // _JUDGED]
    return judged[:_MOST], ranked[len(judged) :]


def _nobody(event: Event) -> None:
    """Nobody listens."""


def _weighed(place: Path, work: Path, name: str) -> dict[str, Any]:
    """What a process of its own says of a folder's model."""
    out = work / f"{name}.json"
    asked = {"judged": str(work / "judged.jsonl"), "seen": str(work / "seen.jsonl")}
    compress([{"do": "weigh", "folder": str(place), "out": str(out), **asked}], work, _nobody)
    told: dict[str, Any] = json.loads(out.read_bytes())
    return told


def _with_head(told: dict[str, Any], rows: tuple[Sequence[Row], Sequence[Row]]) -> dict[str, Any]:
    """Answers out of an encoder's vectors: a head fitted to the rows that were seen says the label of the others."""
    seen, judged = rows
    classes = Classes.of([row["text"] for row in seen], [row["label"] for row in seen])
    here, there = (np.array(told[key], np.float32) for key in ("seen", "judged"))
    centre = here.mean(axis=0)
    head = fit_head(here - centre, classes.numbers, len(classes.names), _RIDGE)
    said = [classes.names[int(k)] for k in head.scores(there - centre).argmax(axis=1)]
    return {**told, "answers": said, "wanted": [row["label"] for row in judged]}


def _compared(files: tuple[Sequence[Path], Sequence[Path]], found: Sequence[Mapping[str, Any]]) -> Shrunk:
    before, after = found
    rows = len(before["wanted"])
    right = [_agreement(one["answers"], one["wanted"]) for one in found]
    sizes = [_sizes(one) for one in files]
    return Shrunk(
        (sizes[0][0], sizes[1][0]),
        (sizes[0][1], sizes[1][1]),
        (median(before["seconds"]), median(after["seconds"])),
        (before["memory"], after["memory"]),
        (right[0], right[1]),
        _agreement(before["answers"], after["answers"]),
        rows,
    )


def _agreement(here: Sequence[str], there: Sequence[str]) -> float:
    return sum(one == other for one, other in zip(here, there, strict=True)) / len(here)


def _base(adapter: Path) -> Path:
    """The folder that an adapter was trained on."""
    return Path(json.loads((adapter / BASE).read_bytes())["base"])


def _files(place: Path) -> list[Path]:
    """The weights that are served; an adapter's stand on its base's. Raises DataError where there are none."""
    if place.is_file():
        return [place]
    found = list(place.rglob("*.onnx")) or [*place.rglob("*.safetensors")]
    if not found:
        raise DataError(f"{place} holds no weights.", remedy="Give a whole Hugging Face folder.")
    return [*_files(_base(place)), *found] if (place / ADAPTER).exists() else found


def _sizes(files: Sequence[Path]) -> tuple[int, int]:
    """Bytes of files, plain and packed."""
    import zlib

    whole = packed = 0
    for path in files:
        press = zlib.compressobj(1)
        with path.open("rb") as file:
            while part := file.read(1 << 22):
                whole += len(part)
                packed += len(press.compress(part))
        packed += len(press.flush())
    return whole, packed
