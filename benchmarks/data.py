"""Near-duplicates and wrong labels that were planted in public texts: how many are found, how many wrongly, how fast.

    python benchmarks/data.py --data ../shared/data --json benchmarks/results/data.json

*Duplicates*: different texts of at least 15 characters (short reviews, posts, headlines, and sentences of film reviews, in
Chinese and English), 5 % of them copied with one edit each (typing errors, a word replaced, left out or moved, capitals,
words added). A planted pair is found when one of the two is left out; wrong is a row outside all planted pairs that is left
out. *Contamination*: 5,000 of these texts are a test split, a tenth of them copied with one edit each into the other rows;
found is the share of these copies that is caught, wrong that of all other training rows. *Labels*: 5 % of banking77's
training labels replaced by another one at random. *Rows*: memory and time for a million made-up rows through the file
itself, in a process of its own.
"""

import argparse
import gzip
import json
import platform
import random
import re
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import mean, stdev
from typing import Any

from stepladder.core import Example
from stepladder.data import RowFile, find_contamination, find_duplicates, find_label_errors
from stepladder.training import fit_linear

SHORT = ("zh_waimai10k", "fewclue_tnews", "hatespeech_gpt35")
LONG = "imdb_gpt35"
PARTS = ["duplicates", "contamination", "labels", "rows"]


def quiet(done: int, total: int, what: str) -> None:
    """Nobody watches."""


def read(folder: Path, name: str) -> list[dict[str, Any]]:
    """The rows of a set."""
    with gzip.open(folder / f"{name}.jsonl.gz", "rt", encoding="utf-8") as file:
        return [json.loads(line) for line in file]


def texts(folder: Path, count: int) -> list[str]:
    """Different texts, short ones first."""
    found = [row["text"] for name in SHORT for row in read(folder, name)]
    for row in read(folder, LONG):
        found += [part for part in re.split(r"(?<=[.!?])\s+|<br />", row["text"]) if len(part) > 40][:6]
        if len(found) > 1.1 * count:
            break
    return list(dict.fromkeys(text for text in found if len(text) >= 15))[:count]


