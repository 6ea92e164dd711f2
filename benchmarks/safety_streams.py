"""What guards on a streamed answer hold back, and for how long: the delay of the first token, in characters and in time.

    python benchmarks/safety_streams.py --data ../shared/data [--pace 50]

Harmless paragraphs and reviews are answers, fed in pieces of the size of a token (two Han characters, four others). Counted:
how many characters have come when the first one leaves, and how many are held at most and on average; `delay_ms` is what that
means for the first token at `--pace` tokens a second; `cpu_us` is a piece's share of the processor. Results go to
benchmarks/results/safety-streams.json.
"""

import argparse
import gzip
import json
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import mean, median
from typing import Any

from stepladder.core import Side
from stepladder.safety import StreamGuard, open_guard

RESULT = Path(__file__).parent / "results" / "safety-streams.json"
SETS = {
    "secrets": ("secrets",),
    "personal": ("personal",),
    "words": ("words",),
    "words, personal, secrets": ("words", "personal", "secrets"),
}
_KEY = (0, "content", None)


def pieces(text: str) -> list[str]:
    """The text in pieces of about a token."""
    size = 4 if text.isascii() else 2
    return [text[at : at + size] for at in range(0, len(text), size)]


def streamed(names: Sequence[str], text: str) -> dict[str, float]:
    """Feed one answer; what was held, and what it cost."""
    stream = StreamGuard([open_guard(name, name, {}) for name in names], Side.OUT)
    come = left = 0
    first, held = 0, []
    parts = pieces(text)
    began = time.process_time()
    for part in parts:
        come += len(part)
        left += len(stream.feed(_KEY, part))
        first = first or (come if left else 0)
        held.append(come - left)
    stream.finish(_KEY)
    took = time.process_time() - began
    size = len(parts[0])
    return {
        "first": first or come,
        "tokens": ((first or come) - 1) // size,
        "most": max(held),
        "mean": mean(held),
        "cpu": took / len(parts) * 1e6,
    }


def figures(names: Sequence[str], texts: Sequence[str], pace: float) -> dict[str, Any]:
    """The medians over answers, and the most that was ever held."""
    found = [streamed(names, text) for text in texts]
    return {
        "answers": len(found),
        "characters_before_the_first": median(one["first"] for one in found),
        "delay_ms": round(median(one["tokens"] for one in found) / pace * 1000),
        "held_on_average": round(mean(one["mean"] for one in found), 1),
        "held_at_most": max(one["most"] for one in found),
        "cpu_us_a_piece": round(median(one["cpu"] for one in found), 1),
    }


def main() -> None:
    """Measure every set of guards in both languages."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--pace", type=float, default=50.0, help="tokens a second")
    arguments = parser.parse_args()
    with gzip.open(arguments.data / "cmrc2018" / "cmrc2018_dev.json.gz") as file:
        chinese = [p["context"][:400] for article in json.load(file)["data"] for p in article["paragraphs"]][
            :40
        ]
    with gzip.open(arguments.data / "imdb_gpt35.jsonl.gz", "rt", encoding="utf-8") as file:
        english = [json.loads(line)["text"][:800] for _, line in zip(range(40), file, strict=False)]
    found: dict[str, Any] = {
        "command": "python benchmarks/safety_streams.py",
        "pace, tokens a second": arguments.pace,
    }
    for name, guards in SETS.items():
        found[name] = {
            "Chinese": figures(guards, chinese, arguments.pace),
            "English": figures(guards, english, arguments.pace),
        }
        print(name, json.dumps(found[name]))
    RESULT.write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
