"""A summary made of the text's own sentences: those that say most of what the text says, each thing once."""

import math
from collections import Counter

from stepladder.knowledge.instructions import trusted
from stepladder.knowledge.terms import query_terms
from stepladder.text import Span

_LEAD = 20.0
_MOST_SENTENCES = 4000


def extract(text: str, count: int) -> list[Span]:
    """The `count` sentences to keep, as (start, end), in the text's order.

    Greedy coverage of the text's words, each worth the logarithm of how often the text says it, and less once it has
    been said (a submodular objective, after Lin & Bilmes 2011). Early sentences gain much: measured, the first ones alone
    are hard to beat (benchmarks/results/answers.md).
    """
    every = list(trusted(text))[:_MOST_SENTENCES]
    spans = [
        span for span in every if not text.startswith(("#", "|"), span[0])
    ] or every  # no headings, no tables
    if len(spans) <= count:
        return spans
    said = [query_terms(text[start:end]) for start, end in spans]
    often = Counter(term for terms in said for term in set(terms))
    worth = {term: math.log1p(number) for term, number in often.items()}
    left = dict(worth)
    chosen: list[int] = []
    while len(chosen) < count:
        gains = [
            (sum(left.get(term, 0.0) for term in terms) * (1 + _LEAD / (1 + place)), -place)
            for place, terms in enumerate(said)
            if place not in chosen
        ]
        _, place = max(gains)
        chosen.append(-place)
        for term in said[-place]:
            if term in left:
                left[term] = worth[term] / 8
    return [spans[place] for place in sorted(chosen)]
