"""A question's passages: what is searched for, and what was found, once for all the rungs that a question meets."""

import asyncio
import logging
import re
from collections import OrderedDict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from stepladder.core import (
    Answer,
    BadRequest,
    Embedder,
    Hit,
    Knows,
    Passage,
    Question,
    Rewrite,
    Rung,
    RungFailed,
    Scope,
    Screen,
    StepladderError,
    Task,
)
from stepladder.models import Entries, Pattern
from stepladder.text import normalise, sentences

_log = logging.getLogger(__name__)
DICTIONARY = "dictionary"
"""The collection that facts are cited from."""
_REMEMBERED = 512
_MOST_QUERIES = 3
_MOST_QUERY = 300
_SHORT_WORDS = 3
_SHORT_HAN = 6
_RRF = 60
_DEEPER = 20  # passages that are looked at where a question names a term: what names it too goes first
_POINTS_BACK = re.compile(
    r"\b(?:it|its|that|this|they|them|their|those|these|he|she|him|her|one|ones|there|then|"
    r"former|latter|same|else|too|instead)\b|"
    r"^(?:and|but|so|or|what about|how about)\b|"
    r"[它他她](?:们)?|[这那该此](?:个|些|种|里|样|时|款|项|家|位|边)?|其中|上述|前者|后者|同样|还有|另外|呢[?？]?$"
)
_SEVERAL = re.compile(
    r"\b(?:compar\w*|differences?|differ|versus|vs|both|each|respectively|or|than)\b|"
    r"比较|相比|对比|区别|不同|差别|分别|各自|还是|哪个更|哪种更|[比和与].*[更多少]"
)
_JOINED = re.compile(
    r"[,;]?\s+(?:and|or)\s+(?=(?:who|whom|whose|what|when|where|which|why|how)\b)|"
    r"[，；]\s*(?:并且|而且|以及|还有|另外|同时)?|以及|还有",
    re.IGNORECASE,
)
_ASKS = re.compile(
    r"\b(?:who|whom|whose|what|when|where|which|why|how|is|are|was|were|do|does|did|can|may|must|should|will)\b|"
    r"谁|何|什么|哪|几|多[少久长大高远重]|怎|吗|是否",
    re.IGNORECASE,
)
_HAN = re.compile(r"[\u3400-\u9fff]")


@dataclass(frozen=True, slots=True)
class Source:
    """Where a task's knowledge lies. All of it may block, and raises StepladderError where it is in trouble.

    `find(query, scope, top, names)` gives hits, best first; names that the query holds are each one term of it, where
    terms are ours. `rarity` says how telling words are there. `standing` says which
    of some passages (by number) the scope may still see. `version` changes with everything that could be found, and
    does not block. `private`: nobody elsewhere is told what is searched for.
    """

    find: Callable[[str, Scope, int, Sequence[str]], Sequence[Hit]]
    rarity: Callable[[Scope, Collection[str]], Mapping[str, float]]
    standing: Callable[[Scope, Collection[int]], Collection[int]]
    version: Callable[[], str]
    embedder: Callable[[], Embedder | None] = lambda: None
    private: bool = True


@dataclass(frozen=True, slots=True)
class Found:
    """What was searched for, and the passages. `asked` is the question, in each of its wordings."""

    queries: tuple[str, ...]
    hits: tuple[Hit, ...]
    asked: tuple[str, ...] = ()

    @property
    def passages(self) -> tuple[Passage, ...]:
        """The passages, best first."""
        return tuple(hit.passage for hit in self.hits)


class Finder:
    """Finds the passages of a task's questions. `rewriter` is the model that writes queries, where one is to.

    Of the owner's `words`, synonyms are searched for too, and facts on what the question names are its first passages;
    terms are searched for as one word each, and the passages that name them come then.
    `screen` are the guards that passages meet before any rung sees them.
    """

    def __init__(
        self,
        knows: Knows,
        source: Source,
        rewriter: Rung | None = None,
        words: Entries | None = None,
        screen: Screen | None = None,
    ) -> None:
        self._screen = screen
        self.source = source
        self.knows = knows
        self.words = words or Entries()
        self._rewriter = rewriter
        self._known: OrderedDict[str, Found] = OrderedDict()

    async def find(self, question: Question) -> Found:
        """The question's passages. Raises RungFailed where the knowledge cannot be searched, GuardFailed, TooMany."""
        known = self._known.get(question.id)
        if known is not None:
            return known
        queries = await self._queries(question)
        asked = self.words.variants(queries[0])
        queries = tuple(dict.fromkeys(said for query in queries for said in self.words.variants(query)))
        scope = self.scope(question)
        try:
            hits = await asyncio.to_thread(self._search, queries, scope)
        except BadRequest as error:  # the asker has no such collection: there is nothing to find
            _log.warning("Nothing is known to the task %s: %s", question.task, error.message)
            hits = ()
        except RungFailed:
            raise
        except StepladderError as error:
            raise RungFailed("knowledge", error.message, remedy=error.remedy) from error
        hits = (*self._facts(question.text), *hits)
        if self._screen is not None and hits:
            hits = await screened(self._screen, question, hits)
        found = self._known[question.id] = Found(queries, hits, asked)
        while len(self._known) > _REMEMBERED:
            self._known.popitem(last=False)
        return found

    def scope(self, question: Question) -> Scope:
        """What the asker may find."""
        return Scope(question.tenant, question.groups, tags=self.knows.tags)

    def _facts(self, text: str) -> Iterator[Hit]:
        """What the owner has said of the things that a question names; numbered so that no passage is meant."""
        for number, (name, fact) in enumerate(self.words.facts_on(text), 1):
            yield Hit(Passage(-number, DICTIONARY, name, fact, title=name), 1.0)

    def _search(self, queries: Iterable[str], scope: Scope) -> tuple[Hit, ...]:
        most = self.knows.passages
        named = {query: self.words.terms_in(query) for query in queries}
        terms = [term for each in named.values() for term in each]
        found = fused(
            [
                self.source.find(
                    query, scope, max(most, _DEEPER) if terms else most, [term.longest for term in each]
                )
                for query, each in named.items()
            ]
        )
        if terms:
            found.sort(key=lambda hit: -_named(hit.passage, terms))
        return tuple(found[:most])

    async def _queries(self, question: Question) -> tuple[str, ...]:
        alone = _alone(question)
        if self.knows.rewrite is Rewrite.NONE:
            return (question.text,)
        several = len(alone) > 1 or _SEVERAL.search(normalise(question.text)) is not None
        if self.knows.rewrite is Rewrite.MODEL and self._rewriter and (several or alone[0] != question.text):
            try:
                written = await _rewritten(self._rewriter, question)
                # Read is one question: what is written for it, or, where that is several, the whole of it.
                both = (*written, alone[0]) if len(written) == 1 else (alone[0], *written)
                return tuple(dict.fromkeys(both))
            except RungFailed as error:
                _log.warning("The question was not rewritten: %s", error.message)
        return alone


