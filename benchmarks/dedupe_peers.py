"""Near-copies found by `data dedupe` and by datatrove's MinHash in the same rows: CPU, memory, and which planted copies.

    python -m benchmarks.dedupe_peers --peer /path/to/python/with/datatrove [--rows 100000] [--json FILE]

Rows are those of `benchmarks.cleaning`; one in a hundred is an earlier text in capitals, one in a hundred an earlier text with
a word more. A planted copy counts as found where it or its original goes; a row that is neither and goes is counted as wrong.
datatrove runs its four stages (signatures, buckets, clusters, filter) on one task and one worker, once as it comes (14 buckets
of 8, runs of 5 words) and once with our bands (32 of 4). Its runs are of words and ours of characters: found copies differ by
design; start-up of each process is counted. CPU is firm on a machine under load, seconds are not.
"""

import argparse
import json
import os
import platform
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.cleaning import Maker, quiet

PEER = """
import sys
from pathlib import Path
from datatrove.executor import LocalPipelineExecutor
from datatrove.pipeline.dedup import minhash
from datatrove.pipeline.readers import JsonlReader
from datatrove.pipeline.writers import JsonlWriter
folder, buckets, hashes = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
config = minhash.MinhashConfig(num_buckets=buckets, hashes_per_bucket=hashes)
reader = lambda: JsonlReader(str(folder), glob_pattern="rows.jsonl", text_key="input", id_key="id")
work = str(folder / f"peer-{buckets}")
stages = [
    ([reader(), minhash.MinhashDedupSignature(f"{work}/signatures", config)], 1),
    ([minhash.MinhashDedupBuckets(f"{work}/signatures", f"{work}/buckets", config=config)], buckets),
    ([minhash.MinhashDedupCluster(f"{work}/buckets", f"{work}/removed", config=config)], 1),
    ([reader(), minhash.MinhashDedupFilter(f"{work}/removed"), JsonlWriter(f"{work}/kept", compression=None)], 1),
]
for number, (pipeline, tasks) in enumerate(stages):
    LocalPipelineExecutor(pipeline=pipeline, tasks=tasks, workers=1, logging_dir=f"{work}/logs{number}").run()
"""


def make(path: Path, rows: int) -> dict[int, int]:
    """Write the rows; each planted copy's number and its original's."""
    maker, draw = Maker(1), random.Random(2)
    recent: list[tuple[int, str]] = []
    planted = {}
    with path.open("w", encoding="utf-8") as file:
        for number in range(rows):
            text, drawn = maker.text(), draw.random()
            if recent and drawn < 0.02:
                planted[number], text = draw.choice(recent)
                text = text.upper() if drawn < 0.01 else f"{text} ok"
            else:
                recent = [*recent[-50:], (number, text)]
            file.write(json.dumps({"id": str(number), "input": text}, ensure_ascii=False) + "\n")
    return planted


def ours(folder: Path) -> None:
    """In this process: write the numbers of the rows that go."""
    from stepladder.data import RowFile, find_duplicates

    with RowFile(folder / "rows.jsonl") as rows:
        gone = find_duplicates(rows, quiet).copies.tolist()
    (folder / "gone.json").write_text(json.dumps(gone), encoding="utf-8")


def timed(command: list[str]) -> dict[str, float]:
    """Seconds, CPU seconds of a process and of its children, and the most memory that one of them held."""
    began = time.monotonic()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    assert process.stderr is not None
    said = process.stderr.read()
    _, status, used = os.wait4(process.pid, 0)
    process.stderr.close()
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(said.decode()[-2000:])
    cpu = used.ru_utime + used.ru_stime
    return {"seconds": time.monotonic() - began, "cpu_s": cpu, "peak_GB": used.ru_maxrss / 1e6}


def judged(gone: set[int], planted: dict[int, int], rows: int) -> dict[str, Any]:
    """Shares of the planted copies and of all other rows that went."""
    found = sum(copy in gone or original in gone for copy, original in planted.items())
    others = rows - len(planted.keys() | set(planted.values()))
    wrong = len(gone - planted.keys() - set(planted.values()))
    return {"gone": len(gone), "planted_found": found / len(planted), "others_gone": wrong / others}


def main() -> None:
    """Run, print, and write the results."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--peer", help="A Python that has datatrove[processing,io].")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.folder:
        ours(asked.folder)
        return
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        planted = make(folder / "rows.jsonl", asked.rows)
        commands = {
            "stepladder": [sys.executable, "-m", "benchmarks.dedupe_peers", "--folder", name],
            "datatrove": [asked.peer, "-c", PEER, name, "14", "8"],
            "datatrove, 32 buckets of 4": [asked.peer, "-c", PEER, name, "32", "4"],
        }
        found: dict[str, Any] = {}
        for tool, command in commands.items():
            if command[0] is not None:
                told = timed(command)
                gone = _gone(folder, command, asked.rows)
                found[tool] = told | judged(gone, planted, asked.rows)
                print(tool, json.dumps(found[tool]), flush=True)
    if asked.json:
        asked.json.write_text(json.dumps(_about(asked.peer, asked.rows) | found, indent=1) + "\n")


def _gone(folder: Path, command: list[str], rows: int) -> set[int]:
    if PEER not in command:
        return set(json.loads((folder / "gone.json").read_bytes()))
    kept = (folder / f"peer-{command[-2]}" / "kept").glob("*.jsonl")
    there = {int(json.loads(line)["id"]) for path in kept for line in path.open(encoding="utf-8")}
    return set(range(rows)) - there


def _about(python: str | None, rows: int) -> dict[str, Any]:
    version = "import importlib.metadata; print(importlib.metadata.version('datatrove'))"
    asked = [[python, "-c", version]] if python else []
    asked.append(["git", "rev-parse", "--short", "HEAD"])
    told = [subprocess.run(one, check=True, capture_output=True, text=True).stdout.strip() for one in asked]
    return {
        "rows": rows,
        "commit": told[-1],
        "datatrove_version": told[0] if python else "",
        "python": platform.python_version(),
        "machine": "two shared cores under load: cpu_s is firm, seconds are not",
    }


if __name__ == "__main__":
    main()
