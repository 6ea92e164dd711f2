"""What a backtest is asked, and the task that a log's answers imply."""

from collections.abc import Sequence
from dataclasses import dataclass

from stepladder.core import DataError, Floors, Promise, PromiseKind, Task, Turning, check_promise
from stepladder.data import LogRow
from stepladder.promise import allowed_errors

TASK = "backtest"
TOP = "log"
BATCH_HELD_BACK = 0.3
_ENOUGH_ERRORS = (
    20  # a sample that allows fewer is better bought, in the size that pays, and the labels all train
)


@dataclass(frozen=True, slots=True)
class Terms:
    """What is asked: the promise, how many rows train, and how the log is read.

    `ordered` keeps the file's order, which is how drift shows; otherwise rows are shuffled by `seed`, the file is the
    whole population, and one release may spend the whole risk. `audit` is the share of questions drawn for the top;
    None: 2 % with `ordered`, else none. With `ordered`, the next fit comes at `growth` times as many labels (None: as
    configured by default), or when the audit refutes a release. `rungs` are the learned ones, cheapest first.
    `hold_back` is the share of the labels that calibrates and does not train; at 0 the calibration is bought from the
    rest. In a `batch` the texts of the rest are known before they are answered: rungs may learn from them what words go
    together, and if the promise is one of agreement, without floors, its doubtful rows go up first and are learnt from.
    `hold_back` None: 0.3 in such a batch if there are labels enough, else 0. `kind` and `positive` are the promise's, and
    `floor` that of every label's answers. With kind "error" the log's gold labels are what is right, and train.
    """

    target: float = 0.95
    risk: float = 0.1
    labels: int = 1000
    seed: int = 0
    ordered: bool = False
    audit: float | None = None
    rungs: tuple[str, ...] = ("linear",)
    hold_back: float | None = None
    kind: PromiseKind = PromiseKind.AGREEMENT
    positive: str | None = None
    floor: float | None = None
    batch: bool = False
    growth: float | None = None

    @property
    def climbs_first(self) -> bool:
        """Whether a batch's doubtful rows are sent up and learnt from before the rest is certified."""
        return self.batch and self.kind is PromiseKind.AGREEMENT and self.floor is None

    @property
    def held_share(self) -> float:
        """The share of the labels that calibrates and does not train."""
        if self.hold_back is not None:
            return self.hold_back
        if not self.climbs_first:
            return 0.0
        held = round(self.labels * BATCH_HELD_BACK)
        enough = allowed_errors(held, target=self.target, risk=self.risk / len(self.rungs)) >= _ENOUGH_ERRORS
        return BATCH_HELD_BACK if enough else 0.0

    @property
    def audit_share(self) -> float:
        """The share of questions drawn for the top."""
        if self.audit is not None:
            return self.audit
        return 0.02 if self.ordered else 0.0


def closed_answers(rows: Sequence[LogRow], labels: int) -> tuple[str, ...]:
    """The distinct answers of the first `labels` rows, sorted. Raises DataError where they are no closed set."""
    if not 0 < labels < len(rows):
        raise DataError(
            f"The log holds {len(rows)} usable rows, so the first {labels} leave none to answer.",
            remedy=f"Give --labels below {len(rows)}.",
        )
    found = sorted({row.answer for row in rows[:labels]})
    if len(found) == 1:
        raise DataError(
            f"The first {labels} answers are all the same: there is nothing to learn.",
            remedy="Give a log with two or more different answers.",
        )
    if len(found) > max(2, labels // 4):
        raise DataError(
            f"{len(found)} of the first {labels} answers are different: this looks like prose.",
            remedy="Stepping down needs answers from a closed set (labels, short JSON), or more --labels.",
        )
    return tuple(found)


def implied_task(rows: Sequence[LogRow], terms: Terms) -> Task:
    """The task that the log's answers imply; one turn, whose release answers at once.

    Whether the answers are a closed set is judged by the first ones. An owner lists all labels, also those that are first
    used later: only their names are read ahead.
    """
    closed_answers(rows, terms.labels)
    if terms.batch and terms.ordered:
        raise DataError(
            "Rows in the file's order are answered as they come: their texts are not known before.",
            remedy="Leave --batch or --ordered out.",
        )
    labels = tuple(sorted({row.answer for row in rows}))
    promise = Promise(
        terms.target,
        terms.risk,
        max(1, len(rows) - terms.labels),
        terms.kind,
        terms.positive,
        Floors(terms.floor),
    )
    check_promise(promise, labels, "promise")
    if terms.kind is PromiseKind.ERROR and any(row.gold is None for row in rows):
        raise DataError(
            "A promise about errors is measured by trusted labels, and some rows have none.",
            remedy="Name the field that holds them with --gold, or leave rows without one out.",
        )
    return Task(
        name=TASK,
        top=TOP,
        labels=labels,
        rungs=terms.rungs,
        promise=promise,
        flywheel=Turning(
            labels=terms.labels,
            growth=(terms.growth or Turning().growth) if terms.ordered else 1e9,
            calibration=1,
            hold_back=terms.held_share,
            canary=1.0,
            canary_answers=0,
            audit=terms.audit_share,
        ),
    )
