"""Reading with noise: the right sentence among distracting passages, and refusing where none supports an answer.

The setting of RGB (Chen et al. 2024, arXiv 2309.01431), Chinese: five passages a question, of which a share is noise.
Right means that the quoted sentence holds the answer. Whether a quote is an answer is decided by one threshold on its
confidence; where it lies is chosen on one half of the questions and judged on the other, and the other way round.
"""

from __future__ import annotations

import gzip
import json
import math
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import Any

from stepladder.core import Hit, Passage
from stepladder.knowledge import Quote, best_quote, document_terms
from stepladder.text import normalise

_PASSAGES = 5
_NOISE = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)


class Rarity:
    """Inverse document frequencies over all passages of the set."""

    def __init__(self, passages: Sequence[str]) -> None:
        self._passages = len(passages)
        self._counts: Counter[str] = Counter()
        for text in passages:
            self._counts.update(set(document_terms(text)))

    def __call__(self, asked: Collection[str]) -> dict[str, float]:
        """The idf of each term."""
        return {term: math.log(1 + (self._passages + 0.5) / (self._counts[term] + 0.5)) for term in asked}


def holds(answers: Sequence[Any], text: str) -> bool:
    """Whether the text says every part of the answer, in any of its writings."""
    said = normalise(text).replace(" ", "")
    return all(
        any(normalise(one).replace(" ", "") in said for one in (part if isinstance(part, list) else [part]))
        for part in answers
    )


def measured(data: Path) -> Iterator[dict[str, Any]]:
    """One line a share of noise; the last is all noise, where refusing is right."""
    with gzip.open(data / "rgb" / "zh_refine.json.gz", "rt", encoding="utf-8") as opened:
        rows = [json.loads(line) for line in opened]
    rarity = Rarity([text for row in rows for text in row["positive"] + row["negative"]])
    quotes = {noise: [_quote(row, noise, rarity) for row in rows] for noise in _NOISE}
    thresholds = [_threshold(quotes, half) for half in (0, 1)]
    for noise in _NOISE:
        right = [
            quote is not None and holds(row["answer"], quote.text)
            for row, quote in zip(rows, quotes[noise], strict=True)
        ]
        refused = [_confidence(quote) < thresholds[1 - i % 2] for i, quote in enumerate(quotes[noise])]
        yield {
            "noise": noise,
            "questions": len(rows),
            "right_sentence": sum(right) / len(right),
            "refused": sum(refused) / len(refused),
            "right_of_answered": sum(r and not n for r, n in zip(right, refused, strict=True))
            / max(1, len(refused) - sum(refused)),
        }


def _quote(row: dict[str, Any], noise: float, rarity: Rarity) -> Quote | None:
    distracting = round(_PASSAGES * noise)
    texts = row["positive"][: _PASSAGES - distracting] + row["negative"][:distracting]
    hits = [Hit(Passage(i, "rgb", str(i), text), 1.0) for i, text in enumerate(texts)]
    return best_quote(row["query"], hits, rarity)


def _confidence(quote: Quote | None) -> float:
    return 0.0 if quote is None else quote.confidence


def _threshold(quotes: dict[float, list[Quote | None]], half: int) -> float:
    """Where a half's answerable (noise .4) and unanswerable questions part best, both counting alike."""
    yes = [_confidence(quote) for quote in quotes[0.4][half::2]]
    no = [_confidence(quote) for quote in quotes[1.0][half::2]]
    return max(
        sorted({*yes, *no}),
        key=lambda line: sum(one >= line for one in yes) / len(yes) + sum(one < line for one in no) / len(no),
    )


def page(lines: list[dict[str, Any]]) -> list[str]:
    """The table."""
    return [
        "## Reading with noise (RGB, Chinese)",
        "",
        "Five passages a question. *Right*: the quoted sentence holds the answer. *Refused*: its confidence is below the",
        "threshold (chosen on the other half of the questions). At 100 % noise no passage supports an answer.",
        "",
        "| noise | right sentence | refused | right of those answered |",
        "|--:|--:|--:|--:|",
        *(
            f"| {line['noise']:.0%} | {line['right_sentence']:.3f} | {line['refused']:.3f} | {line['right_of_answered']:.3f} |"
            for line in lines
        ),
    ]
