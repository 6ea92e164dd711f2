"""Drift: streams whose questions change. Are releases taken back, how late, at what cost, and does the ladder recover?

IMDB comes sorted by length (a random half of the file, GPT-3.5's recorded answers); clinc150 domain by domain, its teacher
simulated: the human label, but in 5 % of the rows another intent of the same domain. Both are replayed through the flywheel
by `backtest --ordered`, with 10 % of the questions audited.

A ladder that goes on learning keeps up with length, so IMDB is replayed a second time as it would hurt: learnt once, from
the 300 shortest reviews, certified on the next ones, and never fitted again unless the audit refutes it. That drift is
small, so half of the questions are audited there, and .85 is promised. Both were chosen on the seeds 1000 to 1002.
"""

import gzip
import json
import random
from functools import lru_cache
from pathlib import Path
from statistics import mean, median
from typing import Any, NamedTuple

from benchmarks.ladder_figures import Axes, Series, plot
from benchmarks.ladder_stream import read
from stepladder.data import Log, LogRow
from stepladder.promise import Drift, InvalidPromiseInput, detection_bound

RISK, TEACHER_ERROR, SEEDS = 0.1, 0.05, 20
BATCH = 250  # answers between two looks at the audit


class Setting(NamedTuple):
    """What is promised, from how many labels on, how much is audited, and when a new fit comes (None: as by default)."""

    labels: int
    target: float = 0.9
    audit: float = 0.1
    growth: float | None = None


CELLS = {
    "IMDB by length": Setting(1500),
    "IMDB by length, learnt once": Setting(300, 0.85, 0.5, 1e9),
    "clinc150 by domain": Setting(400),
}


def cells() -> dict[str, int]:
    """The cells, and how many seeds each may have."""
    return dict.fromkeys(CELLS, SEEDS)


@lru_cache(maxsize=1)
def _clinc(data: Path) -> list[dict[str, str]]:
    with gzip.open(data / "clinc150.jsonl.gz", "rt", encoding="utf-8") as lines:
        rows = [json.loads(line) for line in lines]
    return [row for row in rows if row["domain"] != "oos"]


def _log(cell: str, seed: int, data: Path) -> Log:
    draw = random.Random(seed)
    if cell.startswith("IMDB"):
        rows = draw.sample(read(data, "IMDB").rows, 12_500)
        return Log(tuple(sorted(rows, key=lambda row: (len(row.text), row.line))))
    found = _clinc(data)
    domains = sorted({row["domain"] for row in found})
    draw.shuffle(domains)
    intents = {name: sorted({row["label"] for row in found if row["domain"] == name}) for name in domains}
    made: list[LogRow] = []
    for domain in domains:
        part = [row for row in found if row["domain"] == domain]
        draw.shuffle(part)
        for row in part:
            slip = draw.random() < TEACHER_ERROR
            answer = draw.choice(intents[domain]) if slip else row["label"]
            made.append(LogRow(len(made) + 1, row["text"], answer, row["label"]))
    return Log(tuple(made))


def _bound(setting: Setting, excess: float) -> float | None:
    """Excess errors that may pass before the alarm of a drift of this size; None: too small to be promised anything."""
    try:
        found = detection_bound(Drift(excess), target=setting.target, risk=RISK, share=1.0)
    except InvalidPromiseInput:
        return None
    # of the drawn answers, which are a share of all; looked at in batches
    return (found.answers / setting.audit + BATCH) * excess


def _certainly_found(setting: Setting, answers: int) -> float:
    """The smallest lasting drift, in steps of half a point, whose alarm is promised within so many answers."""
    for step in range(1, 160):
        bound = _bound(setting, step / 200)
        if bound is not None and bound <= answers * step / 200:
            return step / 200
    return 1 - setting.target


