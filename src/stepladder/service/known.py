"""The rungs below the top of a task that answers from documents: what a person approved, and the documents' own words."""

import asyncio
import re
import threading
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Collection, Sequence
from dataclasses import dataclass, replace
from hashlib import blake2b

from stepladder.core import (
    UNSUPPORTED_MARKS,
    Answer,
    Citation,
    Grounds,
    Part,
    Question,
    RungFailed,
    StepladderError,
    Task,
)
from stepladder.knowledge import Quote, answered, best_quote, in_order, query_terms
from stepladder.service.finding import Finder, Found
from stepladder.service.grounded import refused, stood_on
from stepladder.service.purse import billed
from stepladder.store import OVERLAP, Approval
from stepladder.text import normalise

VERIFIED = "verified"
READER = "reader"
_LOOK_SECONDS = 0.5
_ANEW_SECONDS = 3600.0
_ASKING = (
    *(
        "who",
        "whom",
        "whose",
        "what",
        "when",
        "where",
        "which",
        "why",
        "how",
        "can",
        "must",
        "should",
        "may",
        "if",
    ),
    *("before", "after", "more", "most", "only", "other", "own", "under", "over", "out", "up", "down", "off"),
)
_KEPT = re.compile(
    r"\b(?:" + "|".join(_ASKING) + r")\b|\b(?:not|no|never|none|without|cannot|nor)\b|n't\b|[不没未无非勿别]"
)
_FILLING = re.compile(
    r"请问|麻烦|一下|[吗呢吧啊呀的了]|你好|您好|谢谢|[，。？！?!]|"
    r"(?<![\d.,、~\s])[.,、~\s]+|[.,、~\s]++(?!\d)"  # between digits a point is no filler
)
_SIGN = re.compile(r"(?<!\w)-(?=\w)|(?<=\d)[.:/-](?=\d)|[+#&@%*<>=^|$€£¥°±×÷]")  # C# is not C++, nor 1.5 15
_CAPITALS = re.compile(r"(?<=\w )A\b|\b(?:IT|US)\b")  # vitamin A, and not "a vitamin"

Signature = tuple[tuple[str, ...], tuple[str, ...]]


def signature(text: str) -> Signature:
    """What makes two questions neighbours: the same telling words in the same order, asked and denied the same way.

    Fillers, endings, case and writing may differ; a name, a number, a sign, a "not" or a "who" may not.
    """
    said = normalise(text)
    asking = tuple(sorted(Counter(_KEPT.findall(said)).elements()))
    if re.search(r"[\u3400-\u9fff]", said):
        return (_FILLING.sub("", said),), asking
    signs = (*_SIGN.findall(said), *(() if text.isupper() else _CAPITALS.findall(text)))
    return (*(in_order(said) or query_terms(said)), *signs), asking


class Verified:
    """Approved answers of a task by tenant and signature, kept up with feedback as it comes in.

    Feedback with a lower id may come in a little later: each look goes back over the last ids. What retention has taken out
    is let go within the hour.
    """

    def __init__(self, read: Callable[[int, Collection[int]], Sequence[Approval]]) -> None:
        """`read(after, besides)` gives feedback with an id above `after` that is none of `besides`; it blocks."""
        self._read = read
        self._answers: dict[tuple[str, Signature], Approval] = {}
        self._near: frozenset[int] = frozenset()  # ids that were read, as far back as a look goes
        self._last = 0
        self._looked = self._began = float("-inf")
        self._lock = threading.Lock()
        self.begun = False  # whether it has read anything yet, or is about to

    @property
    def version(self) -> int:
        """Another one with every word that may change what `find` gives, once that is taken in; 0 before the first."""
        told = ",".join(map(str, sorted(self._near)))
        return int.from_bytes(blake2b(told.encode(), digest_size=8).digest(), "big") if told else 0

    def look(self) -> None:
        """Take in what has been said since the last look. Blocks. Raises StoreError."""
        with self._lock:
            self.begun, now = True, time.monotonic()
            anew = now - self._began >= _ANEW_SECONDS
            answers, last, near = ({}, 0, frozenset()) if anew else (self._answers, self._last, self._near)
            read = self._read(max(0, last - OVERLAP), near)
            for approval in read:
                key = approval.tenant, signature(approval.text)
                if (known := answers.get(key)) is None or known.id < approval.id:
                    answers[key] = approval
            last = max([last, *(approval.id for approval in read)])
            self._answers, self._last = answers, last
            self._began = now if anew else self._began
            self._looked = time.monotonic()
            # In the end only: whoever sees this version finds all of it.
            self._near = frozenset(id for id in {*near, *(one.id for one in read)} if id > last - OVERLAP)

    def find(self, tenant: str, text: str) -> Approval | None:
        """What was approved for this question of this tenant. Blocks for a look at the store, twice a second at most."""
        if time.monotonic() - self._looked >= _LOOK_SECONDS:
            self.look()
        known = self._answers.get((tenant, signature(text)))
        return known if known is not None and known.answer is not None else None


