"""A rung that is given passages, and whose words are checked against them, sentence by sentence."""

import asyncio
import re
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from itertools import pairwise

from stepladder.core import (
    UNSUPPORTED_MARKS,
    Answer,
    Citation,
    Delta,
    Draft,
    Grounds,
    Part,
    Passage,
    Question,
    Rung,
    RungFailed,
    Task,
    Unsupported,
)
from stepladder.knowledge import (
    Evidence,
    Support,
    claims,
    is_instruction,
    unmarked,
    without_instructions,
)
from stepladder.models import refusal_for
from stepladder.service.finding import Finder, Found
from stepladder.service.judging import Judge
from stepladder.service.parts import closing
from stepladder.service.purse import billed
from stepladder.text import sentences

_DOES_NOT_KNOW = re.compile(
    r"\W*(?:sorry\W+)?(?:but\W+)?(?:i\W+(?:do\W+not|don\W?t)\W+(?:know|have\W+(?:enough|any))|i(?:\W+a|\W?)m\W+not\W+sure|"
    r"the\W+(?:provided\W+|given\W+)?(?:passages?|documents?|context|text)\W+(?:do(?:es)?\W+not|don\W?t|doesn\W?t)\W|"
    r"(?:there\W+is|i\W+have)\W+no\W+information|我不(?:知道|清楚|确定)|(?:抱歉|对不起)?[，,]?(?:我)?(?:无法|不能)(?:回答|确定)|"
    r"(?:资料|文档|文中|段落|上文|文本)(?:中)?(?:没有|未|并未)|没有(?:相关|足够的?)信息)",
    re.IGNORECASE,
)


class Retrieving:
    """A task's top rung with passages put into its prompt; what it says is left as it is."""

    release = ""

    def __init__(self, top: Rung, finder: Finder) -> None:
        self._top = top
        self._finder = finder

    @property
    def name(self) -> str:
        """The rung's that is asked."""
        return self._top.name

    def answer(self, question: Question) -> AsyncIterator[Part]:
        """Find, then ask. Raises RungFailed, TooMany."""
        return billed(question, self._answer)

    async def _answer(self, question: Question) -> AsyncIterator[Part]:
        found = await self._finder.find(question)
        async with aclosing(closing(self._top.answer(_given(question, found)))) as parts:
            async for part in parts:
                yield replace(part, grounds=stood_on(found)) if isinstance(part, Answer) else part


class Grounded:
    """The top rung of a task that answers from documents.

    It is asked only where there are passages, or where it may use what it knows itself. Its sentences go out one by one,
    each checked and with its citation; the numbers that it wrote itself are left out.
    """

    release = ""

    def __init__(self, top: Rung, finder: Finder, task: Task, judge: Rung | None = None) -> None:
        """`judge` is the model that is asked of sentences which the check does not find supported."""
        self._top = top
        self._finder = finder
        self._task = task
        self._judge = judge

    @property
    def name(self) -> str:
        """The rung's that is asked."""
        return self._top.name

    def answer(self, question: Question) -> AsyncIterator[Part]:
        """Deltas of whole sentences, then the Answer with its grounds. Raises RungFailed, TooMany."""
        return billed(question, self._answer)

    async def _answer(self, question: Question) -> AsyncIterator[Part]:
        found = await self._finder.find(question)
        if not found.hits and self._task.knowledge.answer_only_from_knowledge:
            yield refused(self._task, question, found, self.name)
            return
        evidence = await asyncio.to_thread(self._evidence, found)
        knows = self._task.knowledge
        refusal = refusal_for(self._task, question.text)
        citing = Citing(evidence, knows.unsupported, refusal, only=knows.answer_only_from_knowledge)
        judge = Judge(self._judge, question) if self._judge is not None else None
        async with aclosing(checked(citing, self._top, _given(question, found), judge)) as parts:
            async for part in parts:
                if isinstance(part, Answer):
                    yield self._whole(part, citing, found, question)
                elif not citing.holds:
                    yield part

    def _evidence(self, found: Found) -> Evidence:
        return Evidence(found.passages, self._finder.source.embedder(), self._finder.words.variants)

    def _whole(self, said: Answer, citing: "Citing", found: Found, question: Question) -> Answer:
        grounds, draft = citing.grounds(stood_on(found)), citing.draft()
        if not citing.text.strip():
            text = refusal_for(self._task, question.text)
            return replace(said, text=text, grounds=replace(grounds, refused=True), draft=draft)
        return replace(said, text=citing.text, grounds=grounds, draft=draft)


