"""Whether a claim is a sentence with something put in another's place: "the south ferry" where it says the north one.

Clause by clause, claim and sentence are laid side by side, by words and in Chinese by characters (Ratcliff & Obershelp's
matching). Something that the sentence does not say, standing where the sentence says something that the claim does not,
is an exchange; "before" for "after" is one too. What is only added, left out or moved is none: the caller counts that.
"""

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

from stepladder.knowledge.numbers import numbers_of
from stepladder.knowledge.terms import in_order, is_character

_CLAUSE = re.compile(r"[，,；;：:。！!？?]|\b(?:but|and|while|although|because)\b")
_TURNING = "before after above below under over up down more most only against off same other all few"
_TURNS = frozenset(_TURNING.split())
"""Stop words that turn what is said into something else."""
_IDLE_WORDS = (
    "go goe say state mention note describ accord includ also howev therefor thu specif overal gener via per passag "
    "document text answer mean need abl allow must shall everi"
)
_IDLE_CHARACTERS = (
    "的了是在有和与及把被将由可以能会应须需要也都就还并且而但或等这那其之于对"
    "为从到向个张份件位名项些该此所即则者来去着过一"
)
IDLE = frozenset(_IDLE_WORDS.split()).union(_IDLE_CHARACTERS)
"""Words and characters that a claim may add without saying anything."""
_POINTS = re.compile(
    r"[该本这那其此它他她]|\b(?:it|its|this|that|these|those|they|their|he|she|his|her|the)\b", re.I
)
_POINTING = re.compile(r"\W*(?:it|they|he|she|this|these|those|that)\b", re.I)
_NAME = re.compile(r"\b[A-Z][\w'’]*")
_LEAST_COMMON = 2


@dataclass(frozen=True, slots=True)
class Laid:
    """A sentence, ready to be laid beside others."""

    text: str
    words: tuple[str, ...]
    names: frozenset[str]

    @classmethod
    def of(cls, text: str) -> "Laid":
        """Its words and characters in order. Figures are left out: they are compared as numbers."""
        words = tuple(
            word for word in in_order(text, keep=_TURNS) if is_character(word) or not numbers_of(word)
        )
        return cls(text, words, frozenset(in_order(" ".join(_NAME.findall(text)))))


def altered(claim: str, sentences: Sequence[Laid], known: Collection[str]) -> bool:
    """Whether a clause of the claim is one of the sentences' with an exchange, and no other is nearer to it.

    `known` are the terms around the sentences: what a claim calls by its name, a sentence may only point at.
    """
    return any(_exchanged(Laid.of(clause), sentences, known) for clause in _CLAUSE.split(claim) if clause)


def _exchanged(asked: Laid, sentences: Sequence[Laid], known: Collection[str]) -> bool:
    common = [len(set(asked.words) & set(one.words)) for one in sentences]
    most = max(common, default=0)
    if most < _LEAST_COMMON:
        return False
    nearest = [one for one, count in zip(sentences, common, strict=True) if count == most]
    return all(_differs(asked, one, known) for one in nearest)


def _differs(asked: Laid, said: Laid, known: Collection[str]) -> bool:
    matcher = SequenceMatcher(None, asked.words, said.words, autojunk=False)
    for what, start, end, begin, stop in matcher.get_opcodes():
        new = set(asked.words[start:end]) - set(said.words) - IDLE
        gone = set(said.words[begin:stop]) - set(asked.words) - IDLE
        if what == "replace" and new and gone and (start or not _named(new, gone, asked, said, known)):
            return True
    return False


def _named(new: set[str], gone: set[str], asked: Laid, said: Laid, known: Collection[str]) -> bool:
    """Whether the claim begins with what the sentence points at: "Acme" for "the company", "the council" for "it"."""
    points = _POINTING.match(said.text) is not None
    name = all(word in known and (points or word in asked.names or is_character(word)) for word in new)
    return name and not gone & said.names and _POINTS.search(said.text) is not None
