"""Guards that an owner teaches with `stepladder guard fit`: offence, and what is off the topic of a task.

    python benchmarks/safety_taught.py --data ../shared/data

*Offence*: taught with the training rows of a set of offensive Chinese comments, judged on its other rows.
*Off topic*: a task about travel is taught with its own questions and with those of five other subjects; judged on new
questions of its own, of the same five subjects, of four subjects and a thousand odd questions that it never heard of.
Thresholds are those that the command prints. Writes results/safety-taught.json beside this file.
"""

import argparse
import csv
import gzip
import io
import json
import tempfile
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from typer.testing import CliRunner

from benchmarks.safety import RESULTS, flagged
from stepladder.core import Action
from stepladder.interaction.cli.app import app
from stepladder.safety import LinearGuard

Rows = Sequence[tuple[str, bool]]
OWN, KNOWN = "travel", ("banking", "utility", "small_talk", "work", "credit_cards")
RATE = 0.05
"""What share of harmless texts may be flagged."""


def taught(rows: Rows, folder: Path, rate: float) -> LinearGuard:
    """The guard that the command makes of these rows, as its lines of configuration open it."""
    file = folder / "rows.jsonl"
    file.write_text("".join(json.dumps({"text": text, "label": int(bad)}) + "\n" for text, bad in rows))
    told = CliRunner().invoke(
        app, ["guard", "fit", str(file), "--out", str(folder / "taught"), "--rate", str(rate)]
    )
    assert told.exit_code == 0, told.output
    table = tomllib.loads(told.stdout)["guards"]["taught"]
    return LinearGuard.open("taught", {key: table[key] for key in ("model", "threshold")})


def offence(data: Path, folder: Path) -> dict[str, Any]:
    """Both kinds of rows that were not taught, at the command's threshold."""

    def rows(name: str) -> Rows:
        with gzip.open(data / "coldataset" / f"{name}.csv.gz") as file:
            found = csv.DictReader(io.TextIOWrapper(file, "utf-8"))
            return [(row["TEXT"], row["label"] == "1") for row in found]

    guard, dev = taught(rows("train"), folder, RATE), rows("dev")
    return {
        "offensive": flagged([text for text, bad in dev if bad], lambda text: stops(guard, text)),
        "harmless": flagged([text for text, bad in dev if not bad], lambda text: stops(guard, text)),
    }


def off_topic(data: Path, folder: Path) -> dict[str, Any]:
    """New questions of the task, and of others."""
    with gzip.open(data / "clinc150.jsonl.gz", "rt", encoding="utf-8") as lines:
        found = [json.loads(line) for line in lines]
    train = [row for row in found if row["split"] == "train" and row["domain"] in (OWN, *KNOWN)]
    guard = taught([(row["text"], row["domain"] != OWN) for row in train], folder, RATE)
    test = [row for row in found if row["split"] in ("test", "oos_test")]

    def of(wanted: set[str]) -> dict[str, Any]:
        texts = [row["text"] for row in test if row["domain"] in wanted]
        return flagged(texts, lambda text: stops(guard, text))

    every = {row["domain"] for row in test}
    return {
        "the task's own questions": of({OWN}),
        "subjects it was told of": of(set(KNOWN)),
        "subjects it never heard of": of(every - {OWN, "oos", *KNOWN}),
        "odd questions": of({"oos"}),
    }


def stops(guard: LinearGuard, text: str) -> bool:
    """Whether the guard blocks."""
    return guard.check(text).action is Action.BLOCK


def main() -> None:
    """Teach both and write the figures."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    data = parser.parse_args().data
    figures: dict[str, Any] = {"command": "python benchmarks/safety_taught.py", "rate": RATE}
    for name, part in (("off topic", off_topic), ("offence", offence)):
        with tempfile.TemporaryDirectory() as folder:
            figures[name] = part(data, Path(folder))
    text = json.dumps(figures, indent=1, ensure_ascii=False)
    (RESULTS / "safety-taught.json").write_text(text + "\n", encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
