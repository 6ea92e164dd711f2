"""Prose beside right answers: BLEU, the F1 of words, and likeness of meaning by an embedder's sentences.

BLEU-4 of a whole set (Papineni et al. 2002) with the brevity penalty; where an order of n-grams has no match, its count is
halved again and again (NIST's smoothing, `exp` in sacrebleu). The words' F1 is SQuAD's (Rajpurkar et al. 2016) over our tokens.
Likeness follows BERTScore (Zhang et al. 2020), with sentences in the place of tokens: each sentence is matched with the
one that is nearest to it on the other side. Tokens are words, numbers and single Chinese characters.
"""

import math
from collections import Counter
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from stepladder.evaluation.metrics import Scores, f1, tokens
from stepladder.text import sentences

_ORDERS = 4
Embed = Callable[[Sequence[str]], NDArray[np.float32]]
"""Texts to unit rows."""


def bleu(answers: Sequence[str], gold: Sequence[str]) -> float:
    """Corpus BLEU, from 0 to 1."""
    hits, totals = [0] * _ORDERS, [0] * _ORDERS
    said_words = wanted_words = 0
    for answer, right in zip(answers, gold, strict=True):
        said, wanted = tokens(answer), tokens(right)
        said_words, wanted_words = said_words + len(said), wanted_words + len(wanted)
        for order in range(1, _ORDERS + 1):
            one, other = _grams(said, order), _grams(wanted, order)
            hits[order - 1] += (one & other).total()
            totals[order - 1] += one.total()
    if not said_words or not hits[0]:
        return 0.0
    logs, smooth = [], 1.0
    for hit, total in zip(hits, totals, strict=True):
        if not total:
            break
        if not hit:
            smooth *= 2
        logs.append(math.log(hit / total if hit else 1 / (smooth * total)))
    penalty = min(0.0, 1 - wanted_words / said_words)
    return math.exp(penalty + sum(logs) / len(logs))


def word_f1(answer: str, gold: str) -> float:
    """F1 of the tokens of both, order aside."""
    one, other = Counter(tokens(answer)), Counter(tokens(gold))
    return f1((one & other).total(), one.total(), other.total())


def likeness(answers: Sequence[str], gold: Sequence[str], embed: Embed) -> NDArray[np.float64]:
    """F1 of sentences' cosines, a value a pair."""
    found = []
    for answer, right in zip(answers, gold, strict=True):
        said, wanted = _sentences(answer), _sentences(right)
        if not said or not wanted:
            found.append(float(said == wanted))
            continue
        rows = np.clip(embed([*said, *wanted]), -1, 1)
        near = np.clip(rows[: len(said)] @ rows[len(said) :].T, 0, 1)
        precision, recall = float(near.max(axis=1).mean()), float(near.max(axis=0).mean())
        found.append(f1(precision * recall, precision, recall) if precision + recall else 0.0)
    return np.array(found)


def with_prose(
    scores: Scores, answers: Sequence[str], gold: Sequence[str], embed: Embed | None = None
) -> Scores:
    """Scores of prose with these figures beside them."""
    more = {
        "bleu": bleu(answers, gold),
        "word_f1": float(np.mean([word_f1(one, other) for one, other in zip(answers, gold, strict=True)])),
    }
    if embed is not None:
        more["likeness"] = float(likeness(answers, gold, embed).mean())
    return Scores(scores.main, {**scores.figures, **more}, scores.rows, scores.classes)


def _grams(words: Sequence[str], order: int) -> Counter[tuple[str, ...]]:
    return Counter(zip(*(words[at:] for at in range(order)), strict=False))


def _sentences(text: str) -> list[str]:
    return [text[start:end] for start, end in sentences(text)]
