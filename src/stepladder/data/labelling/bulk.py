"""A file labelled in bulk: what it will cost, the asking, and the rows with their answers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, overload

import msgspec

from stepladder.core import Progress, Task
from stepladder.data.labelling.ask import Asked, Questions, Teacher, Terms, ask_all
from stepladder.data.labelling.journal import Journal
from stepladder.data.labelling.vote import Consistency, votes
from stepladder.data.rowfile import RowFile, whole_file


class _Rows(Sequence[Mapping[str, Any]]):
    """A file's rows as objects, read when looked at."""

    def __init__(self, rows: RowFile) -> None:
        self._rows = rows

    @overload
    def __getitem__(self, at: int) -> Mapping[str, Any]: ...
    @overload
    def __getitem__(self, at: slice) -> Sequence[Mapping[str, Any]]: ...
    def __getitem__(self, at: int | slice) -> Mapping[str, Any] | Sequence[Mapping[str, Any]]:
        if isinstance(at, slice):
            return [self[one] for one in range(*at.indices(len(self)))]
        return {**self._rows.row(at), "input": self._rows[at]}

    def __len__(self) -> int:
        return len(self._rows)


@dataclass(frozen=True, slots=True)
class Estimate:
    """What is ahead: rows, calls (those that the journal knows not counted), about how much money, and what is spent."""

    rows: int
    calls: int
    cost: float
    spent: float
    doubtful: int


@dataclass(frozen=True, slots=True)
class Labelled:
    """How a file was labelled. `undecided` rows have answers but no majority, `unanswered` none; both are for review."""

    rows: int
    labelled: int
    undecided: int
    unanswered: int
    spent: float
    asked: Asked
    consistency: Consistency

    @property
    def whole(self) -> bool:
        """Whether every row was put to every teacher."""
        return not self.asked.failed and not self.asked.stopped


class BulkLabelling:
    """One file, one task, its teachers. `estimate` first, then `run`, as often as it takes."""

    def __init__(
        self, rows: RowFile, task: Task, teachers: Sequence[Teacher], journal: Journal, terms: Terms
    ) -> None:
        self._questions = Questions(_Rows(rows), "input", task, teachers)
        self._rows, self._journal, self._terms = rows, journal, terms

    def estimate(self) -> Estimate:
        """About what the calls that are still to be made will cost."""
        calls, cost = 0, 0.0
        for ask in self._questions.all(self._terms.twice):
            if ask.key not in self._journal.known.ended:
                calls += 1
                cost += self._questions.price(ask)
        known = self._journal.known
        return Estimate(len(self._rows), calls, cost, known.spent, len(known.doubtful))

    async def run(self, progress: Progress) -> Asked:
        """Ask. Raises UpstreamFailed where it is hopeless; what was answered until then is kept."""
        return await ask_all(self._questions, self._journal, self._terms, progress)

    def write(self, out: Path, review: Path, asked: Asked, answer: str = "answer") -> Labelled:
        """Write rows with a majority to `out`, the others with what was said to `review`. Raises DataError."""
        found, consistency = votes(self._questions, self._journal.known, twice=self._terms.twice)
        labelled = undecided = unanswered = 0
        several = len(self._questions.teachers) > 1
        with whole_file(out) as good, whole_file(review) as doubtful:
            for at, vote in enumerate(found):
                row = self._rows.row(at)
                if several or vote.answer is None:
                    row["teachers"] = dict(vote.said)
                    row["agreement"] = round(vote.agreement, 4)
                if vote.answer is None:
                    row["trouble"] = vote.trouble
                    undecided += bool(vote.said)
                    unanswered += not vote.said
                else:
                    row[answer] = vote.answer
                    labelled += 1
                (doubtful if vote.answer is None else good).write(msgspec.json.encode(row) + b"\n")
        spent = self._journal.known.spent
        return Labelled(len(self._rows), labelled, undecided, unanswered, spent, asked, consistency)