def edited(text: str, draw: random.Random) -> str:
    """A copy with one edit."""
    words = text.split(" ")
    kind = draw.randrange(6) if len(words) >= 6 else 0
    at = draw.randrange(max(1, len(words) - 1))
    if kind == 0:
        letters = list(text)
        for place in draw.sample(range(len(letters)), max(1, len(letters) // 40)):
            letters[place] = draw.choice("abcdeu的了 ")
        return "".join(letters)
    moved = [*words[:at], words[min(at + 1, len(words) - 1)], words[at], *words[at + 2 :]]
    changed = {
        1: " ".join([*words[:at], draw.choice(["something", "really", "that"]), *words[at + 1 :]]),
        2: " ".join([*words[:at], *words[at + 1 :]]),
        3: text.upper() + "!!",
        4: " ".join(moved),
        5: f"{text} Thanks.",
    }
    return changed[kind]


def duplicates(base: list[str], seed: int) -> dict[str, float]:
    """Plant copies, find them."""
    draw = random.Random(seed)
    sources = draw.sample(range(len(base)), len(base) // 20)
    rows = [*base, *(edited(base[at], draw) for at in sources)]
    order = list(range(len(rows)))
    draw.shuffle(order)
    place = {row: at for at, row in enumerate(order)}
    pairs = [(place[at], place[len(base) + number]) for number, at in enumerate(sources)]
    began = time.process_time()
    gone = set(find_duplicates([rows[row] for row in order], quiet).copies.tolist())
    seconds = time.process_time() - began
    planted = {row for pair in pairs for row in pair}
    return {
        "rows": len(rows),
        "found": sum(bool(gone & set(pair)) for pair in pairs) / len(pairs),
        "wrong": len(gone - planted) / len(rows),
        "cpu_s": seconds,
    }


def contamination(base: list[str], seed: int) -> dict[str, float]:
    """Plant copies of test rows among the training rows, find them."""
    draw = random.Random(seed)
    order = draw.sample(range(len(base)), len(base))
    test = [base[at] for at in order[:5_000]]
    planted = [edited(text, draw) for text in draw.sample(test, len(test) // 10)]
    training = [*(base[at] for at in order[5_000:]), *planted]
    began = time.process_time()
    found = set(find_contamination(training, test, quiet).tolist())
    seconds = time.process_time() - began
    first = len(training) - len(planted)
    caught = sum(at >= first for at in found)
    return {
        "rows": len(training),
        "test_rows": len(test),
        "found": caught / len(planted),
        "wrong": (len(found) - caught) / first,
        "cpu_s": seconds,
    }


def labels(rows: list[dict[str, Any]], seed: int) -> dict[str, float]:
    """Replace labels, find them."""
    draw = random.Random(seed)
    names = sorted({row["label"] for row in rows})
    flipped = set(draw.sample(range(len(rows)), len(rows) // 20))
    examples = []
    for at, row in enumerate(rows):
        label = (
            draw.choice([name for name in names if name != row["label"]]) if at in flipped else row["label"]
        )
        examples.append(Example(str(at), row["text"], label))
    began = time.process_time()
    fitted = fit_linear([one.text for one in examples], [one.label for one in examples], seed=seed)
    found = {suspect.index for suspect in find_label_errors(examples, fitted.guesses)}
    hit = len(found & flipped)
    return {
        "rows": len(rows),
        "recall": hit / len(flipped),
        "precision": hit / len(found),
        "cpu_s": time.process_time() - began,
    }


def million(rows: int) -> dict[str, float]:
    """Made-up rows in a file, one in twenty a copy; time and peak memory of this whole process."""
    draw = random.Random(1)
    stems = ["".join(draw.choices("abcdefghijklmnoprstuvw", k=draw.randint(3, 9))) for _ in range(30_000)]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "rows.jsonl"
        last: list[str] = []
        with path.open("w") as file:
            for number in range(rows):
                copied = bool(last) and number % 20 == 0
                text = edited(draw.choice(last), draw) if copied else " ".join(draw.choices(stems, k=16))
                last = [*last[-50:], text]
                file.write(json.dumps({"input": text}) + "\n")
        began, size = time.monotonic(), path.stat().st_size
        with RowFile(path) as texts_:
            copies = len(find_duplicates(texts_, quiet).copies)
        seconds = time.monotonic() - began
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    return {
        "rows": rows,
        "MB": size / 1e6,
        "copies": copies,
        "seconds": seconds,
        "rows_s": rows / seconds,
        "peak_GB": peak,
    }


def main() -> None:
    """Run, print, and write the results."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--rows", type=int, default=1_000_000, help="0 leaves the made-up file out")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=PARTS, help="others stay in the JSON")
    parser.add_argument("--only-rows", action="store_true", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.only_rows:
        print(json.dumps(million(asked.rows)))
        return
    base = texts(asked.data, 95_000)
    banking = [row for row in read(asked.data, "banking77") if row["split"] == "train"]
    tried = {
        "duplicates": lambda seed: duplicates(base, seed),
        "contamination": lambda seed: contamination(base, seed),
        "labels": lambda seed: labels(banking, seed),
    }
    parts = [part for part in tried if part in asked.parts]
    found: dict[str, Any] = {part: [tried[part](seed) for seed in range(asked.seeds)] for part in parts}
    if asked.rows and "rows" in asked.parts:
        command = [sys.executable, __file__, "--only-rows", "--rows", str(asked.rows)]
        found["rows"] = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    for part in parts:
        for name in found[part][0]:
            values = [run[name] for run in found[part]]
            print(
                f"{part:<15}{name:<12}{mean(values):>12.4f} ± {stdev(values) if len(values) > 1 else 0:.4f}"
            )
    print(found.get("rows", ""))
    if asked.json:
        about = {"python": platform.python_version(), "cores": "one used", "machine": platform.machine()}
        before = json.loads(asked.json.read_text()) if asked.json.exists() else {}
        asked.json.write_text(json.dumps({**before, "about": about, **found}, indent=1) + "\n")


if __name__ == "__main__":
    main()
