"""Whether passages support what an answer says, sentence by sentence, and which sentence of theirs does.

A claim is supported as far as one sentence of a passage, and a little its neighbours, carry the claim's words; a word
that no passage has counts twice, since it is what the claim adds. Each number of the claim must stand there too, and
neither side may deny what the other says. A row of a table has no neighbours but the table's head. Between clear
support and none, the embedding of claim and sentence decides where there is one. It measures wording, not truth: a
claim that recombines the words of one sentence passes.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from stepladder.core import Embedder, Passage
from stepladder.knowledge.alteration import IDLE, Laid, altered
from stepladder.knowledge.instructions import is_instruction, trusted
from stepladder.knowledge.numbers import numbers_of
from stepladder.knowledge.terms import document_terms, is_character, query_terms
from stepladder.text import normalise

SUPPORTED = 0.6
_DOUBTFUL = 0.3
_NEAR = 0.9
_BESIDE = 0.8
_ABOVE = 0.5
_TURNED = 0.5  # a pair of characters whose both stand there, apart
_NEW = 2.0
_LOOKED_AT = 3
_NO_TABLE = -1
_LEAST_TERMS = 2
_SAID = (".", "!", "。", "！")  # how a sentence ends, and a heading does not
_SAYS_NOTHING = frozenset(  # by itself
    document_terms(
        "sure certainly absolutely definitely yes no ok okay correct right exactly indeed hello hi hey thanks thank great good "
        "welcome sorry unfortunately please understood of course "
        "好的 当然 是的 可以 不是 没有 不行 不能 对的 您好 你好 谢谢 抱歉 明白 没错"
    )
)
_MARKER = re.compile(r"\s*[\[［【](?:\d{1,3}(?:\s*[,，、;-]\s*)?)+[\]］】]")
_DENIES = re.compile(
    r"\b(?:not|no|never|none|nor|neither|without|cannot|can't|isn't|aren't|wasn't|weren't|don't|doesn't|didn't|won't|"
    r"shouldn't|mustn't|hasn't|haven't|couldn't|wouldn't)\b|不(?![同仅但断只过少久错])|没|未(?!来)|无(?![线论锡])|勿|禁止|并非|绝非"
)
_CLAUSE = re.compile(r"[，,；;：:。|]|\b(?:but|and|while|although)\b")
_RULED = re.compile(r"[|:\s-]*-[|:\s-]*")  # the line under a table's head


@dataclass(frozen=True, slots=True)
class Support:
    """The sentence that supports a claim: `start` is its place in the document, `share` how much of the claim it carries."""

    passage: Passage
    text: str
    start: int
    share: float


@dataclass(frozen=True, slots=True)
class _Sentence:
    passage: Passage
    start: int
    text: str
    terms: frozenset[str]
    beside: frozenset[str]
    above: frozenset[str]
    numbers: frozenset[str]
    nearby: tuple[Laid, ...]
    elsewhere: frozenset[str]


class Evidence:
    """The sentences of some passages, looked at once, for the claims of one answer. Not for several threads at a time.

    `variants` gives a claim's other wordings, the claim itself first: any of them may be the passages'.
    """

    def __init__(
        self,
        passages: Sequence[Passage],
        embedder: Embedder | None = None,
        variants: Callable[[str], Sequence[str]] = lambda claim: (claim,),
    ) -> None:
        self._embedder = embedder
        self._variants = variants
        self._sentences = [one for passage in passages for one in _of(passage)]
        self._known = frozenset().union(*(one.terms | one.above for one in self._sentences))

    def support(self, claim: str) -> Support | None:
        """What carries most of a claim, if that is enough; None where nothing does. Raises RungFailed with an embedder."""
        found = (self._support(said) for said in self._variants(claim))
        return next((one for one in found if one is not None), None)

    def nearest(self, claim: str) -> Support | None:
        """The sentence that a reader should look at before a claim that nothing supports is called unsupported.

        None where no sentence is near, or none has the claim's numbers.
        """
        found = [one for said in self._variants(claim) for one in self._ranked(said)[:1]]
        share, one = max(found, key=lambda pair: pair[0], default=(0.0, None))
        return _support(one, share) if one is not None and share >= _DOUBTFUL else None

    def _support(self, claim: str) -> Support | None:
        near: list[_Sentence] = []
        for share, one in self._ranked(claim):
            if share < _DOUBTFUL or len(near) == _LOOKED_AT:
                break
            if _denied(claim, one) or _altered(claim, one):
                continue
            if share >= SUPPORTED:
                return _support(one, share)
            near.append(one)
        return self._by_meaning(claim, near)

    def _ranked(self, claim: str) -> list[tuple[float, _Sentence]]:
        """(share of the claim, sentence) of those that have its numbers, the best first."""
        terms = claim_terms(claim)
        asked = {
            term: 1.0 if self._has(term) else _NEW for term in terms if self._has(term) or not _idle(term)
        }
        numbers = numbers_of(claim)
        fitting = [(_carried(asked, one), one) for one in self._sentences if asked and numbers <= one.numbers]
        return sorted(fitting, key=lambda pair: -pair[0])

    def _has(self, term: str) -> bool:
        pair = len(term) == 2 and is_character(term[0])
        return term in self._known or (pair and all(letter in self._known for letter in term))

    def _by_meaning(self, claim: str, near: Sequence[_Sentence]) -> Support | None:
        if self._embedder is None or not near:
            return None
        rows = self._embedder.embed([claim, *(one.text for one in near)], query=False)
        likeness = rows[1:] @ rows[0]
        best = int(likeness.argmax())
        return _support(near[best], SUPPORTED) if likeness[best] >= _NEAR else None


def _idle(term: str) -> bool:
    return term in IDLE or (is_character(term[0]) and not IDLE.isdisjoint(term))


def unmarked(sentence: str) -> str:
    """A sentence without the numbers in brackets that a model has put there."""
    return _MARKER.sub("", sentence)


def claims(sentence: str) -> bool:
    """Whether a sentence says anything that could be checked: headings, "Sure." and "Here it is:" do not."""
    said = sentence.strip()
    terms = claim_terms(said)
    if not terms or said.endswith((":", "：", "?", "？")):
        return False
    return len(terms) >= _LEAST_TERMS or (said.endswith(_SAID) and not terms <= _SAYS_NOTHING)


def claim_terms(text: str) -> frozenset[str]:
    """The words of a claim that tell something."""
    return frozenset(query_terms(text.lstrip("-*•# 0123456789.)、")))


def _of(passage: Passage) -> list[_Sentence]:
    spans = list(trusted(passage.text))
    said = [_terms(passage.text[start:end]) for start, end in spans]
    over = " ".join(said for said in (passage.title, passage.heading) if not is_instruction(said))
    above, numbers = _terms(over), numbers_of(over)
    laid = [Laid.of(passage.text[start:end]) for start, end in spans]
    texts = [passage.text[start:end] for start, end in spans]
    tables = _tables(texts)
    rows: dict[int, set[str]] = {}
    for table, terms in zip(tables, said, strict=True):
        rows.setdefault(table, set()).update(terms)
    found = []
    for index, table in enumerate(tables):
        if table == _NO_TABLE:
            nearby = list(range(max(0, index - 1), min(len(spans), index + 2)))
        elif _RULED.fullmatch(texts[index]):
            continue
        else:
            headed = _RULED.fullmatch("".join(texts[table + 1 : table + 2]))
            nearby = sorted({table, index}) if headed else [index]
        beside = frozenset().union(*(said[one] for one in nearby))
        found.append(
            _Sentence(
                passage,
                spans[index][0],
                texts[index],
                said[index],
                beside,
                above,
                numbers.union(*(numbers_of(texts[one]) for one in nearby)),
                tuple(laid[one] for one in nearby) if table == _NO_TABLE else _cells(texts[index]),
                frozenset() if table == _NO_TABLE else frozenset(rows[table]) - beside,
            )
        )
    return found


def _tables(texts: Sequence[str]) -> list[int]:
    """Of each line where the table begins that it belongs to."""
    begun: list[int] = []
    for index, text in enumerate(texts):
        before = begun[-1] if begun else _NO_TABLE
        begun.append(_NO_TABLE if not text.startswith("|") else index if before == _NO_TABLE else before)
    return begun


def _cells(row: str) -> tuple[Laid, ...]:
    """Of a row each cell by itself: what stands in the next one stands in no other's place."""
    return tuple(Laid.of(cell) for cell in row.split("|") if cell.strip())


