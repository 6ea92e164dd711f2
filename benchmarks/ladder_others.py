"""What other benchmarks of this folder measure of the ladder engine: each is run as the command that it says it is.

Their results stand in files of their own, with machine and date; the page quotes these files.
"""

import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from statistics import mean
from typing import Any

RESULTS = Path(__file__).parent / "results"
Told = Callable[[Any], str]


@dataclass(frozen=True, slots=True)
class Other:
    """A benchmark: what it shows, its command (DATA is the folder of the sets), its result file, and what that says."""

    shows: str
    command: tuple[str, ...]
    file: str
    told: Told


def _curves(found: Any) -> str:
    sets = {name: sorted({run["labels"] for run in runs}) for name, runs in found["sets"].items()}
    said = "; ".join(f"{name} {sizes[0]:,} … {sizes[-1]:,} labels" for name, sizes in sets.items())
    return f"{said}; tables, plots and cross-over points: [rungs.md](rungs.md)"


def _fields(found: Any) -> str:
    lines = found["lines"]
    worst = min(lines, key=lambda line: mean(line["trees"]))
    said = " / ".join(f"{100 * mean(mean(line[way]) for line in lines):.1f}" for way in ("trees", "pasted"))
    return (
        f"trees / pasted {said} % (at most 95); trees at the worst place of 40 (a {worst['kind']}, "
        f"place {worst['place']}) {100 * mean(worst['trees']):.1f} %: [trees.md](trees.md)"
    )


def _delisted(found: Any) -> str:
    edit, answer = found["edit_ms"], found["next_answer_ms"]
    return (
        f"the edit's request {edit['p50']} ms p50, {edit['p99']} p99; the next answer, over HTTP, {answer['p50']} ms p50, "
        f"{answer['p99']} p99; {found['edits']} edits, of which {found['kept_before']} were in the cache and "
        f"{found['linear_before']} answered by `linear` before"
    )


def _intent(found: Any) -> str:
    rounds = {
        name: [f"{row['p50_ms']} / {row['p99_ms']}" for row in rows] for name, rows in found["tasks"].items()
    }
    said = "; ".join(f"{name} {', '.join(each)} ms" for name, each in rounds.items())
    load = [row["load_average"] for rows in found["tasks"].values() for row in rows]
    return f"p50 / p99 of each round: {said}; load average {min(load)} to {max(load)}: [intent.md](intent.md)"


def _linear(found: Any) -> str:
    (line,) = [line for line in found["lines"] if line["set"] == "banking77"]
    return (
        f"{line['train']:,} rows, 77 classes: fit {line['fit_s'][0]:.1f} ± {line['fit_s'][1]:.1f} s, a question "
        f"{line['p50_us'][0]:.0f} ± {line['p50_us'][1]:.0f} µs p50: [linear.md](linear.md)"
    )


def _dictionary(found: Any) -> str:
    edit = found["edit_and_find_us"]
    return (
        f"{found['entries']:,} entries: a question {found['find_us']['p50']} µs p50, {found['find_us']['p99']} p99; an edit "
        f"until a question finds it {edit['p50']} µs p50, {edit['max']:,.0f} at most; {found['peak_mb']} MB"
    )


def _discover(found: Any) -> str:
    tasks, many = sum(one["found"] for one in found), sum(one["too_many"] for one in found)
    return f"{tasks} of {5 * len(found)} applications found in {len(found)} logs, {many} too many"


def _simulated(found: Any) -> str:
    cases = found["lines"]
    worst = max(cases, key=lambda case: case["violations"] / case["runs"] / case["risk"])
    return (
        f"{len(cases)} cases of {worst['runs']:,} runs; nearest to its risk: {worst['what']}, {worst['case']}, "
        f"{worst['violations'] / worst['runs']:.2%} at risk {worst['risk']:.0%}: [promise.md](promise.md)"
    )


def _batches(found: Any) -> str:
    worst = max(found["lines"], key=lambda case: case["violations"] / case["runs"] / case["risk"])
    return (
        f"{len(found['lines'])} worlds of {worst['runs']:,} runs; nearest to its risk: {worst['world']}, "
        f"{worst['violations'] / worst['runs']:.2%} at risk {worst['risk']:.0%}: [promise_batches.md](promise_batches.md)"
    )


OTHERS = {
    "simulation": Other(
        "Violations where the truth is known",
        ("benchmarks/promise.py", "--runs", "10000", "--json", "benchmarks/results/promise.json"),
        "promise.json",
        _simulated,
    ),
    "batches": Other(
        "The same, of batches that are learnt from before they are certified",
        ("benchmarks/promise_batches.py", "--runs", "10000"),
        "promise_batches.json",
        _batches,
    ),
    "curves": Other(
        "Learning curves, fastText beside ours",
        ("benchmarks/rungs.py", "--data", "DATA", "--seeds", "5"),
        "rungs.json",
        _curves,
    ),
    "fields": Other(
        "Fields in columns against fields in the text, by position",
        ("benchmarks/trees.py", "--seeds", "3"),
        "trees.json",
        _fields,
    ),
    "linear": Other(
        "Speed of `linear`",
        ("benchmarks/linear.py", "--data", "DATA", "--json", "benchmarks/results/linear.json"),
        "linear.json",
        _linear,
    ),
    "dictionary": Other(
        "Speed of `dictionary`", ("benchmarks/dictionary.py",), "dictionary.json", _dictionary
    ),
    "delisted": Other(
        "A product is delisted: the next answer",
        ("-m", "benchmarks.delisted"),
        "delisted.json",
        _delisted,
    ),
    "intent": Other(
        "Intents over HTTP, beside a model of 500 ms",
        ("-m", "benchmarks.gateway.intent", "--data", "DATA", "--write"),
        "intent.json",
        _intent,
    ),
    "discover": Other(
        "`discover` on mixed logs by another hand",
        ("-m", "benchmarks.blind_traffic", "--json", "benchmarks/results/discover.json", "--seed", *"56789"),
        "discover.json",
        _discover,
    ),
}


def cells() -> dict[str, int]:
    """Each is run once."""
    return dict.fromkeys(OTHERS, 1)


def run(cell: str, seed: int, data: Path) -> dict[str, Any]:
    """The command, in a process of its own, from the root of the repository. Raises CalledProcessError."""
    del seed
    words = [str(data) if word == "DATA" else word for word in OTHERS[cell].command]
    subprocess.run([sys.executable, *words], cwd=RESULTS.parents[1], check=True)
    return {"command": f"python {' '.join(OTHERS[cell].command)}"}


def report(rows: list[dict[str, Any]], folder: Path) -> list[str]:
    """One line a benchmark, from its file: also of one that was run by hand."""
    del rows, folder
    lines = [
        "## Measured by benchmarks of their own",
        "",
        "| what | found | how | when |",
        "|---|---|---|---|",
    ]
    for other in OTHERS.values():
        file = RESULTS / other.file
        if file.exists():
            found = json.loads(file.read_text("utf-8"))
            when = found.get("date", "") if isinstance(found, dict) else ""
            lines.append(
                f"| {other.shows} | {other.told(found)} | `python {' '.join(other.command)}` | {when} |"
            )
        else:
            lines.append(f"| {other.shows} | not run | `python {' '.join(other.command)}` | |")
    return lines
