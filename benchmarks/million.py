"""A million rows cleaned and deduplicated, and the same by datatrove under the same rules: throughput and peak memory.

    python -m benchmarks.million --peer /path/to/python/with/datatrove [--rows 1000000] [--json FILE]

The rules, one for one: texts read in the wrong code are mended (ours; datatrove's FTFYFormatter), 1 to 100,000 characters
stay, of the first 2,000 characters' 4-grams three in ten differ (our definition, given to datatrove as a LambdaFilter: its
own GopherRepetitionFilter is dearer and throws half of these short rows away), mail and public IP addresses are masked (ours;
PIIFormatter), and near-copies go by MinHash (ours: runs of characters; datatrove: runs of 5 words, 14 buckets of 8, its
defaults). Each tool reads the same file, deduplicates what its own cleaning left, and each step is a process of its own on
one core; start-up is counted. The rows are those of `benchmarks.cleaning`, with places known: one in a hundred is an earlier
text in capitals, one an earlier text and a word, and one in a hundred each is repetition, a broken line, text in the wrong
code, or carries a mail address. A copy counts as found where it or its original goes.
"""

import argparse
import json
import platform
import random
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.cleaning import Maker, quiet
from benchmarks.dedupe_peers import timed

SPOILT = ("repetition", "broken", "code", "mail")
OURS = """
import sys
from pathlib import Path
from benchmarks.million import cleaned, deduplicated
{"clean": cleaned, "dedupe": deduplicated}[sys.argv[2]](Path(sys.argv[1]))
"""
PEER = """
import sys
from pathlib import Path
from datatrove.executor import LocalPipelineExecutor
from datatrove.pipeline.dedup import minhash
from datatrove.pipeline.filters import LambdaFilter
from datatrove.pipeline.formatters import FTFYFormatter, PIIFormatter
from datatrove.pipeline.readers import JsonlReader
from datatrove.pipeline.writers import JsonlWriter
folder, step = Path(sys.argv[1]), sys.argv[2]
def varied(document):
    text = document.text[:2000]
    count = len(text) - 3
    return count < 20 or len({text[at : at + 4] for at in range(count)}) / count >= 0.3
rows = JsonlReader(str(folder), glob_pattern="rows.jsonl", text_key="input", id_key="id")
left = lambda: JsonlReader(str(folder / "theirs"), glob_pattern="*.jsonl")
config = minhash.MinhashConfig()
work, buckets = str(folder / "minhash"), config.num_buckets
stages = {
    "clean": [([
        rows, FTFYFormatter(), LambdaFilter(lambda document: 0 < len(document.text.strip()) <= 100_000),
        LambdaFilter(varied), PIIFormatter(), JsonlWriter(str(folder / "theirs"), compression=None),
    ], 1)],
    "dedupe": [
        ([left(), minhash.MinhashDedupSignature(f"{work}/signatures", config)], 1),
        ([minhash.MinhashDedupBuckets(f"{work}/signatures", f"{work}/buckets", config=config)], buckets),
        ([minhash.MinhashDedupCluster(f"{work}/buckets", f"{work}/removed", config=config)], 1),
        ([left(), minhash.MinhashDedupFilter(f"{work}/removed"),
          JsonlWriter(str(folder / "theirs-alone"), compression=None)], 1),
    ],
}
for number, (pipeline, tasks) in enumerate(stages[step]):
    logs = str(folder / f"logs-{step}-{number}")
    LocalPipelineExecutor(pipeline=pipeline, tasks=tasks, workers=1, logging_dir=logs).run()
"""
PLACES = {
    "stepladder": {"clean": "shared.jsonl", "dedupe": "alone.jsonl"},
    "datatrove": {"clean": "theirs", "dedupe": "theirs-alone"},
}
_ID = re.compile(rb'"id": ?"(\d+)"')


