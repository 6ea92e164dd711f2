"""A million rows cleaned and deduplicated: time and peak memory, beside datatrove with the rules that both have.

    python -m benchmarks.cleaning --rows 1000000 --json benchmarks/results/cleaning.json [--peer /path/to/python/with/datatrove]

The file is made up: English words and Chinese characters drawn by their commonness into texts of one to four sentences, and,
at known places, copies, near-copies, repetition, broken lines, HTML, wrong codes, other languages, random letters, telephone
numbers, mail addresses and keys. Each step runs in a process of its own. *clean* is `data clean` with every default rule,
personal data and secrets masked; *shared rules* leaves out what datatrove has no counterpart for (perplexity, names, secrets,
copies). datatrove runs FTFYFormatter, GopherRepetitionFilter, PIIFormatter (mail and IP addresses) and a length filter, on
one task and one worker. The rules' names are alike, their definitions are not: throughput is compared, not quality.
"""

import argparse
import json
import platform
import random
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from itertools import accumulate
from pathlib import Path
from typing import Any

COMMON = (
    "的一是了我不人在他有这个上们来到时大地为子中你说生国年着就那和要她出也得里后自以会家可下而过天去能对小多"
    "然于心学么之都好看起发当没成只如事把还用第样道想作种开"
)
FIRST = "the of and to in is you that it for on are with this from have at be or was please my your can how"
KEY = "AKIA" + "QWERTYUIOPASDFGH"
PLANTED = (
    "copy",
    "near",
    "repetition",
    "broken",
    "html",
    "code",
    "other",
    "strange",
    "phone",
    "mail",
    "secret",
)
SHARE = 0.01


def vocabulary(draw: random.Random) -> list[str]:
    """Made-up words of English letters' commonness, and the commonest real ones."""
    letters = "etaoinshrdlcumwfgypbvk"
    weights = [
        12.7,
        9.1,
        8.2,
        7.5,
        7,
        6.7,
        6.3,
        6.1,
        6,
        4.3,
        4,
        2.8,
        2.8,
        2.4,
        2.4,
        2.2,
        2,
        2,
        1.9,
        1.5,
        1,
        0.8,
    ]
    made = ["".join(draw.choices(letters, weights, k=draw.randint(3, 9))) for _ in range(8_000)]
    return [*FIRST.split(), *made]


class Maker:
    """Draws texts, and spoils some."""

    def __init__(self, seed: int) -> None:
        self.draw = random.Random(seed)
        self.words = vocabulary(self.draw)
        self.weights = list(accumulate(1 / (place + 3) for place in range(len(self.words))))
        self.recent: list[str] = ["the first text of all of them"]

    def text(self) -> str:
        """An ordinary text; every fourth is Chinese."""
        draw = self.draw
        if draw.random() < 0.25:
            return (
                "，".join(
                    "".join(draw.choices(COMMON, k=draw.randint(6, 16))) for _ in range(draw.randint(1, 4))
                )
                + "。"
            )
        sentences = [
            " ".join(draw.choices(self.words, cum_weights=self.weights, k=draw.randint(6, 14)))
            for _ in range(draw.randint(1, 4))
        ]
        return ". ".join(sentences) + "."

    def line(self, kind: str) -> str:
        """A line of the file, spoilt in the way asked for."""
        if kind == "broken":
            return '{"input": "no end'
        draw, text = self.draw, self.text()
        spoilt: dict[str, Callable[[], str]] = {
            "copy": lambda: draw.choice(self.recent).upper(),
            "near": lambda: draw.choice(self.recent) + " ok",
            "repetition": lambda: f"{text[:12]} " * 20,
            "html": lambda: f"<div><p>{text}</p><p>{text[:20]}</p></div>",
            "code": lambda: f"{text} café Zoë “quoted”".encode().decode("latin-1"),
            "strange": lambda: "".join(draw.choices("qxzjvkwQXZ#@!%", k=60)),
            "other": lambda: "wo ist mein Paket und warum ist es nicht bei mir angekommen",
            "phone": lambda: f"{text} 13812345678",
            "mail": lambda: f"{text} ann.lee@example.com",
            "secret": lambda: f"{text} {KEY}",
        }
        if not kind:
            self.recent = [*self.recent[-50:], text]
        return json.dumps({"input": spoilt[kind]() if kind else text}, ensure_ascii=False)


def make(path: Path, rows: int) -> None:
    """Write the file."""
    maker = Maker(1)
    with path.open("w", encoding="utf-8") as file:
        for number in range(rows):
            planted = number > 100 and maker.draw.random() < SHARE * len(PLANTED)
            kind = maker.draw.choice(PLANTED) if planted else ""
            file.write(maker.line(kind) + "\n")


def quiet(done: int, total: int, what: str) -> None:
    """Nobody watches."""


