"""Certified batches against BARGAIN (arXiv 2509.02896), which runs in the same process, on the same rows and student.

A run: N rows of a shuffled file have recorded answers of GPT-3.5 and train; of the rest, a share T must equal GPT-3.5 with
probability 0.9. Ours is the product's own backtest. BARGAIN gets our student's answers and confidences as its proxy.
"""

import warnings
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from statistics import mean
from typing import Any

import numpy as np

from benchmarks.ladder_figures import spread
from benchmarks.ladder_stream import read
from stepladder.promise import binomial_test_greater

RISK = 0.1
LABELS = {"IMDB": 2500, "hate speech": 2000}
MOST = {"IMDB": 60, "hate speech": 300}
GOAL = {("IMDB", 0.9): 0.90, ("IMDB", 0.95): 0.73, ("hate speech", 0.9): 0.86, ("hate speech", 0.95): 0.69}
PUBLISHED = {  # BARGAIN with a TF-IDF logistic student, and the best threshold in hindsight of that student
    ("IMDB", 0.9): (0.718, 0.922),
    ("IMDB", 0.95): (0.483, 0.762),
    ("hate speech", 0.9): (0.551, 0.792),
    ("hate speech", 0.95): (0.351, 0.572),
}


def cells() -> dict[str, int]:
    """The cells, and how many seeds each may have."""
    return {f"{name} T={target}": MOST[name] for name, target in GOAL}


def run(cell: str, seed: int, data: Path) -> dict[str, Any]:
    """Ours and, where it is installed, BARGAIN on one shuffle."""
    from stepladder.interaction.backtest import Terms, backtest

    name, target = cell.split(" T=")
    terms = Terms(float(target), RISK, LABELS[name], seed)
    found = backtest(read(data, name), terms, lambda done, total, what: None)
    ours = {
        "calls_avoided": found.calls_avoided,
        "agreement": found.agreement,
        "accuracy_gold": found.accuracy_gold,
        "top_accuracy_gold": found.top_accuracy_gold,
        "calibration": found.calibration,
    }
    if find_spec("BARGAIN") is None:
        return {**ours, "bargain_skipped": "pip install bargain==0.1.3"}
    return {**ours, **_bargain(name, float(target), seed, data)}


@lru_cache(maxsize=4)
def _student(name: str, seed: int, data: Path) -> tuple[list[str], list[str], list[float]]:
    """Of the rows after the first N of a shuffle: GPT-3.5's answers, our linear student's, and its confidences."""
    import random

    from stepladder.training import fit_linear

    rows = list(read(data, name).rows)
    random.Random(seed).shuffle(rows)
    kept = rows[: LABELS[name]]
    model = fit_linear([row.text for row in kept], [row.answer for row in kept], seed=seed).model
    rest = rows[LABELS[name] :]
    guesses = [model.predict(row.text) for row in rest]
    return [row.answer for row in rest], [it.text for it in guesses], [it.confidence for it in guesses]


def _bargain(name: str, target: float, seed: int, data: Path) -> dict[str, Any]:
    """BARGAIN's own code on the student's answers, with its default settings."""
    from BARGAIN.models.AbstractModels import Oracle, Proxy
    from BARGAIN.process.BARGAIN_A import BARGAIN_A

    answers, guesses, confidences = _student(name, seed, data)

    class Recorded(Oracle):  # type: ignore[misc]
        def oracle_func(self, data_record: str, proxy_output: str) -> tuple[bool, str]:
            answer = answers[int(data_record)]
            return answer == proxy_output, answer

    class Student(Proxy):  # type: ignore[misc]
        def proxy_func(self, data_record: str) -> tuple[str, float]:
            return guesses[int(data_record)], confidences[int(data_record)]

    judge = BARGAIN_A(Student(verbose=False), Recorded(verbose=False), target, RISK, verbose=False, seed=seed)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        said, asked = judge.process([str(i) for i in range(len(answers))], return_oracle_usage=True)
    agreed = float(np.mean([a == b for a, b in zip(said, answers, strict=True)]))
    return {"bargain_avoided": 1.0 - float(np.mean(asked)), "bargain_agreement": agreed}


def report(rows: list[dict[str, Any]], folder: Path) -> list[str]:
    """The table."""
    del folder
    lines = [
        "## Certified batches, risk 0.1",
        "",
        "Share of the rows after the first N that are not sent to the top; calibration counts as sent. `p`: one-sided exact",
        'binomial test of "at most a tenth of the runs violate" (small would be bad; reshuffles of one file are not quite',
        "independent, so `benchmarks/promise.py` simulates known truth beside it). BARGAIN 0.1.3 runs in the same process",
        "on the same student; published: with its own TF-IDF logistic student, and that student's best threshold.",
        "",
        "| cell | N | runs | avoided | goal | agreement | violations | p | calibration calls | accuracy (top) "
        "| BARGAIN here | its violations | BARGAIN published (ceiling) | CPU s, both |",
        "|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|",
    ]
    for (name, target), goal in GOAL.items():
        runs = [row for row in rows if row["cell"] == f"{name} T={target}"]
        if runs:
            lines.append(_line(name, target, goal, runs))
    return lines


def _line(name: str, target: float, goal: float, runs: list[dict[str, Any]]) -> str:
    violated = sum(row["agreement"] < target for row in runs)
    theirs = [row for row in runs if "bargain_avoided" in row]
    beside, beaten = "not installed", ""
    if theirs:
        beside = spread([row["bargain_avoided"] for row in theirs])
        beaten = f"{sum(row['bargain_agreement'] < target for row in theirs)} of {len(theirs)}"
    published, ceiling = PUBLISHED[name, target]
    values = [
        f"{name} T={target}",
        f"{LABELS[name]:,}",
        str(len(runs)),
        spread([row["calls_avoided"] for row in runs]),
        f"{goal:.0%}",
        spread([row["agreement"] for row in runs]),
        str(violated),
        f"{binomial_test_greater(violated, len(runs), RISK):.2f}",
        f"{mean(row['calibration'] for row in runs):.0f}",
        f"{mean(row['accuracy_gold'] for row in runs):.1%} ({mean(row['top_accuracy_gold'] for row in runs):.1%})",
        beside,
        beaten,
        f"{published:.1%} ({ceiling:.1%})",
        f"{mean(row['cpu_seconds'] for row in runs):.0f}",
    ]
    return f"| {' | '.join(values)} |"