def _terms(text: str) -> frozenset[str]:
    found = frozenset(document_terms(text))
    return found | {letter for term in found if len(term) == 2 and is_character(term[0]) for letter in term}


def _carried(asked: Mapping[str, float], one: _Sentence) -> float:
    """The share of a claim's words that a sentence carries; 0 where another sentence is nearer.

    What another row of its table says, and it does not, counts once more: the claim speaks of that.
    """
    inside = asked.keys() & one.terms
    beside = (asked.keys() - inside) & one.beside
    above = (asked.keys() - inside - beside) & one.above
    if 2 * len(inside) < len(asked.keys() & (one.beside | one.above)):
        return 0.0
    left = asked.keys() - inside - beside - above
    turned = sum(is_character(term[0]) and set(term) <= one.terms for term in left)
    carried = len(inside) + _BESIDE * len(beside) + _ABOVE * len(above) + _TURNED * turned
    return carried / (sum(asked.values()) + len(asked.keys() & one.elsewhere) or 1.0)


def _denied(claim: str, one: _Sentence) -> bool:
    """Whether one of the two denies what the other says; of a long sentence, only the clauses that the claim repeats."""
    asked = claim_terms(claim)
    used = []
    for clause in _CLAUSE.split(normalise(one.text)):
        terms = frozenset(query_terms(clause)) if clause else frozenset()
        if terms and 2 * len(terms & asked) >= len(terms):
            used.append(clause)
    said = " ".join(used) or one.text
    return (_DENIES.search(normalise(claim)) is None) != (_DENIES.search(normalise(said)) is None)


def _altered(claim: str, one: _Sentence) -> bool:
    return altered(claim, one.nearby, one.beside | one.above)


def _support(one: _Sentence, share: float) -> Support:
    return Support(one.passage, one.text, one.passage.start + one.start, min(1.0, share))