def clean(folder: Path, shared_only: bool) -> dict[str, Any]:
    """Clean the file, and say what each rule did."""
    from stepladder import data
    from stepladder.safety import SecretsGuard

    source = folder / "rows.jsonl"
    rules: list[data.Rule] = [data.Encoding(), data.Markup(), data.Length(), data.Repetition()]
    if shared_only:
        rules = [
            data.Encoding(),
            data.Length(),
            data.Repetition(),
            data.Personal(data.Act.MASK, ["email", "ip_address"]),
        ]
    else:
        rules.append(data.Perplexity.of(data.sample_of(source)))
        rules += [
            data.Personal(data.Act.MASK),
            data.Guarded("secrets", SecretsGuard("secrets"), data.Act.MASK),
            data.Copies(),
        ]
    name = "shared" if shared_only else "clean"
    job = data.Job(source, folder / f"{name}.jsonl", folder / f"{name}.removed", rules)
    found = data.clean_file(job, quiet).figures()
    kinds = {rule: {key: one[key] for key in ("removed", "changed")} for rule, one in found["rules"].items()}
    return {"rows": found["rows"], "kept": found["kept"], "rules": kinds, "inventory": found["inventory"]}


def dedupe(folder: Path) -> dict[str, Any]:
    """Find near-copies in what cleaning has left."""
    from stepladder.data import RowFile, find_duplicates

    with RowFile(folder / "clean.jsonl") as rows:
        return {"rows": len(rows), "copies": len(find_duplicates(rows, quiet).copies)}


PEER = """
import sys
from pathlib import Path
from datatrove.executor import LocalPipelineExecutor
from datatrove.pipeline.readers import JsonlReader
from datatrove.pipeline.writers import JsonlWriter
from datatrove.pipeline.filters import GopherRepetitionFilter, LambdaFilter
from datatrove.pipeline.formatters import FTFYFormatter, PIIFormatter
folder = Path(sys.argv[1])
LocalPipelineExecutor(
    pipeline=[
        JsonlReader(str(folder), glob_pattern="rows.jsonl", text_key="input"),
        FTFYFormatter(), LambdaFilter(lambda document: 0 < len(document.text.strip()) <= 100_000),
        GopherRepetitionFilter(), PIIFormatter(),
        JsonlWriter(str(folder / "peer"), compression=None),
    ],
    tasks=1, workers=1, logging_dir=str(folder / "logs"),
).run()
"""


def measured(step: str, folder: Path) -> None:
    """One step in this process: print what it found, how long it took and how much memory."""
    began, cpu = time.monotonic(), time.process_time()
    steps = {
        "clean": lambda: clean(folder, False),
        "shared": lambda: clean(folder, True),
        "dedupe": lambda: dedupe(folder),
    }
    found = steps[step]()
    seconds = time.monotonic() - began
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    told = {
        "seconds": seconds,
        "cpu_s": time.process_time() - cpu,
        "rows_s": found["rows"] / seconds,
        "peak_GB": peak,
    }
    print(json.dumps(found | told))


def peer(python: str, folder: Path, rows: int) -> dict[str, Any]:
    """datatrove on the same file."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    began = time.monotonic()
    subprocess.run([python, "-c", PEER, str(folder)], check=True, capture_output=True)
    seconds = time.monotonic() - began
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    kept = sum(1 for path in (folder / "peer").glob("*.jsonl") for _ in path.open("rb"))
    version = "import importlib.metadata; print(importlib.metadata.version('datatrove'))"
    told = subprocess.run([python, "-c", version], check=True, capture_output=True, text=True).stdout.strip()
    return {
        "version": told,
        "rows": rows,
        "kept": kept,
        "seconds": seconds,
        "cpu_s": cpu,
        "rows_s": rows / seconds,
    }


def main() -> None:
    """Run, print, and write the results."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rows", type=int, default=1_000_000, help="0 leaves these steps out.")
    parser.add_argument("--peer-rows", type=int, default=100_000, help="Rows of the run beside datatrove.")
    parser.add_argument("--peer", help="A Python that has datatrove[processing,io].")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--step", help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.step:
        measured(asked.step, asked.folder)
        return
    for rows, steps in ((asked.rows, ("clean", "dedupe")), (asked.peer_rows, ("shared", "datatrove"))):
        if not rows:
            continue
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            make(folder / "rows.jsonl", rows)
            for step in steps:
                if step == "datatrove" and not asked.peer:
                    continue
                if step == "datatrove":
                    result = peer(asked.peer, folder, rows)
                else:
                    command = [sys.executable, "-m", "benchmarks.cleaning", "--step", step, "--folder", name]
                    done = subprocess.run(command, check=True, capture_output=True, text=True)
                    result = json.loads(done.stdout)
                print(step, json.dumps(result), flush=True)
                if asked.json:
                    keep(asked.json, step, result)


def keep(path: Path, step: str, result: dict[str, Any]) -> None:
    """Put a step's result into the file of results, beside those of other steps."""
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False
    ).stdout
    about = {
        "python": platform.python_version(),
        "machine": platform.machine(),
        "cores": "one used, of a machine under load: cpu_s is firm, seconds are not",
    }
    found = json.loads(path.read_text()) if path.exists() else {}
    path.write_text(
        json.dumps({**found, "about": about, step: result | {"commit": commit.strip()}}, indent=1) + "\n"
    )


if __name__ == "__main__":
    main()