def make(path: Path, rows: int) -> dict[str, dict[int, int]]:
    """Write the rows; by kind, each planted row's number and its original's (its own where it has none)."""
    maker, draw = Maker(1), random.Random(2)
    recent: list[tuple[int, str]] = []
    planted: dict[str, dict[int, int]] = {kind: {} for kind in ("copy", *SPOILT)}
    with path.open("w", encoding="utf-8") as file:
        for number in range(rows):
            drawn, text = draw.random(), ""
            if recent and drawn < 0.02:
                planted["copy"][number], text = draw.choice(recent)
                text = text.upper() if drawn < 0.01 else f"{text} ok"
            elif recent and drawn < 0.06:
                kind = SPOILT[int(drawn * 100) - 2]
                planted[kind][number] = number
                line = maker.line(kind)
                file.write(f'{{"id": "{number}", {line[1:]}\n')
                continue
            else:
                text = maker.text()
                recent = [*recent[-50:], (number, text)]
            file.write(json.dumps({"id": str(number), "input": text}, ensure_ascii=False) + "\n")
    return planted


def cleaned(folder: Path) -> None:
    """In a process of its own: the rules that both have."""
    from benchmarks.cleaning import clean

    clean(folder, True)


def deduplicated(folder: Path) -> None:
    """In a process of its own: write what is no near-copy."""
    from stepladder.data import RowFile, find_duplicates

    with RowFile(folder / "shared.jsonl") as rows:
        gone = set(find_duplicates(rows, quiet).copies.tolist())
    with (folder / "shared.jsonl").open("rb") as file, (folder / "alone.jsonl").open("wb") as out:
        out.writelines(line for number, line in enumerate(file) if number not in gone)


def left(place: Path) -> tuple[set[int], int]:
    """Numbers of the rows in a file or folder, and how many of them still show the planted mail address."""
    numbers, shown = set(), 0
    for path in sorted(place.glob("*.jsonl")) if place.is_dir() else [place]:
        with path.open("rb") as file:
            for line in file:
                found = _ID.search(line)
                assert found is not None
                numbers.add(int(found[1]))
                shown += b"ann.lee@example.com" in line
    return numbers, shown


def judged(folder: Path, tool: str, planted: dict[str, dict[int, int]], rows: int) -> dict[str, Any]:
    """What a tool's two steps left and took."""
    kept, shown = left(folder / PLACES[tool]["clean"])
    alone, _ = left(folder / PLACES[tool]["dedupe"])
    copies = planted["copy"]
    pairs = [(copy, original) for copy, original in copies.items()]
    touched = {row for kind in planted.values() for pair in kind.items() for row in pair}
    return {
        "kept_by_cleaning": len(kept),
        "kept_in_the_end": len(alone),
        "repetition_gone": len(planted["repetition"].keys() - kept) / max(1, len(planted["repetition"])),
        "mail_left": shown,
        "copies_gone": sum(not {*pair} <= alone for pair in pairs) / max(1, len(pairs)),
        "others_gone": len(set(range(rows)) - alone - touched) / rows,
    }


def main() -> None:
    """Run both tools, print, and write the results."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--peer", required=True, help="A Python that has datatrove[processing,io].")
    parser.add_argument("--json", type=Path)
    asked = parser.parse_args()
    version = "import importlib.metadata; print(importlib.metadata.version('datatrove'))"
    found: dict[str, Any] = {
        "rows": asked.rows,
        "commit": _said(["git", "rev-parse", "--short", "HEAD"]),
        "datatrove_version": _said([asked.peer, "-c", version]),
        "python": platform.python_version(),
        "machine": "one of two shared cores, under load: cpu_s is firm, seconds are not",
    }
    with tempfile.TemporaryDirectory() as name:
        planted = make(Path(name) / "rows.jsonl", asked.rows)
        found["MB"] = (Path(name) / "rows.jsonl").stat().st_size / 1e6
        for tool, python, code in (("stepladder", sys.executable, OURS), ("datatrove", asked.peer, PEER)):
            steps = {}
            for step in ("clean", "dedupe"):
                steps[step] = timed([python, "-c", code, name, step])
                print(tool, step, json.dumps(steps[step]), flush=True)
            cpu = sum(step["cpu_s"] for step in steps.values())
            found[tool] = {**steps, "rows_a_cpu_s": asked.rows / cpu}
        for tool in PLACES:
            found[tool] |= judged(Path(name), tool, planted, asked.rows)
            print(tool, json.dumps(found[tool]), flush=True)
    if asked.json:
        asked.json.write_text(json.dumps(found, indent=1) + "\n")


def _said(command: list[str]) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


if __name__ == "__main__":
    main()
