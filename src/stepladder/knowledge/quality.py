"""How well a collection answers a file of questions with known documents or answers."""

import math
import re
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path

import msgspec

from stepladder.core import DataError
from stepladder.knowledge.reader import Quote, answered
from stepladder.text import normalise


class Asked(msgspec.Struct):
    """A line of the file: `documents` are the right ones, with a grade where some are better than others.

    `answers` are writings of the answer, any of which is right; an empty list means that nobody can know.
    """

    id: str | int
    text: str
    documents: dict[str, float] | list[str] = []
    answers: list[str] | None = None

    @property
    def grades(self) -> Mapping[str, float]:
        """The right documents and how right each is; one with the grade 0 is none."""
        given = self.documents if isinstance(self.documents, dict) else dict.fromkeys(self.documents, 1.0)
        return {id: grade for id, grade in given.items() if grade > 0}


@dataclass(frozen=True, slots=True)
class Said:
    """What was answered: the documents that it cites, one for each citation, and the share of it that they support.

    `text` is "" where nothing was said, which counts as `refused` too.
    """

    text: str
    documents: tuple[str, ...] = ()
    supported: float = 1.0
    refused: bool = False

    @classmethod
    def of(cls, quote: Quote | None) -> "Said":
        """What the reader said, where it is sure enough."""
        if quote is None or not answered(quote):
            return cls("", refused=True)
        return cls(quote.text, (quote.passage.document,))


@dataclass(frozen=True, slots=True)
class Quality:
    """Means over the questions that say enough for the figure; NaN where none does.

    `recall`: the share of a question's right documents that are among the first `top`; `ndcg` and `mrr` look as deep.
    `answered_right`: the answer holds a writing of the right one, of the questions that have one. `refused_right`: nothing
    was answered, of those that nobody can answer; `refusal_rate`: the same of those that have an answer. Over what was
    answered: `citation_precision` is the share of the citations that are of a right document, `citation_recall` that of
    the right documents which are cited, and `grounded` that of its sentences which the passages support.
    `unanswered` are questions with an answer to which nothing was said.
    """

    questions: int
    recall: float
    ndcg: float
    mrr: float
    answered_right: float
    refused_right: float
    refusal_rate: float
    citation_precision: float
    citation_recall: float
    grounded: float
    unanswered: tuple[str, ...]


def questions(path: Path) -> list[Asked]:
    """Read a file of questions. Raises DataError naming the line."""
    found = []
    try:
        lines = path.read_bytes().splitlines()
    except OSError as error:
        raise DataError(f"Cannot read {path}: {error.strerror}.", remedy="Check the path.") from error
    for number, line in enumerate(lines, 1):
        if line.strip():
            try:
                found.append(msgspec.json.decode(line, type=Asked))
            except (msgspec.DecodeError, UnicodeDecodeError) as error:
                raise DataError(
                    f"{path}:{number} is no question: {error}.",
                    remedy='Write {"id": "1", "text": "...", "documents": ["..."], "answers": ["..."]}.',
                ) from error
    return found


def evaluate(
    asked: Sequence[Asked],
    search: Callable[[str], Sequence[str]],
    answer: Callable[[str], Said],
    *,
    top: int = 10,
) -> Quality:
    """Search and answer each question. `search` gives documents' ids, best first."""
    score = _Score()
    for one in asked:
        if one.grades:
            score.found(one.grades, list(search(one.text))[:top], top)
        if one.answers is not None:
            score.said(one, answer(one.text))
    return score.quality(len(asked))


class _Score:
    """Figures as the questions go by."""

    def __init__(self) -> None:
        self._means: dict[str, list[float]] = defaultdict(list)
        self._unanswered: list[str] = []

    def found(self, grades: Mapping[str, float], ranked: Sequence[str], top: int) -> None:
        """One search."""
        right = set(ranked) & set(grades)
        first = max((1 / place for place, id in enumerate(ranked, 1) if id in grades), default=0.0)
        self._add(recall=len(right) / len(grades), ndcg=ndcg(grades, ranked, top), mrr=first)

    def said(self, asked: Asked, said: Said) -> None:
        """One answer."""
        silent = said.refused or not said.text
        if not asked.answers:
            self._add(refused_right=silent)
            return
        right = not silent and any(_holds(said.text, one) for one in asked.answers)
        self._add(answered_right=right, refusal_rate=silent)
        if silent:
            self._unanswered.append(asked.text)
            return
        self._add(grounded=said.supported)
        if asked.grades:
            cited = [document in asked.grades for document in said.documents]
            self._add(
                citation_precision=sum(cited) / len(cited) if cited else 0.0,
                citation_recall=len(set(said.documents) & set(asked.grades)) / len(asked.grades),
            )

    def quality(self, questions: int) -> Quality:
        """The means."""
        names = (item.name for item in fields(Quality) if item.name not in ("questions", "unanswered"))
        means = {name: _mean(self._means[name]) for name in names}
        return Quality(questions=questions, unanswered=tuple(self._unanswered), **means)

    def _add(self, **values: float) -> None:
        for name, value in values.items():
            self._means[name].append(float(value))


def _holds(text: str, answer: str) -> bool:
    """Whether a text holds an answer; 40 is not in 140, nor in 40.5."""
    wanted = normalise(answer)
    before = r"(?<!\d)(?<!\d[.,])" if wanted[:1].isdigit() else ""
    after = r"(?!\d|[.,]\d)" if wanted[-1:].isdigit() else ""
    return bool(wanted) and re.search(f"{before}{re.escape(wanted)}{after}", normalise(text)) is not None


def ndcg(grades: Mapping[str, float], ranked: Sequence[str], depth: int) -> float:
    """Järvelin & Kekäläinen 2002, with linear gains."""
    gained = sum(grades.get(id, 0.0) / math.log2(place + 2) for place, id in enumerate(ranked[:depth]))
    best = sorted(grades.values(), reverse=True)[:depth]
    ideal = sum(grade / math.log2(place + 2) for place, grade in enumerate(best))
    return gained / ideal if ideal else 0.0


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values) if values else math.nan