class VerifiedRung:
    """Gives an approved answer again, to the same tenant, as long as all that it cites still stands."""

    name = VERIFIED
    release = ""

    def __init__(self, verified: Verified, finder: Finder) -> None:
        self._verified = verified
        self._finder = finder

    async def answer(self, question: Question) -> AsyncIterator[Part]:
        """The approved answer at confidence 1, or nothing at 0. Raises RungFailed where the store cannot be read."""
        try:
            known = None if question.turns else await asyncio.to_thread(self._look, question)
        except StepladderError as error:
            raise RungFailed(self.name, error.message, remedy=error.remedy) from error
        if known is None or known.answer is None:
            yield Answer("", 0.0, self.name)
            return
        yield Answer(known.answer, 1.0, self.name, grounds=known.grounds)

    def _look(self, question: Question) -> Approval | None:
        known = self._verified.find(question.tenant, question.text)
        if known is None or known.grounds is None:
            return known
        # What it was written from counts too: it may have said what this asker, in other groups, may not read.
        needed = {one.passage for one in known.grounds.citations}.union(known.grounds.passages)
        if needed and needed != set(self._finder.source.standing(self._finder.scope(question), needed)):
            return None
        return replace(known, grounds=as_approved(known.grounds, known.answer or ""))


def as_approved(grounds: Grounds, text: str) -> Grounds:
    """The grounds of an approved text: it may be another than the one they were written for."""
    marked = tuple(
        said for said in grounds.unsupported if any(f"{said}{mark}" in text for mark in UNSUPPORTED_MARKS)
    )
    cited = tuple(one for one in grounds.citations if f"[{one.number}]" in text)
    return replace(grounds, citations=cited, refused=False, unsupported=marked, review=False)


@dataclass(frozen=True, slots=True)
class ReaderRung:
    """Answers with the sentence that carries the question, as sure as the reader is that it holds the answer.

    Where nothing was found and the task may use nothing else, it is sure that it does not know.
    """

    finder: Finder
    task: Task

    @property
    def name(self) -> str:
        """Always "reader"."""
        return READER

    @property
    def release(self) -> str:
        """It has none."""
        return ""

    def answer(self, question: Question) -> AsyncIterator[Part]:
        """The sentence and its citation. Raises RungFailed where the knowledge cannot be searched; TooMany."""
        return billed(question, self._answer)

    async def _answer(self, question: Question) -> AsyncIterator[Part]:
        found = await self.finder.find(question)
        if not found.hits and self.task.knowledge.answer_only_from_knowledge:
            yield refused(self.task, question, found, self.name)
            return
        quote = await asyncio.to_thread(self._read, question, found) if found.hits else None
        if quote is None or not answered(quote):
            yield Answer("", 0.0, self.name)
            return
        grounds = replace(stood_on(found), citations=(_cited(quote),))
        yield Answer(f"{quote.text} [1]", quote.confidence, self.name, grounds=grounds)

    def _read(self, question: Question, found: Found) -> Quote | None:
        scope, source = self.finder.scope(question), self.finder.source
        quotes = [
            best_quote(said, found.hits, lambda terms: source.rarity(scope, terms)) for said in found.asked
        ]
        return max((one for one in quotes if one is not None), key=lambda one: one.confidence, default=None)


def _cited(quote: Quote) -> Citation:
    passage = quote.passage
    return Citation(
        1,
        passage.collection,
        passage.document,
        passage.title,
        passage.source,
        quote.start,
        quote.text,
        passage.number,
    )
