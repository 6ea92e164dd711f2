"""Slots on snips: F1 of slots, whole answers right, and how many are answered low at a target.

    python benchmarks/tagger.py --data ../shared/data --sizes 500 2000 13084

Each answer is the JSON {"intent", "slots": {name: value}}; an answer is right where all of it is. A slot counts where name
and value are those of the label. *Low at T* is by the best threshold in hindsight. Writes results/tagger.json.
"""

import argparse
import datetime
import gzip
import json
import platform
import random
import time
from pathlib import Path
from typing import Any

import numpy as np

from stepladder.core import Guess
from stepladder.training import fit_tagger

HERE = Path(__file__).parent


def main() -> None:
    """Run every size once and write the figures."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--sizes", type=int, nargs="+", default=[500, 2000])
    asked = parser.parse_args()
    with gzip.open(asked.data / "snips.jsonl.gz", "rt", encoding="utf-8") as file:
        rows = [json.loads(line) for line in file]
    learned = [row for row in rows if row["split"] == "train"]
    judged = [row for row in rows if row["split"] == "test"]
    random.Random(0).shuffle(learned)
    lines = [_run(learned[:size], judged) for size in asked.sizes]
    figures = {
        "command": f"python benchmarks/tagger.py --sizes {' '.join(map(str, asked.sizes))}",
        "machine": f"one of 2 shared cores, Python {platform.python_version()}",
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "lines": lines,
    }
    (HERE / "results" / "tagger.json").write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")


def _answer(row: dict[str, Any]) -> str:
    slots: dict[str, str] = {}
    for name, value in row["slots"]:
        slots.setdefault(name, value)
    return json.dumps({"intent": row["label"], "slots": slots}, ensure_ascii=False)


def _run(learned: list[dict[str, Any]], judged: list[dict[str, Any]]) -> dict[str, Any]:
    began = time.process_time()
    fitted = fit_tagger([row["text"] for row in learned], [_answer(row) for row in learned])
    spent = time.process_time() - began
    began = time.process_time()
    guesses = fitted.model.predict([row["text"] for row in judged])
    figures = {
        "labels": len(learned),
        "fit_cpu_s": round(spent, 1),
        "predict_cpu_ms": round((time.process_time() - began) / len(judged) * 1000, 2),
        **_judge(guesses, judged),
    }
    print(figures, flush=True)
    return figures


def _judge(guesses: list[Guess], judged: list[dict[str, Any]]) -> dict[str, float]:
    both = said = there = named = 0
    wrong = []
    for guess, row in zip(guesses, judged, strict=True):
        found, truth = json.loads(guess.text), json.loads(_answer(row))
        slots, true_slots = set(found["slots"].items()), set(truth["slots"].items())
        both, said, there = both + len(slots & true_slots), said + len(slots), there + len(true_slots)
        named += found["intent"] == truth["intent"]
        wrong.append(found != truth)
    sure = np.array([guess.confidence for guess in guesses])
    falling = np.cumsum(np.array(wrong)[np.argsort(-sure, kind="stable")])
    low = {
        f"low_{target:.2f}": float(
            np.searchsorted(falling, int((1 - target) * len(wrong)), side="right") / len(wrong)
        )
        for target in (0.90, 0.95)
    }
    return {
        "slot_f1": 2 * both / (said + there),
        "intent_accuracy": named / len(judged),
        "whole_answers_right": 1 - float(np.mean(wrong)),
        "mean_confidence": float(sure.mean()),
        **low,
    }


if __name__ == "__main__":
    main()
