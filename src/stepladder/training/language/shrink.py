"""A step of compression with its price: size, time, memory and answers before and after, and a gate.

The answers are those to rows that the step has not seen. A step is refused where it cannot be said, at the risk given, that
so many answers are as the promise wants them; what it wrote is then taken away.
"""

import json
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from stepladder.core import BadRequest, DataError
from stepladder.promise import binomial_cdf
from stepladder.training.labels import Classes
from stepladder.training.language.process import Event, compress
from stepladder.training.language.rows import write_lines
from stepladder.training.language.weights import writes
from stepladder.training.logistic import fit_head

Row = Mapping[str, Any]
"""{"prompt", "completion"} (messages) for a model that writes, {"text", "label"} for an encoder."""

_JUDGED = 3  # one row in three is judged by, and not seen by the step
_MOST = 400  # rows that are judged by
_RIDGE = 1e-3


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
    memory of a process that answers, and the share of answers that are `right`; `same` is the share of `rows` whose answer
    stayed. `refused` says why what was written was taken away again, where it was."""

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
    """Do a step ({"do": "prune" | "layers" | "vocabulary" | "onnx", ...}) and measure it.

    Raises MissingExtra, DataError, BadRequest where `out` is there or the rows are too few.
    """
    if out.exists():
        raise BadRequest(f"{out} is there already.", param="--out", remedy="Give a new folder.")
    judged, seen = split(rows)
    if len(judged) < 2:
        raise BadRequest(f"{len(rows)} rows are too few.", param="--data", remedy="Give some hundreds.")
    listen = tell or _nobody
    with tempfile.TemporaryDirectory(prefix="stepladder-shrink-") as name:
        work = Path(name)
        write_lines(work / "seen.jsonl", seen)
        write_lines(work / "judged.jsonl", judged)
        more = {"rows": str(work / "seen.jsonl")} if step["do"] in ("layers", "vocabulary") else {}
        compress([{**step, "folder": str(folder), "out": str(out), **more}], work, listen)
        found = [_weighed(place, work, str(number)) for number, place in enumerate((folder, out))]
        if not writes(folder):
            found = [
                _with_head(place, one, (seen, judged), work)
                for place, one in zip((folder, out), found, strict=True)
            ]
    shrunk = _compared((folder, out), found, judged)
    refused = gate.refuses(shrunk)
    if refused:
        shutil.rmtree(out)
    return replace(shrunk, refused=refused)


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


def _with_head(
    place: Path, told: dict[str, Any], rows: tuple[Sequence[Row], Sequence[Row]], work: Path
) -> dict[str, Any]:
    """Answers out of an encoder's vectors: a head fitted to the rows that were seen says the label of the others."""
    seen, judged = rows
    classes = Classes.of([row["text"] for row in seen], [row["label"] for row in seen])
    here, there = (np.array(told[key], np.float32) for key in ("seen", "judged"))
    centre = here.mean(axis=0)
    head = fit_head(here - centre, classes.numbers, len(classes.names), _RIDGE)
    said = [classes.names[int(k)] for k in head.scores(there - centre).argmax(axis=1)]
    return {**told, "answers": said, "wanted": [row["label"] for row in judged]}


def _compared(places: tuple[Path, Path], found: Sequence[Mapping[str, Any]], judged: Sequence[Row]) -> Shrunk:
    before, after = found
    right = [
        sum(said == wanted for said, wanted in zip(one["answers"], one["wanted"], strict=True)) / len(judged)
        for one in found
    ]
    same = sum(one == other for one, other in zip(before["answers"], after["answers"], strict=True)) / len(
        judged
    )
    sizes = [_sizes(place) for place in places]
    return Shrunk(
        (sizes[0][0], sizes[1][0]),
        (sizes[0][1], sizes[1][1]),
        (median(before["seconds"]), median(after["seconds"])),
        (before["memory"], after["memory"]),
        (right[0], right[1]),
        same,
        len(judged),
    )


def _sizes(place: Path) -> tuple[int, int]:
    """Bytes of the weights that are served, plain and packed."""
    import zlib

    whole = packed = 0
    files = list(place.rglob("*.onnx")) or [*place.rglob("*.safetensors")]
    if not files:
        raise DataError(f"{place} holds no weights.", remedy="Give a whole Hugging Face folder.")
    for path in files:
        press = zlib.compressobj(1)
        with path.open("rb") as file:
            while part := file.read(1 << 22):
                whole += len(part)
                packed += len(press.compress(part))
        packed += len(press.flush())
    return whole, packed
