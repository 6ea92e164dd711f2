"""Fields in columns against the same fields pasted into the text, by kind and place of the field that decides.

    python benchmarks/trees.py --seeds 5

The data are made, so that the truth is known: 40 fields (numbers, categories, times, ids), one of which decides together
with the text. A question is refused where the deciding field says so (a number above 0.6, one of 3 of 12 categories, a
weekend), or where its text complains; one label in twenty is turned over, so that 95 % is the most anybody can reach.
`trees` gets fields and text; `pasted` is the linear rung on the text with all fields written behind it, in their order;
`text alone` sees no field. Writes results/trees.json and results/trees.md beside this file.
"""

import argparse
import datetime
import json
import platform
import random
from dataclasses import replace
from pathlib import Path
from statistics import mean, stdev
from typing import Any

from stepladder.core import Example, Question
from stepladder.training import fit_linear, fit_trees

HERE = Path(__file__).parent
KINDS = ("number", "category", "time")
PLACES = (1, 10, 20, 30, 40)
TRAIN, JUDGED, NOISE = 2000, 1000, 0.05
ANGRY = ("this is broken", "never again", "a complete waste", "退货退款", "太差了")
CALM = ("please check", "thank you", "as agreed", "请看一下", "谢谢")


def main() -> None:
    """Run every kind, place and seed."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("--seeds", type=int, default=5)
    asked = parser.parse_args()
    lines = []
    for kind in KINDS:
        for place in PLACES:
            runs = [_run(kind, place, seed) for seed in range(asked.seeds)]
            lines.append(
                {"kind": kind, "place": place, **{name: [run[name] for run in runs] for name in runs[0]}}
            )
            print(
                kind, place, {name: round(mean(run[name] for run in runs), 3) for name in runs[0]}, flush=True
            )
    about = {
        "command": f"python benchmarks/trees.py --seeds {asked.seeds}",
        "machine": f"one of 2 shared cores, Python {platform.python_version()}",
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
    }
    results = HERE / "results"
    (results / "trees.json").write_text(
        json.dumps({**about, "lines": lines}, indent=1) + "\n", encoding="utf-8"
    )
    head = f"`{about['command']}`, {about['machine']}, {about['date']}; accuracy in %, mean ± standard deviation; at most 95."
    table = ["# Fields in columns, or pasted into the text", "", head, ""]
    table += ["| what decides | its place of 40 | trees | pasted | text alone |", "|---|--:|--:|--:|--:|"]
    for line in lines:
        cells = " | ".join(_cell(line[name]) for name in ("trees", "pasted", "text alone"))
        table.append(f"| {line['kind']} | {line['place']} | {cells} |")
    (results / "trees.md").write_text("\n".join(table) + "\n", encoding="utf-8")


def _cell(values: Any) -> str:
    return f"{mean(values) * 100:.1f} ± {stdev(values) * 100 if len(values) > 1 else 0:.1f}"


def _run(kind: str, place: int, seed: int) -> dict[str, float]:
    draw = random.Random(f"{kind} {place} {seed}")
    rows = [_row(draw, kind, place, k) for k in range(TRAIN + JUDGED)]
    learned, judged = rows[:TRAIN], rows[TRAIN:]
    trees = fit_trees(learned, seed=seed).model
    chances = trees.probabilities([Question(one.id, "t", one.text, fields=one.fields) for one in judged])
    found = [trees.classes[k] for k in chances.argmax(axis=1)]
    return {
        "trees": mean(said == one.label for said, one in zip(found, judged, strict=True)),
        "pasted": _linear([_pasted(one) for one in learned], [_pasted(one) for one in judged], seed),
        "text alone": _linear(learned, judged, seed),
    }


def _linear(learned: list[Example], judged: list[Example], seed: int) -> float:
    model = fit_linear([one.text for one in learned], [one.label for one in learned], seed=seed).model
    return mean(model.predict(one.text).text == one.label for one in judged)


def _pasted(example: Example) -> Example:
    written = ", ".join(f"{name}: {value}" for name, value in example.fields.items())
    return replace(example, text=f"{example.text}\n{written}")


def _row(draw: random.Random, kind: str, place: int, k: int) -> Example:
    """40 fields in a fixed order: kinds take turns, and the place that decides has the kind that decides."""
    fields: dict[str, str | float] = {}
    for at in range(1, 41):
        kind_here = kind if at == place else ("number", "category", "time", "id")[at % 4]
        fields[f"field_{at:02}"] = _value(draw, kind_here)
    angry = draw.random() < 0.25
    text = f"order {k}: {draw.choice(ANGRY if angry else CALM)}"
    refused = angry or _refuses(kind, fields[f"field_{place:02}"])
    return Example(str(k), text, "refuse" if refused ^ (draw.random() < NOISE) else "accept", fields)


def _value(draw: random.Random, kind: str) -> str | float:
    if kind == "number":
        return round(draw.gauss(0, 1), 3)
    if kind == "category":
        return f"type {draw.randrange(12)}"
    if kind == "time":
        moment = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC) + datetime.timedelta(
            hours=draw.randrange(8760)
        )
        return moment.isoformat()
    return f"id-{draw.randrange(10**6)}"


def _refuses(kind: str, value: str | float) -> bool:
    if kind == "number":
        return float(value) > 0.6
    if kind == "category":
        return value in ("type 3", "type 7", "type 8")
    return datetime.datetime.fromisoformat(str(value)).weekday() >= 5


if __name__ == "__main__":
    main()