@dataclass(slots=True)
class Citing:
    """An answer while it is checked: what has been said, and what it stands on.

    With `only`, nothing is said before the first sentence that a passage supports: an answer without one is not known.
    """

    evidence: Evidence
    policy: Unsupported
    refusal: str
    only: bool = False
    text: str = ""
    heard: bool = False
    refused: bool = False
    _numbers: dict[tuple[str, str, int], Citation] = field(default_factory=dict)
    _unsupported: list[str] = field(default_factory=list)
    _supported: int = 0
    _held: str = ""
    _all: str = ""

    @property
    def holds(self) -> bool:
        """Whether nothing may be said before all of it has been looked at."""
        return self.policy is Unsupported.HOLD

    def doubted(self, sentence: str) -> Support | None:
        """The sentence that somebody should look at before this one is called unsupported. May raise RungFailed."""
        said = unmarked(sentence)
        if self.refused or not claims(said) or self.evidence.support(said) is not None:
            return None
        return self.evidence.nearest(said)

    def hear(self, sentence: str, judged: Support | None = None) -> str:
        """What is to be said of a sentence of the model's; its white space stands before it. May raise RungFailed.

        `judged` supports it, whatever the check says.
        """
        self.heard = True
        said = unmarked(sentence)
        if self.refused or not said.strip():
            return ""
        if not self.text and not self._held and _DOES_NOT_KNOW.match(said):
            self.refused = True
            return self._say(self.refusal)
        if not claims(said):
            self._all += said
            return self._hold(said)
        support = judged or self.evidence.support(said)
        if support is not None:
            self._supported += 1
            held, self._held = self._held, ""
            cited = f"{said} [{self._cite(support)}]"
            self._all += cited
            return self._say(held + cited)
        self._unsupported.append(said.strip())
        marked = said + _mark(said)
        self._all += marked
        return self._hold(marked) if self.policy is Unsupported.MARK else ""

    def grounds(self, found: Grounds) -> Grounds:
        """What was found, and what has been said of it by now."""
        checked = self._supported + len(self._unsupported)
        return replace(
            found,
            citations=tuple(self._numbers.values()),
            supported=self._supported / checked if checked else 1.0,
            unsupported=tuple(self._unsupported),
            refused=self.refused,
            review=bool(self._unsupported) and self.policy.reviewed,
        )

    def draft(self) -> Draft | None:
        """All that was heard, for a person to look at; None where nobody is to."""
        if not self._unsupported or not self.policy.reviewed:
            return None
        share = len(self._unsupported) / (self._supported + len(self._unsupported))
        return Draft(self._all.strip(), share, self.holds)

    def _hold(self, text: str) -> str:
        if self.only and not self._supported:
            self._held += text
            return ""
        return self._say(text)

    def _say(self, text: str) -> str:
        said = text if self.text else text.lstrip()
        self.text += said
        return said

    def _cite(self, support: Support) -> int:
        passage = support.passage
        key = passage.collection, passage.document, support.start
        if key not in self._numbers:
            self._numbers[key] = citation(len(self._numbers) + 1, support)
        return self._numbers[key].number


def citation(number: int, support: Support) -> Citation:
    """The citation of a supporting sentence."""
    passage = support.passage
    return Citation(
        number,
        passage.collection,
        passage.document,
        passage.title,
        passage.source,
        support.start,
        support.text,
        passage.number,
    )


def stood_on(found: Found) -> Grounds:
    """What was found, before anything is said of it."""
    passages = found.passages
    documents = tuple(dict.fromkeys(passage.document for passage in passages))
    return Grounds(
        passages=tuple(passage.number for passage in passages), documents=documents, queries=found.queries
    )


def refused(task: Task, question: Question, found: Found, rung: str) -> Answer:
    """The answer where nothing was found."""
    grounds = replace(stood_on(found), refused=True)
    text = refusal_for(task, question.text)
    return Answer(text, 1.0, rung, grounds=grounds)


async def checked(
    citing: Citing, rung: Rung, question: Question, judge: Judge | None = None
) -> AsyncGenerator[Part]:
    """What a rung says, sentence by sentence as `citing` lets it out, then its Answer. Raises RungFailed."""
    waiting = ""
    async with aclosing(closing(rung.answer(question))) as parts:
        async for part in parts:
            whole = isinstance(part, Answer)
            waiting += part.text if not whole else "" if waiting or citing.heard else part.text
            ready = pieces_of(waiting)
            waiting = "" if whole or not ready else ready.pop()
            for piece in ready:
                judged = await _judged(citing, judge, piece) if judge is not None else None
                if said := await asyncio.to_thread(citing.hear, piece, judged):
                    yield Delta(said)
            if isinstance(part, Answer):
                yield part
                return
    raise RungFailed(rung.name, f"{rung.name} ended without an answer.")


def pieces_of(text: str) -> list[str]:
    """A text's sentences with the white space before each; joined they are the text. The last may still be growing."""
    ends = [end for _, end in sentences(text)]
    cuts = [0, *ends[:-1], len(text)]
    return [text[start:end] for start, end in pairwise(cuts) if start < end]


def _given(question: Question, found: Found) -> Question:
    return replace(question, passages=tuple(_trusted(passage) for passage in found.passages))


def _trusted(passage: Passage) -> Passage:
    title, heading = ("" if is_instruction(said) else said for said in (passage.title, passage.heading))
    return replace(passage, text=without_instructions(passage.text), title=title, heading=heading)


async def _judged(citing: Citing, judge: Judge, piece: str) -> Support | None:
    near = await asyncio.to_thread(citing.doubted, piece)
    return near if near is not None and await judge.supports(near, unmarked(piece)) else None


def _mark(sentence: str) -> str:
    return UNSUPPORTED_MARKS[any("\u3400" <= character <= "\u9fff" for character in sentence)]
