"""What stepping down would have saved on a log, and what the promise would have been worth.

The flywheel itself, driven by recorded answers: rows go into a ledger in memory, the flywheel ticks, and whatever it
puts into service answers the rest. There is no second simulator: what is kept here is only the score.
"""

import random
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from statistics import median

from stepladder.core import (
    Certificate,
    LadderRelease,
    Learned,
    Progress,
    PromiseKind,
    Question,
    Task,
    plugins,
)
from stepladder.data import Log, LogRow, Skipped
from stepladder.evaluation import Outlook
from stepladder.flywheel import Flywheel
from stepladder.interaction.batches import Arranged, arranged
from stepladder.interaction.score import Bin, ClassScore, Point, Score, Spell
from stepladder.interaction.terms import TASK, TOP, Terms, closed_answers, implied_task
from stepladder.models import Belief, equal, lost, speaks_of
from stepladder.promise import Scope, audited
from stepladder.registry import Registry
from stepladder.rollout import Standing
from stepladder.store import AuditRow, Change, FeedbackRow, LedgerRow, Store
from stepladder.training import load_rungs

_CHUNK = 250  # rows between two looks at the audit
_TIMED = 200  # single predictions timed for the median


__all__ = ["Backtest", "RungShare", "Terms", "backtest", "closed_answers"]


@dataclass(frozen=True, slots=True)
class RungShare:
    """A rung's part of the rows after the first `labels`; `median_us` is None where the log gave the answer."""

    name: str
    answers: int
    share: float
    median_us: float | None


@dataclass(frozen=True, slots=True)
class Backtest:
    """The figures. Shares are of the rows after the first `labels`.

    `calls_avoided` counts the rows not sent to the top: calibration and audits count as sent. `agreement` is the share
    whose answer, low or top, equals the log's; `kept` is the share that the promise is about
    (None: it speaks of no row). The accuracies are against the log's gold labels, where it has any.
    `thresholds` and `certificate` are those of the release in service at the end, empty and None where the top answered
    alone. `reliability` and `classes` are over the low answers. `spells` are the releases' times in service, in order: all
    but the last were taken back or replaced. `skipped` rows of the log could not be used.
    """

    rows: int
    labels: int
    target: float
    risk: float
    calls_avoided: float
    agreement: float
    kind: PromiseKind
    positive: str | None
    kept: float | None
    accuracy_gold: float | None
    top_accuracy_gold: float | None
    rungs: tuple[RungShare, ...]
    seconds: float
    calibration: int
    audits: int
    thresholds: dict[str, float]
    certificate: Certificate | None
    history: tuple[Change, ...]
    note: str
    skipped: int
    first_skipped: tuple[Skipped, ...]
    series: tuple[Point, ...]
    spells: tuple[Spell, ...]
    reliability: tuple[Bin, ...] = ()
    classes: tuple[ClassScore, ...] = ()


def backtest(log: Log, terms: Terms, progress: Progress) -> Backtest:
    """Run it. Raises DataError when the log cannot be stepped down: too few rows, one answer only, or prose; and
    UnknownPlugin for a rung that nobody can fit."""
    began = time.perf_counter()
    for rung in terms.rungs:
        plugins.find(plugins.RECIPES, rung)
    rows = list(log.rows)
    if not terms.ordered:
        random.Random(terms.seed).shuffle(rows)
    with tempfile.TemporaryDirectory(prefix="stepladder-backtest-") as folder, _memory() as store:
        replay = _Replay(store, Registry(store.catalogue, Path(folder)), rows, terms, progress)
        replay.run()
        return replay.result(log, time.perf_counter() - began)


@contextmanager
def _memory() -> Iterator[Store]:
    store = Store.open("sqlite://")
    try:
        yield store
    finally:
        store.close()


