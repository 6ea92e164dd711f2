"""What a recipe of a rung will take, told before it starts: it is fitted on ever more of the rows, in a process of its own.

The pilot ends with the first fit but one that takes a second. Time goes on from its last two fits by their power law (Goldsmith
et al. 2007, "Measuring empirical computational complexity"), whose exponent is taken from the processors' time, since others'
work does not count there; memory and the artefact's size go on by the line through them. So it holds for
every recipe, plug-ins too, and needs no word of theirs; a recipe that does less beyond some number of rows is overrated.
"""

import json
import math
import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import msgspec

from stepladder.core import ConfigError, DataError, Dataset, Example, StepladderError, Task, plugins

_FIRST = 64  # rows of the first fit
_ENOUGH = 1.0  # seconds of a fit that need no longer one
_LEAST, _MOST = 0.5, 2.0  # exponents of the power law


@dataclass(frozen=True, slots=True)
class Fit:
    """One fit: `rows` learned, `seconds` by the clock and of `work` by the processors, the most `memory` that the process had
    held by then, and the artefact's `disk`, in bytes."""

    rows: int
    seconds: float
    work: float
    memory: int
    disk: int


@dataclass(frozen=True, slots=True)
class Foretold:
    """What fitting `rows` will take, from a pilot on `tried` of them."""

    rows: int
    tried: int
    seconds: float
    memory: float
    disk: float

    def money(self, price_per_hour: float) -> float:
        """What the time costs."""
        return self.seconds / 3600 * price_per_hour


def foretell(task: Task, recipe: str, examples: Sequence[Example], settings: Mapping[str, Any]) -> Foretold:
    """Fit some of the examples and say what all will take.

    Raises UnknownPlugin, ConfigError for a setting, MissingExtra, DataError where not even all rows can be learned.
    """
    plugins.find(plugins.RECIPES, recipe)
    asked = {"task": task, "recipe": recipe, "examples": list(examples), "settings": dict(settings)}
    done = subprocess.run(
        [sys.executable, "-P", "-m", __name__],
        input=msgspec.json.encode(asked),
        capture_output=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        check=False,
    )
    lines = done.stdout.splitlines()
    told: dict[str, Any] = json.loads(lines[-1]) if lines else {"message": _closing(done.stderr)}
    if "message" in told:
        kind = ConfigError if told.get("kind") == "ConfigError" else DataError
        raise kind(told["message"], remedy=told.get("remedy", ""), param=told.get("param"))
    return carried(msgspec.convert(told["fits"], list[Fit]), len(examples))


def carried(fits: Sequence[Fit], rows: int) -> Foretold:
    """From the last two fits to so many rows; the last one alone where it learned them all, or is the only one."""
    last = fits[-1]
    if last.rows >= rows or len(fits) < 2:
        return Foretold(
            rows, last.rows, last.seconds * max(1.0, rows / last.rows), float(last.memory), float(last.disk)
        )
    before = fits[-2]
    power = math.log(max(last.work, 1e-6) / max(before.work, 1e-6)) / math.log(last.rows / before.rows)
    seconds = last.seconds * (rows / last.rows) ** min(_MOST, max(_LEAST, power))

    def line(old: int, new: int) -> float:
        return new + max(0, new - old) / (last.rows - before.rows) * (rows - last.rows)

    return Foretold(rows, last.rows, seconds, line(before.memory, last.memory), line(before.disk, last.disk))


def _closing(said: bytes) -> str:
    lines = said.decode(errors="replace").strip().splitlines()
    return f"The pilot broke off: {lines[-1][:300] if lines else 'it said nothing'}."


class _Asked(msgspec.Struct):
    task: Task
    recipe: str
    examples: list[Example]
    settings: dict[str, Any]


def main() -> None:
    """The process of its own: what to fit comes in as JSON, what it took goes out."""
    asked = msgspec.json.decode(sys.stdin.buffer.read(), type=_Asked)
    ranked = sorted(asked.examples, key=lambda one: sha256(one.id.encode()).digest())
    try:
        told: dict[str, Any] = {"fits": [msgspec.to_builtins(fit) for fit in _fits(asked, ranked)]}
    except StepladderError as error:
        told = {"kind": type(error).__name__, "message": error.message, "remedy": error.remedy}
        told |= {"param": error.param}
    sys.stdout.write("\n" + json.dumps(told) + "\n")


def _fits(asked: _Asked, ranked: Sequence[Example]) -> list[Fit]:
    """Each fit has rows of its own as long as there are enough: what a recipe remembers of others would flatter it."""
    fits: list[Fit] = []
    rows, used = min(_FIRST, len(ranked)), 0
    if rows < len(ranked):
        _fit(asked, ranked[:rows], quietly=True)  # so that libraries are loaded
        used = rows
    while True:
        first = used if used + rows <= len(ranked) else 0
        found = _fit(asked, ranked[first : first + rows], quietly=rows < len(ranked))
        used = first + rows
        fits += [found] if found else []
        if rows == len(ranked) or (len(fits) > 1 and fits[-1].seconds > _ENOUGH):
            return fits
        rows = min(2 * rows, len(ranked))


def _fit(asked: _Asked, examples: Sequence[Example], *, quietly: bool) -> Fit | None:
    """None where so few rows cannot be learned, as long as there are more."""
    recipe = plugins.find(plugins.RECIPES, asked.recipe)()
    with TemporaryDirectory(prefix="pilot-") as name:
        folder = Path(name) / asked.recipe
        folder.mkdir()
        began, busy = time.perf_counter(), sum(os.times()[:4])
        try:
            recipe.fit(
                asked.task,
                Dataset("", asked.task.name, {"train": tuple(examples)}),
                folder,
                settings=asked.settings,
                seed=0,
                progress=lambda done, total, what: None,
            )
        except DataError:
            if quietly:
                return None
            raise
        seconds, work = time.perf_counter() - began, sum(os.times()[:4]) - busy
        disk = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    return Fit(len(examples), seconds, work, _memory(), disk)


def _memory() -> int:
    """The most bytes that this process has held; 0 where the system does not tell."""
    try:
        told = Path("/proc/self/status").read_text(encoding="ascii")
    except OSError:
        return 0
    found = [line.split()[1] for line in told.splitlines() if line.startswith("VmHWM:")]
    return int(found[0]) * 1024 if found else 0


if __name__ == "__main__":
    main()
