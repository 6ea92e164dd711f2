"""Several teachers' answers to a row become one, or none where they disagree; and how far teachers can be trusted."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from typing import Any

from stepladder.core import RungFailed, Task
from stepladder.data.labelling.ask import Questions
from stepladder.data.labelling.journal import Known
from stepladder.models import equal, parse_answer


@dataclass(frozen=True, slots=True)
class Vote:
    """What became of a row: the answer (None: no majority, or nobody answered), who said what, and why there is none."""

    answer: str | None
    said: Mapping[str, str]
    agreement: float
    trouble: str = ""


@dataclass(slots=True)
class Trust:
    """How often two answers that should agree did: `same` of `compared`."""

    same: int = 0
    compared: int = 0

    def add(self, agrees: bool) -> None:
        """One more pair."""
        self.same += agrees
        self.compared += 1

    @property
    def share(self) -> float | None:
        """The share that agreed, None where nothing was compared."""
        return self.same / self.compared if self.compared else None


@dataclass(slots=True)
class Consistency:
    """Agreement of each teacher with itself, asked twice; with gold labels; with the vote; and of two with each other."""

    itself: dict[str, Trust] = field(default_factory=dict)
    gold: dict[str, Trust] = field(default_factory=dict)
    vote: dict[str, Trust] = field(default_factory=dict)
    pairs: dict[tuple[str, str], Trust] = field(default_factory=dict)

    def figures(self) -> dict[str, Any]:
        """As JSON values."""
        shown: dict[str, Any] = {
            name: {teacher: {"agrees": trust.same, "of": trust.compared} for teacher, trust in found.items()}
            for name, found in (("itself", self.itself), ("gold", self.gold), ("vote", self.vote))
        }
        shown["pairs"] = [
            {"teachers": list(pair), "agrees": trust.same, "of": trust.compared}
            for pair, trust in self.pairs.items()
        ]
        return shown


def votes(
    questions: Questions, known: Known, *, twice: float = 0.0, gold: str = "gold"
) -> tuple[Iterator[Vote], Consistency]:
    """One vote a row, in the file's order, and the consistency, which is whole when the votes have been read."""
    found = Consistency()
    same: Callable[[str, str], bool] = lambda one, other: equal(questions.task, one, other)  # noqa: E731

    def each() -> Iterator[Vote]:
        for at in range(len(questions.rows)):
            row = questions.rows[at]
            said, refused = _said(questions, known, row)
            vote = _majority(said, refused, len(questions.teachers), same)
            _compare(found, said, vote, same)
            if (right := _in_contract(questions.task, row.get(gold))) is not None:
                for teacher, answer in said.items():
                    found.gold.setdefault(teacher, Trust()).add(same(answer, right))
            if questions.drawn(row, twice):
                _compare_with_itself(found, questions, known, row, same)
            yield vote

    return each(), found


def _said(questions: Questions, known: Known, row: Mapping[str, Any]) -> tuple[dict[str, str], str]:
    said: dict[str, str] = {}
    refused = "not asked yet"
    for teacher in questions.teachers:
        line = known.ended.get(questions.key(teacher.name, row))
        if line is not None and line.answer is not None:
            said[teacher.name] = line.answer
        elif line is not None and line.refused is not None:
            refused = line.refused
    return said, refused


def _majority(said: Mapping[str, str], refused: str, teachers: int, same: Callable[[str, str], bool]) -> Vote:
    """More than half of all teachers must say the same: with one its word, with two both."""
    camps: list[list[str]] = []
    for answer in said.values():
        camp = next((camp for camp in camps if same(camp[0], answer)), None)
        if camp is None:
            camps.append([answer])
        else:
            camp.append(answer)
    largest: Sequence[str] = max(camps, key=len, default=[])
    share = len(largest) / teachers
    if not said:
        return Vote(None, said, 0.0, refused)
    if share <= 0.5:
        return Vote(None, said, share, "no majority")
    return Vote(largest[0], said, share)


def _compare(
    found: Consistency, said: Mapping[str, str], vote: Vote, same: Callable[[str, str], bool]
) -> None:
    if len(said) > 1:
        for one, other in combinations(said, 2):
            found.pairs.setdefault((one, other), Trust()).add(same(said[one], said[other]))
        if vote.answer is not None:
            for teacher, answer in said.items():
                found.vote.setdefault(teacher, Trust()).add(same(answer, vote.answer))


def _compare_with_itself(
    found: Consistency,
    questions: Questions,
    known: Known,
    row: Mapping[str, Any],
    same: Callable[[str, str], bool],
) -> None:
    for teacher in questions.teachers:
        lines = [known.ended.get(questions.key(teacher.name, row, repeat)) for repeat in (0, 1)]
        first, second = (line.answer if line is not None else None for line in lines)
        if first is not None and second is not None:
            found.itself.setdefault(teacher.name, Trust()).add(same(first, second))


def _in_contract(task: Task, gold: object) -> str | None:
    try:
        return parse_answer(task, gold) if isinstance(gold, str) else None
    except RungFailed:
        return None