class _Replay:
    """Feeds the rows in order and keeps the score."""

    def __init__(
        self, store: Store, registry: Registry, rows: list[LogRow], terms: Terms, progress: Progress
    ) -> None:
        self.store, self.registry, self.rows, self.terms = store, registry, rows, terms
        self.progress = progress
        self.task = implied_task(rows, terms)
        self.arranged: Arranged | None = None
        self.wheel = Flywheel(store, registry, {TASK: TOP}, self._report, self._outlook)
        self.score = Score(terms.labels, len(rows))
        self.fed = 0
        self.calibration = 0
        self.ladder: tuple[LadderRelease, list[Learned]] | None = None
        self.standing = Standing()
        self.spells: list[Spell] = []
        self.changes = 0  # of the rollout, when the last spell began

    def _arrange(self) -> None:
        """Let the batch's doubtful rows go up first."""
        kept = round(self.terms.labels * (1 - self.terms.held_share))
        report = partial(self._report, TASK, "sending up what is doubtful")
        self.arranged = found = arranged(self.task, self.rows, kept, self.terms.seed, report)
        self.rows = found.rows
        self.task = replace(self.task, flywheel=found.turning(self.task.flywheel))

    def run(self) -> None:
        """Feed and tick, in turn, to the end."""
        if self.terms.climbs_first:
            self._arrange()
        self._tick()
        while self.fed < len(self.rows):
            standing = self.standing
            wanted = standing.total - standing.done if self.ladder is None else _CHUNK
            chunk = self.rows[self.fed : self.fed + max(1, wanted)]
            if self.ladder is None:
                self._from_top(chunk)
            else:
                self._from_ladder(chunk, *self.ladder)
            self.fed += len(chunk)
            self._report(TASK, standing.step, 0, 0, "")
            self._tick()

    def result(self, log: Log, seconds: float) -> Backtest:
        """The figures of what has run."""
        score, terms = self.score, self.terms
        release = self.ladder[0] if self.ladder else None
        return Backtest(
            rows=len(self.rows),
            labels=terms.labels,
            target=terms.target,
            risk=terms.risk,
            calls_avoided=score.calls_avoided,
            agreement=score.agreement,
            kind=terms.kind,
            positive=terms.positive,
            kept=score.kept,
            accuracy_gold=score.accuracy_gold,
            top_accuracy_gold=score.top_accuracy_gold,
            rungs=self._rungs(),
            seconds=seconds,
            calibration=self.calibration,
            audits=score.audits,
            thresholds=dict(release.thresholds) if release else {},
            certificate=release.certificate if release else None,
            history=tuple(self.store.rollouts.history(TASK)),
            note=self.standing.note,
            skipped=log.skipped,
            first_skipped=log.first_skipped,
            series=score.series(),
            reliability=score.reliability(),
            classes=score.classes(),
            spells=tuple(self.spells),
        )

    def _tick(self) -> None:
        """Tick until nothing more is due."""
        step = None
        while step != (self.standing.step, self.standing.number):
            step = (self.standing.step, self.standing.number)
            self.standing = self.wheel.tick(self.task)
            if self.standing.number > step[1]:
                self.calibration += self.standing.planned
        live, before = self.store.rollouts.get(TASK).live, self.ladder[0].id if self.ladder else None
        if live != before:
            changes = self.store.rollouts.history(TASK)
            if before is not None:
                why = next(change.why for change in changes[self.changes :] if change.rollout.live != before)
                self.spells[-1] = replace(self.spells[-1], ended=why)
            self.changes = len(changes)
            release = self.store.catalogue.get_ladder_release(live) if live else None
            self.ladder = (release, load_rungs(self.registry, release.rungs)) if release else None
            self.spells += [Spell(release.id, self.fed)] if release else []

    def _outlook(self, task: Task) -> Outlook:
        """The rest of the file: the whole population where it was shuffled, else what is still to come."""
        if self.terms.ordered:
            left = max(2, len(self.rows) - self.fed)
            return Outlook(left, max(1, min(2 * self.terms.labels, left - 1)), Scope(horizon=left))
        others = len(self.rows) - self.terms.labels
        if self.arranged is not None:
            texts = tuple(row.text for row in self.rows[self.arranged.labelled - self.arranged.held :])
            return Outlook(others, max(1, others - 1), self.arranged.scope, last=True, texts=texts)
        scope = Scope(following=others) if self.terms.held_share else Scope(population=others)
        kept = round(self.terms.labels * (1 - self.terms.held_share))
        texts = tuple(row.text for row in self.rows[kept:]) if self.terms.batch else ()
        return Outlook(others, max(1, others - 1), scope, last=True, texts=texts)

    def _report(self, task: str, stage: str, done: int, total: int, what: str) -> None:
        self.progress(self.fed, len(self.rows), f"{stage}: {what}" if what else stage)

    def _from_top(self, chunk: Sequence[LogRow]) -> None:
        sent, bought = (self.arranged.sent, self.arranged.bought) if self.arranged else ((), ())
        rows = [_ledger_row(row, row.answer, TOP, drawn=row.line not in sent) for row in chunk]
        self.store.ledger.write_many(rows, (), self._trusted(chunk))
        for row in sorted(chunk, key=lambda row: row.line in bought):  # the given labels are not scored
            self.score.add(row, row.answer, TOP, sent=True, agreed=True, lost=self._lost(row, row.answer))

    def _from_ladder(self, chunk: Sequence[LogRow], release: LadderRelease, rungs: list[Learned]) -> None:
        share = self.store.rollouts.get(TASK).draw or self.terms.audit_share
        said = _climb(chunk, release, rungs)
        rows, audits, looked_at, wrong = [], [], [], 0
        for row, (answer, rung, confidence) in zip(chunk, said, strict=True):
            low = rung != TOP
            agreed = not low or equal(self.task, answer, row.answer)
            wrong += not agreed
            drawn = audited(str(row.line), share, f"backtest {self.terms.seed}")
            rows.append(_ledger_row(row, answer, rung, release.id, confidence, drawn=drawn))
            if low:
                self.score.add_low(answer, confidence, agreed=agreed)
            if drawn:
                looked_at.append(row)
            if low and drawn:
                audits.append(AuditRow(str(row.line), row.at or 0.0, TASK, release.id, row.answer, agreed))
            lost = self._lost(row, answer, low=low)
            self.score.add(row, answer, rung, sent=drawn or not low, agreed=agreed, lost=lost)
        self.score.audits += len(audits)
        spell, low_count = self.spells[-1], sum(rung != TOP for _, rung, _ in said)
        self.spells[-1] = replace(
            spell,
            answers=spell.answers + len(chunk),
            low=spell.low + low_count,
            wrong=spell.wrong + wrong,
            audits=spell.audits + len(audits),
        )
        self.store.ledger.write_many(rows, audits, self._trusted(looked_at))

    def _trusted(self, rows: Sequence[LogRow]) -> list[FeedbackRow]:
        """The gold labels of rows that were sent, where they are what the promise is measured by."""
        if self.terms.kind is not PromiseKind.ERROR:
            return []
        return [FeedbackRow(str(row.line), row.at or 0.0, "", answer=row.gold) for row in rows]

    def _lost(self, row: LogRow, answer: str, *, low: bool = False) -> bool | None:
        """Whether the promise counts an answer as lost; None where it does not speak of it."""
        truth = row.gold if self.terms.kind is PromiseKind.ERROR else row.answer
        if truth is None or not speaks_of(self.task, answer, truth):
            return None
        return low and lost(self.task, answer, truth)

    def _rungs(self) -> tuple[RungShare, ...]:
        after = len(self.rows) - self.terms.labels
        times = {rung.name: _median_us(rung, self.rows[-_TIMED:]) for rung in (self.ladder or (0, []))[1]}
        names = [*self.task.rungs, TOP]
        return tuple(
            RungShare(name, count, count / after, times.get(name))
            for name in names
            if (count := self.score.by_rung[name]) or name in times
        )