def _named(passage: Passage, terms: Iterable[Pattern]) -> int:
    text = normalise(f"{passage.title}\n{passage.heading}\n{passage.text}")
    return sum(term.fits(text) for term in terms)


async def screened(screen: Screen, question: Question, hits: Sequence[Hit]) -> tuple[Hit, ...]:
    """The hits that guards let a model see, as they let it see them. What an attack stands in is not found at all."""
    kept = []
    for hit in hits:
        passage = hit.passage
        said = (passage.title, passage.heading, passage.text)
        title, heading, text = await screen(question.id, question.task, question.tenant, "passage", said)
        if title is None or heading is None or text is None:
            continue
        changed = replace(passage, title=title, heading=heading, text=text)
        kept.append(hit if changed == passage else replace(hit, passage=changed))
    return tuple(kept)


def fused(found: Sequence[Sequence[Hit]]) -> list[Hit]:
    """Several searches' hits as one, by reciprocal rank (Cormack, Clarke & Büttcher 2009)."""
    if len(found) == 1:
        return list(found[0])
    scores: dict[tuple[str, int], float] = {}
    hits: dict[tuple[str, int], Hit] = {}
    for ranked in found:
        for place, hit in enumerate(ranked, 1):
            key = hit.passage.collection, hit.passage.number
            scores[key] = scores.get(key, 0.0) + 1 / (_RRF + place)
            hits.setdefault(key, hit)
    best = sorted(scores, key=lambda key: -scores[key])
    return [replace(hits[key], score=scores[key]) for key in best]


def points_back(text: str) -> bool:
    """Whether a question leans on what was said before it."""
    said = normalise(text)
    han = len(_HAN.findall(said))
    short = han < _SHORT_HAN if han else len(said.split()) <= _SHORT_WORDS
    return short or _POINTS_BACK.search(said) is not None


def _alone(question: Question) -> tuple[str, ...]:
    """The question with the one before it, where it leans on it; and each of its parts, where it asks several things."""
    text = question.text
    before = [turn.content for turn in question.turns if turn.role == "user"]
    if before and points_back(text):
        return (f"{before[-1][-_MOST_QUERY:]}\n{text}",)
    parts = [text[start:end] for start, end in sentences(text)]
    asking = [part for part in parts if part.rstrip().endswith(("?", "？"))]
    asking = [each for part in asking for each in _joined(part)]
    return (text, *asking[:_MOST_QUERIES]) if len(asking) > 1 else (text,)


def _joined(sentence: str) -> list[str]:
    """The questions that one sentence joins ("how long is it and when does it begin?"), where each of them asks."""
    parts = [part.strip() for part in _JOINED.split(sentence)]
    return parts if all(_ASKS.search(part) for part in parts) else [sentence]


async def _rewritten(rewriter: Rung, question: Question) -> tuple[str, ...]:
    said: Answer | None = None
    async for part in rewriter.answer(question):
        if isinstance(part, Answer):
            said = part
    lines = said.text.splitlines() if said is not None else []
    queries = [line.strip(" -*\t0123456789.)")[:_MOST_QUERY] for line in lines]
    kept = tuple(query for query in queries if query)[:_MOST_QUERIES]
    if said is None or not kept:
        raise RungFailed(rewriter.name, f"{rewriter.name} wrote no query.")
    return kept


_REWRITING = (
    "Write what to search documents for, so that the last question can be answered. Each query stands by itself: put the "
    "names that the conversation means where the question has only pronouns. One query a line, at most three: one is "
    "enough unless the question has several parts or compares things, then one for each. Write in the question's "
    "language, and nothing but the queries."
)


def rewriting_task(task: Task) -> Task:
    """The task that a model is put to when it is to write queries for this one."""
    return Task(task.name, task.top, prompt=_REWRITING)
