"""A batch in a backtest: its most doubtful rows go up first and are learnt from (`promise/climbers.py` has the proof).

It only arranges the log. Who trains, who calibrates and what is certified is the flywheel's, as ever.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

from stepladder.core import Example, Fitted, Guess, Learned, Progress, Question, Task, Turning, plugins
from stepladder.data import LogRow, clean, freeze, unlabelled
from stepladder.models import lost
from stepladder.promise import Scope, most_doubtful, plan_climbers
from stepladder.training import fit


@dataclass(frozen=True, slots=True)
class Arranged:
    """A log's rows in the order of their replay: those that train, `held` rows that calibrate, and the rest of the batch.

    `sent` are the lines of what went up because it was doubtful, `bought` of those the ones that are of the batch. The first
    `labelled` rows are there before the first fit; the promise counts `batch` answers.
    """

    rows: list[LogRow]
    labelled: int
    held: int
    batch: int
    sent: frozenset[int]
    bought: frozenset[int]

    def turning(self, wheel: Turning) -> Turning:
        """A flywheel that waits for these labels, and holds these back."""
        return replace(wheel, labels=self.labelled, hold_back=self.held / self.labelled)

    @property
    def scope(self) -> Scope:
        """What is drawn from, and what is counted."""
        return Scope(population=self.held + len(self.rows) - self.labelled, counted=self.batch)


def arranged(task: Task, rows: Sequence[LogRow], kept: int, seed: int, progress: Progress) -> Arranged:
    """Fit the task's last rung on the first `kept` rows, and send up what it is least sure of among all others.

    Of the rows after these, those that the task counts as its labels are held back. All are shuffled before they are looked
    at, so that nothing in their order tells which ones these are. Raises what a fit raises.
    """
    labelled, (learnt, others) = task.flywheel.labels, (rows[:kept], list(rows[kept:]))
    back = {row.line for row in rows[kept:labelled]}
    mixed = sorted(others, key=lambda row: row.line)
    Random(f"arranged {seed}").shuffle(mixed)
    one = replace(task, rungs=task.rungs[-1:])
    examples = clean([_example(row) for row in learnt], task.labels)
    dataset = freeze(task.name, {"train": examples, **unlabelled(row.text for row in others)})
    with TemporaryDirectory(prefix="stepladder-batch-") as name:
        made = fit(one, dataset, Path(name), progress)[one.rungs[0]]
        rung = plugins.find(plugins.RUNGS, one.rungs[0]).load(
            Path(name) / one.rungs[0], name="first", release=""
        )
        scores = [guess.confidence for guess in _guesses(task, rung, mixed)]
    number = _number(task, examples, made, len(back), len(others) - len(back))
    sent = [mixed[place] for place in most_doubtful(scores, number)]
    lines = frozenset(row.line for row in sent)
    left = [row for row in others if row.line not in lines]
    held = [row for row in left if row.line in back]
    batch = [row for row in left if row.line not in back]
    return Arranged(
        [*learnt, *sent, *held, *batch],
        len(learnt) + len(sent) + len(held),
        len(held),
        len(others) - len(back),
        lines,
        lines - back,
    )


def _number(task: Task, examples: Sequence[Example], made: Fitted, held: int, batch: int) -> int:
    pairs = [(guess, one) for guess, one in zip(made.out_of_fold, examples, strict=True) if guess is not None]
    scores = [guess.confidence for guess, _ in pairs]
    wrong = [lost(task, guess.text, one.label) for guess, one in pairs]
    target, risk = task.promise.target, task.promise.risk
    return plan_climbers(scores, wrong, target=target, risk=risk, held=held, batch=batch)


def _example(row: LogRow) -> Example:
    return Example(id=str(row.line), text=row.text, label=row.answer, fields=row.fields)


def _guesses(task: Task, rung: Learned, rows: Sequence[LogRow]) -> list[Guess]:
    questions = [
        Question(id=str(row.line), task=task.name, text=row.text, fields=row.fields, asked_at=row.at or 0.0)
        for row in rows
    ]
    return rung.predict(questions)