def _question(row: LogRow) -> Question:
    return Question(id=str(row.line), task=TASK, text=row.text, fields=row.fields, asked_at=row.at or 0.0)


def _climb(
    chunk: Sequence[LogRow], release: LadderRelease, rungs: Sequence[Learned]
) -> list[tuple[str, str, float]]:
    """What the ladder says to each row: (answer, rung, confidence), the log's answer where no rung is sure."""
    said = [(row.answer, TOP, 1.0) for row in chunk]
    questions = [_question(row) for row in chunk]
    left, belief = list(range(len(chunk))), Belief.of(release)
    for rung in rungs:
        guesses = dict(zip(left, rung.predict([questions[i] for i in left]), strict=True))
        sure = {
            i for i, guess in guesses.items() if guess.confidence >= belief.needed(rung.name, guess.text, "")
        }
        for i in sure:
            said[i] = (guesses[i].text, rung.name, guesses[i].confidence)
        left = [i for i in left if i not in sure]
    return said


def _ledger_row(
    row: LogRow, answer: str, rung: str, release: str = "", confidence: float = 1.0, *, drawn: bool
) -> LedgerRow:
    return LedgerRow(
        id=str(row.line),
        at=row.at or 0.0,
        tenant="",
        task=TASK,
        model=TOP,
        text=row.text,
        fields=row.fields,
        answer=answer,
        rung=rung,
        ladder_release=release,
        confidence=confidence,
        top=rung == TOP,
        drawn=drawn,
        source="recorded",
    )


def _median_us(rung: Learned, rows: Sequence[LogRow]) -> float:
    spent = []
    for row in rows:
        question = _question(row)
        began = time.perf_counter()
        rung.predict([question])
        spent.append(time.perf_counter() - began)
    return median(spent) * 1e6
