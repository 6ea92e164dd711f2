"""Answers that are a passage's own sentence, or none: nothing is written that no document says.

A sentence is believed as far as it, and the sentences around it, carry the question's rarer words; a question for a
number or a date wants one in the sentence, and a number in the question must stand in the passage. How sure that is, is
learned (benchmarks/reader.py): from how much is carried, and by how much less the next sentence does that says something
else. What a passage says is only ever quoted: an instruction hidden in it has nobody to obey it, and is not quoted either.
"""

import math
import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from stepladder.core import Hit, Passage
from stepladder.knowledge.instructions import trusted
from stepladder.knowledge.terms import document_terms, is_character, query_terms
from stepladder.text import normalise

Rarity = Callable[[Collection[str]], Mapping[str, float]]
"""How telling each term is: its inverse document frequency where it was searched."""

SURE = 0.65
_WEIGHTS = (2.9, 4.5, 0.1)
_BIAS = -1.6
_SAME = 0.4
_BESIDE = 0.3
_ELSEWHERE = 0.15
_MISSING_NUMBER = 0.1
_ASKS_TIME = re.compile(
    r"时间|日期|何时|什么时候|哪一?[天年月日]|几[月号日年点]|\b(?:when|what (?:date|year|day|time))\b"
)
_ASKS_NUMBER = re.compile(
    r"多少|几[个人位次名项届场家种]|人数|数量|多[大高长远久重宽深]|金额|价格|\bhow (?:many|much|long|old|far|tall|big|high)\b"
)
# What asks and does not tell; English has such words among the stop words.
_ASKING = re.compile(
    r"什么时候|什么样|什么|为何|为什么|何时|何地|多少|哪[一些个位家里儿]*|是谁|由谁|谁|怎么样|怎么|怎样|如何|几时|请问|有没有|是不是|是否|[吗呢吧？?]"
)
_TIME = re.compile(
    r"\d+ ?[年月日号点]|\b\d{4}\b|\d+:\d+|星期|周[一二三四五六日]|[一二三四五六七八九十]+月|"
    r"\b(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec|mon|tues|wednes|thurs|fri|satur|sun)"
)
_NUMBER = re.compile(
    r"\d|[零一二三四五六七八九十百千万亿两]|\b(?:one|two|three|four|five|six|seven|eight|nine|ten|hundred|thousand)\b"
)
_FITS = 0.3


@dataclass(frozen=True, slots=True)
class Quote:
    """A sentence that answers: `start` is its place in the document, `support` how much of the question it carries.

    `confidence` estimates how likely it holds the answer.
    """

    passage: Passage
    text: str
    start: int
    support: float
    confidence: float


@dataclass(frozen=True, slots=True)
class Candidate:
    """A sentence and how well it fits: `fits` is 1 or -1 where the kind of answer that is wanted is there or not, else 0.

    `new` are its terms that the question does not have.
    """

    passage: Passage
    text: str
    start: int
    support: float
    fits: int
    new: frozenset[str]

    @property
    def rank(self) -> float:
        """What it is chosen by."""
        return self.support + _FITS * (self.fits > 0)


def best_quote(question: str, hits: Sequence[Hit], rarity: Rarity) -> Quote | None:
    """The sentence that carries most of the question, however little that is; None where there are no sentences."""
    found = list(candidates(question, hits, rarity))
    if not found:
        return None
    best = max(found, key=lambda one: one.rank)  # of equal ones the first: it stands in the better passage
    weighed = zip(_WEIGHTS, signs(best, found), strict=True)
    confidence = 1 / (1 + math.exp(-_BIAS - sum(weight * sign for weight, sign in weighed)))
    support = max(0.0, min(1.0, best.support))
    return Quote(best.passage, best.text, best.start, support, confidence)


def answered(quote: Quote | None, *, sure: float = SURE) -> bool:
    """Whether the quote is likely enough an answer."""
    return quote is not None and quote.confidence >= sure


def signs(best: Candidate, found: Iterable[Candidate]) -> tuple[float, float, float]:
    """What the confidence is learned from: support, lead over the best sentence that says something else, and fit."""
    others = (one.rank for one in found if not _alike(one.new, best.new))
    return best.support, best.rank - max(others, default=0.0), float(best.fits)


def candidates(question: str, hits: Sequence[Hit], rarity: Rarity) -> Iterable[Candidate]:
    """Every sentence of the passages, in their order."""
    asked = query_terms(_ASKING.sub(" ", normalise(question))) or query_terms(question)
    if not asked or not hits:
        return
    weights = rarity(tuple(asked))
    whole = sum(weights.values()) or 1.0
    wanted = _wanted(question)
    numbers = set(re.findall(r"\d+", normalise(question)))
    for hit in hits:
        passage = hit.passage
        text = normalise(f"{passage.title} {passage.heading} {passage.text}")
        missing = _MISSING_NUMBER * sum(number not in text for number in numbers)
        for (start, end), terms, carried in _carried(passage, weights):
            said = passage.text[start:end]
            fits = 0 if wanted is None else 1 if wanted.search(normalise(said)) else -1
            new = frozenset(terms - asked.keys())
            yield Candidate(passage, said, passage.start + start, carried / whole - missing, fits, new)


def _alike(one: frozenset[str], other: frozenset[str]) -> bool:
    return len(one & other) >= _SAME * max(1, min(len(one), len(other)))


def _carried(
    passage: Passage, weights: Mapping[str, float]
) -> Iterable[tuple[tuple[int, int], set[str], float]]:
    """Each sentence, its terms, and the weight of those asked for: less for those beside it or elsewhere in the passage."""
    spans = list(trusted(passage.text))
    said = [_terms(passage.text[start:end]) for start, end in spans]
    everywhere = _terms(f"{passage.title} {passage.heading}").union(*said)
    for index, span in enumerate(spans):
        beside = set().union(*said[max(0, index - 1) : index + 2])
        carried = sum(
            weight * (1 if term in said[index] else _BESIDE if term in beside else _ELSEWHERE)
            for term, weight in weights.items()
            if term in everywhere
        )
        yield span, said[index], carried


def _terms(text: str) -> set[str]:
    found = set(document_terms(text))
    return found | {
        character for term in found if len(term) == 2 and is_character(term[0]) for character in term
    }


def _wanted(question: str) -> re.Pattern[str] | None:
    normal = normalise(question)
    if _ASKS_TIME.search(normal):
        return _TIME
    return _NUMBER if _ASKS_NUMBER.search(normal) else None
