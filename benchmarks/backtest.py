"""Backtests over many seeds: calls avoided, and whether the promise is broken more often than it may be.

    python benchmarks/backtest.py --data ../shared/data --seeds 5
    python benchmarks/backtest.py --data ../shared/data --seeds 10 --rungs stack --only "hate speech" --name backtest_stack

Runs the real pipeline (`stepladder backtest`) on recorded GPT-3.5 answers. A run violates its promise when its agreement
over the rows after the first N is below the target; a one-sided exact binomial test asks whether the violations are more
than a risk of 0.1 explains. Writes results/backtest.json and results/backtest.md beside this file.
"""

import argparse
import json
from dataclasses import dataclass
from pathlib import Path
from statistics import mean
from typing import Any

from benchmarks.vectors import warm
from stepladder.data import FieldNames, Log, read_log
from stepladder.promise import binomial_test_greater

HERE = Path(__file__).parent
NAMES = FieldNames(input="text", answer="gpt35_turbo_1106", gold="gold")
RISK = 0.1


@dataclass(frozen=True, slots=True)
class Case:
    """One file, and how many of its rows train."""

    name: str
    file: str
    labels: int


CASES = (Case("IMDB", "imdb_gpt35.jsonl.gz", 2500), Case("hate speech", "hatespeech_gpt35.jsonl.gz", 2000))


def run(case: Case, log: Log, target: float, seeds: range, rungs: tuple[str, ...]) -> dict[str, Any]:
    """All seeds of one file and target."""
    from stepladder.interaction.backtest import Terms, backtest

    runs: list[dict[str, Any]] = []
    for seed in seeds:
        found = backtest(
            log, Terms(target, RISK, case.labels, seed, rungs=rungs), lambda done, total, what: None
        )
        print(f"{case.name} T={target} seed {seed}: avoided {found.calls_avoided:.3f}", flush=True)
        runs.append(
            {
                "seed": seed,
                "calls_avoided": found.calls_avoided,
                "agreement": found.agreement,
                "accuracy_gold": found.accuracy_gold,
                "top_accuracy_gold": found.top_accuracy_gold,
                "calibration": found.calibration,
                "seconds": round(found.seconds, 2),
            }
        )
    violations = sum(one["agreement"] < target for one in runs)
    return {
        "set": case.name,
        "rungs": list(rungs),
        "target": target,
        "risk": RISK,
        "labels": case.labels,
        "rows": len(log.rows),
        "runs": runs,
        "violations": violations,
        "p_value": binomial_test_greater(violations, len(runs), RISK),
    }


def table(results: list[dict[str, Any]]) -> str:
    """The results as Markdown."""
    lines = [
        "# Backtests on recorded GPT-3.5 answers",
        "",
        f"Risk {RISK}, rows shuffled by each seed; calibration counts as calls of the top. `p` is the one-sided binomial",
        'test of "violations happen at most at the risk": small would be bad.',
        "",
        "| set | rungs | N | target | seeds | calls avoided: mean (least) | agreement: mean (least) | accuracy on gold (top) "
        "| calibration | violations | p | s a run |",
        "|---|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    for result in results:
        runs = result["runs"]
        columns = {name: [one[name] for one in runs] for name in runs[0]}
        lines.append(
            f"| {result['set']} | {', '.join(result['rungs'])} | {result['labels']} | {result['target']} | {len(runs)} "
            f"| {mean(columns['calls_avoided']):.1%} ({min(columns['calls_avoided']):.1%}) "
            f"| {mean(columns['agreement']):.2%} ({min(columns['agreement']):.2%}) "
            f"| {mean(columns['accuracy_gold']):.1%} ({mean(columns['top_accuracy_gold']):.1%}) "
            f"| {mean(columns['calibration']):.0f} | {result['violations']} | {result['p_value']:.2f} "
            f"| {mean(columns['seconds']):.1f} |"
        )
    return "\n".join(lines) + "\n"


def main() -> None:
    """Run what the command line asks for."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, default=Path("../shared/data"), help="folder of the two files")
    parser.add_argument("--seeds", type=int, default=5, help="how many seeds, from 0")
    parser.add_argument("--targets", type=float, nargs="+", default=[0.9, 0.95])
    parser.add_argument("--rungs", nargs="+", default=["linear"], help="learned rungs, cheapest first")
    parser.add_argument("--only", nargs="*", default=[], help="names of files to run")
    parser.add_argument("--name", default="backtest", help="of the two files of results")
    parser.add_argument("--out", type=Path, default=HERE / "results")
    arguments = parser.parse_args()
    rungs, results = tuple(arguments.rungs), []
    for case in CASES:
        if arguments.only and case.file not in arguments.only:
            continue
        log = read_log(arguments.data / case.file, NAMES)
        if rungs != ("linear",):
            warm([row.text for row in log.rows])
        results += [run(case, log, target, range(arguments.seeds), rungs) for target in arguments.targets]
    arguments.out.mkdir(parents=True, exist_ok=True)
    (arguments.out / f"{arguments.name}.json").write_text(
        json.dumps(results, indent=1) + "\n", encoding="utf-8"
    )
    (arguments.out / f"{arguments.name}.md").write_text(table(results), encoding="utf-8")
    print(table(results))


if __name__ == "__main__":
    main()
