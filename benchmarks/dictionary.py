"""The dictionary with a million entries: time to find, time until an edit is in force, memory.

    python benchmarks/dictionary.py

Half of the entries are phrases, half whole questions in normal form; English and Chinese words alike, made by a seed.
Questions of about 60 characters hold an entry, or none. Writes results/dictionary.json beside this file.
"""

import datetime
import json
import platform
import random
import resource
import time
from pathlib import Path
from statistics import median, quantiles

from stepladder.models import Entries

HERE = Path(__file__).parent
COUNT = 1_000_000
HAN = [chr(code) for code in range(0x4E00, 0x4E00 + 2500)]


def phrase(draw: random.Random) -> str:
    """Two to four made-up words, or three to eight Chinese characters."""
    if draw.random() < 0.5:
        return "".join(draw.choices(HAN, k=draw.randint(3, 8)))
    return " ".join(
        "".join(draw.choices("abcdefghiklmnoprstu", k=draw.randint(3, 8))) for _ in range(draw.randint(2, 4))
    )


def question(draw: random.Random, held: str) -> str:
    """About 60 characters around what it holds."""
    filler = (
        "please tell me whether you have"
        if held.isascii()
        else "请问你们这里现在还有没有这个东西呢，想买的是"
    )
    return f"{filler} {held} {'in stock today' if held.isascii() else '，谢谢你们的回答'}"


def filled(seed: int) -> tuple[Entries, list[str]]:
    """A million entries, and the phrases among them."""
    draw = random.Random(seed)
    entries, phrases = Entries(), []
    for k in range(COUNT):
        key = phrase(draw)
        entries.put("phrase" if k % 2 else "normalised", key, "yes")
        if k % 2:
            phrases.append(key)
    return entries, phrases


def questions(seed: int, phrases: list[str], count: int = 20_000) -> list[str]:
    """Half of them hold an entry."""
    draw = random.Random(seed + 1)
    return [question(draw, draw.choice(phrases) if k % 2 else phrase(draw)) for k in range(count)]


def edit(entries: Entries, number: int) -> None:
    """Put an entry and find it. Raises SystemExit where it is not in force."""
    key = f"delisted product {number}"
    entries.put("phrase", key, "no longer sold")
    if entries.find(f"have you {key}?") != "no longer sold":
        raise SystemExit("an edit was not in force")


def main() -> None:
    """Build, ask, edit, write."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    began = time.perf_counter()
    entries, phrases = filled(0)
    built = time.perf_counter() - began
    asked = questions(0, phrases)
    entries.find(asked[0])
    times, cpu, found = [], [], 0
    for text in asked:
        began, spent = time.perf_counter(), time.thread_time()
        found += entries.find(text) is not None
        cpu.append((time.thread_time() - spent) * 1e6)
        times.append((time.perf_counter() - began) * 1e6)
    edits = []
    for k in range(1000):
        began = time.perf_counter()
        edit(entries, k)
        edits.append((time.perf_counter() - began) * 1e6)
    cuts = quantiles(times, n=100)
    figures = {
        "command": "python benchmarks/dictionary.py",
        "machine": f"one of 2 shared cores, Python {platform.python_version()}",
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "entries": COUNT,
        "built_s": round(built, 1),
        "find_us": {"p50": round(median(times), 1), "p99": round(cuts[98], 1)},
        "found_share": found / len(asked),
        "find_cpu_us": {"p50": round(median(cpu), 1), "p99": round(quantiles(cpu, n=100)[98], 1)},
        "edit_and_find_us": {"p50": round(median(edits), 1), "max": round(max(edits), 1)},
        "peak_mb": round((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024),
    }
    (HERE / "results" / "dictionary.json").write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(figures, indent=1))


if __name__ == "__main__":
    main()