def run(cell: str, seed: int, data: Path) -> dict[str, Any]:
    """One replay."""
    from stepladder.interaction.backtest import Terms, backtest

    setting = CELLS[cell]
    labels, target, audit, growth = setting
    terms = Terms(target, RISK, labels, seed, ordered=True, audit=audit, growth=growth)
    found = backtest(_log(cell, seed, data), terms, lambda done, total, what: None)
    taken = [spell for spell in found.spells if "refutes" in spell.ended]
    figures: dict[str, Any] = {
        "rollbacks": len(taken),
        "spells": [_told(setting, spell) for spell in taken],
        "agreement": found.agreement,
        "calls_avoided": found.calls_avoided,
        "audits": found.audits,
        "rows": found.rows,
    }
    if seed == 0:
        figures["curve"] = [(point.row, point.recent_calls_avoided) for point in found.series]
    return figures


def _told(setting: Setting, spell: Any) -> dict[str, Any]:
    """A spell that the audit ended, beside what is promised of a drift of its size."""
    size = spell.wrong / max(spell.answers, 1) - (1 - setting.target)
    bound = _bound(setting, size) if size > 0 else None
    return {
        "answers": spell.answers,
        "excess": round(size * spell.answers, 1),
        "bound": None if bound is None else round(bound, 1),
        "audits": spell.audits,
        "low": spell.low,
    }


def report(rows: list[dict[str, Any]], folder: Path) -> list[str]:
    """The table, and how the share of low answers comes back."""
    lines = [
        "## Drift: questions that change",
        "",
        f"Risk {RISK}. Excess: wrong answers beyond the promised share from a release's promotion to its roll back;",
        "bound: what `detection_bound` allows (confidence 0.9) a drift of that size, plus one batch of",
        f"{BATCH}; the size of the drift is what the spell turned out to be, and a bound is stated only of one that",
        "the watch bets on. The teacher of clinc150 is simulated. *Learnt once*: from the shortest reviews, and never",
        "fitted again unless the audit refutes the release.",
        "",
        "| cell | labels of a turn, target, audited | runs | roll backs a run | excess before one: median, most "
        "| within the bound | agreement | calls avoided | audits' calls |",
        "|---|--:|--:|--:|--:|--:|--:|--:|--:|",
    ]
    curves, owed = [], []
    for cell, setting in CELLS.items():
        runs = [row for row in rows if row["cell"] == cell]
        if not runs:
            continue
        spells = [spell for row in runs for spell in row["spells"]]
        excess = [spell["excess"] for spell in spells]
        bounded = [spell for spell in spells if spell["bound"] is not None]
        within = sum(spell["excess"] <= spell["bound"] for spell in bounded)
        lines.append(
            f"| {cell} | {setting.labels:,}, {setting.target}, {setting.audit:.0%} | {len(runs)} "
            f"| {mean(row['rollbacks'] for row in runs):.1f} "
            f"| {f'{median(excess):.0f}, {max(excess):.0f}' if excess else ''} | {within} of {len(bounded)} "
            f"| {mean(row['agreement'] for row in runs):.2%} | {mean(row['calls_avoided'] for row in runs):.1%} "
            f"| {mean(row['audits'] for row in runs):,.0f} of {mean(row['rows'] for row in runs):,.0f} |"
        )
        owed.append(_owed(cell, runs))
        curves += [Series(cell, [(float(x), y) for x, y in row["curve"]]) for row in runs if "curve" in row]
    file = plot(folder, "drift", Axes("Share of rows answered low, of late (seed 0)", "row"), curves)
    return [*lines, "", *owed, "", f"![share answered low](ladder/{file})"]


def _owed(cell: str, runs: list[dict[str, Any]]) -> str:
    """Whether roll backs were due at all: the excess of whole runs beside what the watch promises to find."""
    setting = CELLS[cell]
    answers = runs[0]["rows"] - setting.labels
    over = [(setting.target - row["agreement"]) * answers for row in runs]
    most, backs = max(over), [row["rollbacks"] for row in runs]
    return (
        f"- {cell}: {sum(back > 0 for back in backs)} of {len(runs)} runs had a roll back, {max(backs)} at most. "
        f"Over a whole run of {answers:,} answers the excess was {median(over):,.0f} in the median and at most "
        f"{most:,.0f} ({most / answers:.1%}); below 0 are fewer errors than promised. The watch promises to find "
        f"within a run a drift that lasts if it is of {_certainly_found(setting, answers):.1%} or more."
    )
