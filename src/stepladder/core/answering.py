"""Tasks that answer from documents: what they are configured with, and what an answer stands on."""

from dataclasses import dataclass
from enum import StrEnum


class TaskKind(StrEnum):
    """What a task does with a question."""

    TASK = "task"
    """It puts the question to its rungs."""
    ANSWER = "answer"
    """It answers from documents, with citations, or says that it does not know."""
    SUMMARY = "summary"
    """It says in a few sentences what the question's text says."""


class Unsupported(StrEnum):
    """What becomes of a sentence that no passage supports."""

    MARK = "mark"
    """It is said, and marked."""
    REMOVE = "remove"
    """It is not said."""
    REVIEW = "review"
    """It is not said, and the answer with it goes to a person, whose word then answers the question."""
    HOLD = "hold"
    """Nothing is said until a person has looked at the answer with it."""

    @property
    def reviewed(self) -> bool:
        """Whether a person is asked."""
        return self in (Unsupported.REVIEW, Unsupported.HOLD)


class Check(StrEnum):
    """Who says whether a passage supports a sentence."""

    WORDS = "words"
    """Words, and the embedding of both where there is an embedder."""
    MODEL = "model"
    """The task's top model too, of the sentences that words do not find supported: a call each."""


class Rewrite(StrEnum):
    """How a question that leans on its conversation becomes one that stands alone."""

    NONE = "none"
    TURNS = "turns"
    """Words of the turn before are searched for too, where the question is short or points back. Costs nothing."""
    MODEL = "model"
    """The task's top model writes what to search for: up to three queries, also for a question of several parts."""


class Fusion(StrEnum):
    """How what words find and what vectors find become one ranking."""

    SCORE = "score"
    """By how much each says a passage is better, scaled to 0..1."""
    RANK = "rank"
    """By reciprocal rank."""


@dataclass(frozen=True, slots=True)
class Knows:
    """`[tasks.x.knowledge]`: what a task knows. Without a `collection` or a `retriever` it knows nothing.

    `passages` are found for each question, in the documents with one of `tags`, by `mode` (lexical or hybrid). `sure` is
    how likely a sentence must hold the answer to be the answer by itself; above 1 the sentence never is. `verified` lets
    answers that a person approved be given again. A `retriever` of `[retrievers.x]` is asked too, or alone where there is
    no collection.
    """

    collection: str = ""
    passages: int = 5
    mode: str = "hybrid"
    tags: tuple[str, ...] = ()
    retriever: str = ""
    rewrite: Rewrite = Rewrite.TURNS
    answer_only_from_knowledge: bool = True
    check: Check = Check.WORDS
    unsupported: Unsupported = Unsupported.MARK
    sure: float = 0.8
    verified: bool = True
    refusal: str = ""


@dataclass(frozen=True, slots=True)
class Summing:
    """`[tasks.x.summary]`: a text longer than `part` letters (a Han character counts three) is summed up by parts.

    `sentences` is how long the summary is to be; `extract` has the text's own sentences make it, and no model is asked.
    """

    part: int = 12_000
    sentences: int = 5
    extract: bool = False
    unsupported: Unsupported = Unsupported.MARK


UNSUPPORTED_MARKS = (" [unsupported]", "〔无依据〕")
GROUNDING = "grounding"
"""The side of an answer that waits for a person because passages do not support all of it."""


def without_marks(text: str) -> str:
    """A text whose unsupported sentences are not marked any more."""
    for mark in UNSUPPORTED_MARKS:
        text = text.replace(mark, "")
    return text


@dataclass(frozen=True, slots=True)
class Draft:
    """The whole of an answer for a person to look at, with what no passage supports marked.

    `unsupported` is the share of its sentences, in 0..1. It `holds` the asker until somebody has.
    """

    text: str
    unsupported: float
    holds: bool = False


@dataclass(frozen=True, slots=True)
class Citation:
    """`[number]` in an answer: a sentence of a document, its ``text[start : start + len(text)]``.

    `passage` is the passage's number in its retriever.
    """

    number: int
    collection: str
    document: str
    title: str
    source: str
    start: int
    text: str
    passage: int


@dataclass(frozen=True, slots=True)
class Grounds:
    """What an answer stands on.

    `passages` are those that were looked at, `queries` what was searched for. `supported` is the share of the answer's
    sentences that a passage supports, and `unsupported` are the others. `refused`: the passages did not carry an answer.
    """

    citations: tuple[Citation, ...] = ()
    passages: tuple[int, ...] = ()
    documents: tuple[str, ...] = ()
    queries: tuple[str, ...] = ()
    supported: float = 1.0
    unsupported: tuple[str, ...] = ()
    refused: bool = False
    review: bool = False
