"""466 interruptions in 54 days: how often to keep a checkpoint, what share of the time counts, and a real run at that rate.

    python -m benchmarks.goodput [--json benchmarks/results/goodput.json]

Llama 3.1 405B's training (arXiv 2407.21783, section 3.3.4) was interrupted 466 times in 54 days, once in 2.8 hours.
*Simulated*: 54 days with failures at that rate, drawn from a seed, for checkpoints that stop the training for 60 s (written
while it waits) or 5 s (copied, and written behind it), and 10 minutes until a failed run goes on. *Real*: a tiny model is
trained once undisturbed and once killed with SIGKILL at drawn moments, as often to a checkpoint interval as in the
simulation's best case; both must end with the same weights, bit for bit. Needs the extra train.
"""

import argparse
import hashlib
import json
import math
import os
import platform
import random
import signal
import tempfile
from pathlib import Path
from typing import Any

from stepladder.training import language

DAYS, INTERRUPTIONS = 54, 466
BETWEEN = DAYS * 86_400 / INTERRUPTIONS
RESTART = 600.0
COSTS = {"written while it waits": 60.0, "written behind it": 5.0}


def simulated(interval: float, cost: float, seed: int) -> float:
    """The share of 54 days that went into work that counts."""
    draw = random.Random(seed)
    now = good = since = 0.0
    failure = draw.expovariate(1 / BETWEEN)
    while now < DAYS * 86_400:
        ready = now + interval + cost
        if failure >= ready:
            now, good = ready, good + interval
            continue
        since = failure + RESTART
        failure += draw.expovariate(1 / BETWEEN)
        while failure < since:  # it fails again before it goes on
            since = failure + RESTART
            failure += draw.expovariate(1 / BETWEEN)
        now = since
    return good / now


def simulation(runs: int) -> list[dict[str, Any]]:
    """Goodput over intervals, and the best of them beside the formula's."""
    found = []
    for what, cost in COSTS.items():
        daly = language.best_interval(cost, BETWEEN)
        grid = sorted({daly, math.sqrt(2 * cost * BETWEEN), *(60.0 * 2 ** (k / 2) for k in range(16))})
        curve = {
            round(interval, 1): sum(simulated(interval, cost, seed) for seed in range(runs)) / runs
            for interval in grid
        }
        best = max(curve, key=curve.__getitem__)
        found.append(
            {
                "checkpoints": what,
                "cost_s": cost,
                "young_s": round(math.sqrt(2 * cost * BETWEEN), 1),
                "daly_s": round(daly, 1),
                "goodput_at_daly": round(curve[round(daly, 1)], 4),
                "expected_at_daly": round(language.expected_goodput(daly, cost, RESTART, BETWEEN), 4),
                "best_simulated_s": best,
                "goodput_at_best": round(curve[best], 4),
                "hourly_goodput": round(sum(simulated(3600.0, cost, seed) for seed in range(runs)) / runs, 4),
                "curve": {str(key): round(value, 4) for key, value in curve.items()},
            }
        )
    return found


def real(steps: int, interval: int, between: float) -> dict[str, Any]:
    """A run that nobody disturbs, and one that is killed once in `between` steps on average."""
    settings = language.LanguageSettings(steps=steps, batch=8, length=64, threads=1, save_steps=interval)
    job = language.Job(
        "pretrain", "", settings, more=language.MethodSettings(vocabulary=320, layers=2, width=64, heads=4)
    )
    draw = random.Random(5)
    texts = [f"order {draw.randrange(10**6)} leaves on day {draw.randrange(365)}" for _ in range(400)]
    with tempfile.TemporaryDirectory(prefix="goodput-") as name:
        digests, made = [], []
        for what in ("alone", "killed"):
            folder = Path(name) / what
            folder.mkdir()
            language.write_lines(folder / "rows.jsonl", [{"text": text} for text in texts])
            made.append(language.train(job, folder, _Killer(draw, between) if what == "killed" else _nobody))
            digests.append(hashlib.sha256((folder / "model" / "model.safetensors").read_bytes()).hexdigest())
        lines = [json.loads(line) for line in (Path(name) / "killed" / "run.jsonl").read_text().splitlines()]
    kept = [one for one in lines if one["event"] == "checkpoint"]
    return {
        "steps": steps,
        "checkpoint_every_steps": interval,
        "steps_between_failures": round(between, 1),
        "killed": made[1].deaths,
        "same_weights": digests[0] == digests[1],
        "sha256": digests[1][:16],
        "steps_done_twice": sum(one["event"] == "step" for one in lines) - steps,
        "goodput": round(made[1].goodput, 3),
        "goodput_alone": round(made[0].goodput, 3),
        "seconds_waited_for_a_checkpoint": round(sum(one["seconds"] for one in kept) / len(kept), 4),
        "seconds_behind": round(sum(one["behind"] for one in kept) / len(kept), 4),
    }


def _nobody(event: Any) -> None:
    """Nobody listens."""


class _Killer:
    """Kills the trainer after an exponential number of its steps, again and again."""

    def __init__(self, draw: random.Random, between: float) -> None:
        self._draw, self._between = draw, between
        self._process = 0
        self._left = draw.expovariate(1 / between)

    def __call__(self, event: Any) -> None:
        if event["event"] == "started":
            self._process = int(event["process"])
        elif event["event"] == "step":
            self._left -= 1
            if self._left < 0:
                self._left = self._draw.expovariate(1 / self._between)
                os.kill(self._process, signal.SIGKILL)


def main() -> None:
    """Simulate, run, and write the figures."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("--runs", type=int, default=40)
    parser.add_argument("--steps", type=int, default=400, help="Of the real run; 0: it is not run.")
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    told = simulation(given.runs)
    # So many checkpoints lie between two failures in the simulation's best case that waits for its checkpoints.
    between = BETWEEN / told[0]["daly_s"]
    interval = 10
    found = {
        "about": {"python": platform.python_version(), "machine": platform.machine()},
        "rate": {"days": DAYS, "interruptions": INTERRUPTIONS, "hours_between": round(BETWEEN / 3600, 3)},
        "restart_s": RESTART,
        "simulated": told,
        "real": real(given.steps, interval, between * interval) if given.steps else "not run",
    }
    text = json.dumps(found, indent=1) + "\n"
    print(text)
    if given.json:
        given.json.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
