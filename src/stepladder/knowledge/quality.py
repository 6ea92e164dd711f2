"""How well a collection answers a file of questions with known documents or answers."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
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
        """The right documents and how right each is."""
        return self.documents if isinstance(self.documents, dict) else dict.fromkeys(self.documents, 1.0)


@dataclass(frozen=True, slots=True)
class Quality:
    """Means over the questions that say enough for the figure; NaN where none does.

    `answered_right`: the quoted sentence holds the answer, of the questions that have one. `refused_right`: nothing was
    quoted, of those that nobody can answer. `unanswered` are questions with an answer to which nothing was said.
    """

    questions: int
    recall: float
    ndcg: float
    mrr: float
    answered_right: float
    refused_right: float
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
    answer: Callable[[str], Quote | None],
    *,
    top: int = 10,
) -> Quality:
    """Search and answer each question. `search` gives documents' ids, best first."""
    recalls, gains, ranks, right, refused, unanswered = [], [], [], [], [], []
    for one in asked:
        if one.documents:
            ranked = list(search(one.text))[:top]
            recalls.append(len(set(ranked) & set(one.grades)) / min(top, len(one.grades)))
            gains.append(ndcg(one.grades, ranked, top))
            ranks.append(
                max((1 / place for place, id in enumerate(ranked, 1) if id in one.grades), default=0.0)
            )
        if one.answers is not None:
            quote = answer(one.text)
            said = normalise(quote.text) if quote is not None and answered(quote) else ""
            if not one.answers:
                refused.append(float(not said))
                continue
            right.append(float(bool(said) and any(normalise(text) in said for text in one.answers)))
            if not said:
                unanswered.append(one.text)
    return Quality(
        len(asked),
        _mean(recalls),
        _mean(gains),
        _mean(ranks),
        _mean(right),
        _mean(refused),
        tuple(unanswered),
    )


def ndcg(grades: Mapping[str, float], ranked: Sequence[str], depth: int) -> float:
    """Järvelin & Kekäläinen 2002, with linear gains."""
    gained = sum(grades.get(id, 0.0) / math.log2(place + 2) for place, id in enumerate(ranked[:depth]))
    best = sorted(grades.values(), reverse=True)[:depth]
    ideal = sum(grade / math.log2(place + 2) for place, grade in enumerate(best))
    return gained / ideal if ideal else 0.0


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values) if values else math.nan
