"""Is a fitted candidate worth a calibration, and how large a one? Decided from its training set, before any is drawn."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

from stepladder.core import Dataset, Example, Fitted, Guess, Promise, Task
from stepladder.models import equal, lost, may_be_low, speaks_of
from stepladder.promise import (
    CalibrationPlan,
    Rehearsal,
    Scope,
    fewest,
    plan_answered,
    plan_calibration,
    plan_part,
    release_risk,
)
from stepladder.store import Store

_MARGIN = 0.02  # of all questions: less gain than this is not worth an attempt's share of the risk
_ENOUGH = 200  # drawn answers that say more about a release in service than its certificate


@dataclass(frozen=True, slots=True)
class Outlook:
    """What is known of the questions to come.

    A calibration pays itself back over `remaining` of them and may take `most`; the promise is over `scope`. `last` says
    that no other release will follow, so that this one may spend the whole risk. `texts` are those questions, where they are
    known before they are answered: a batch.
    """

    remaining: int
    most: int
    scope: Scope
    last: bool = False
    texts: tuple[str, ...] = ()

    def risk(self, promise: Promise, number: int) -> float:
        """What attempt `number` may spend of the task's risk."""
        return promise.risk if self.last else release_risk(promise.risk, number)

    def enough(self, task: Task, number: int, rows: int) -> int:
        """Of so many calibration rows, how many attempt `number` needs: more would allow it no further error."""
        if task.promise.kind.one_sided or task.offline or len(task.rungs) > 1:
            return rows  # other tests, or several rungs that share the errors
        terms = (task.promise.target, self.risk(task.promise, number))
        return fewest(rows, target=terms[0], risk=terms[1], scope=self.scope)


def stream(task: Task) -> Outlook:
    """A stream without an end: a calibration should pay itself back within a few horizons."""
    horizon = task.promise.horizon
    return Outlook(remaining=4 * horizon, most=2 * task.flywheel.labels, scope=Scope(horizon=horizon))


@dataclass(frozen=True, slots=True)
class Judgement:
    """Calibration rows to wait for (0: it is not worth any) and, of rows that are there already, how many are `enough`;
    the share expected to be answered low with the thresholds they allow, and each rung's out-of-fold agreement."""

    planned: int
    enough: Callable[[int], int] = field(compare=False, repr=False)
    low_share: float
    agreement: Mapping[str, float]

    def __str__(self) -> str:
        """For a person."""
        shares = ", ".join(f"{rung} agrees in {share:.1%}" for rung, share in self.agreement.items())
        return f"{shares} of unseen rows, and {self.low_share:.0%} of the questions could be answered low"


def judge(
    task: Task, dataset: Dataset, fitted: Mapping[str, Fitted], outlook: Outlook, *, number: int
) -> Judgement:
    """Judge the rungs fitted on `dataset` by their guesses on rows they had not seen, for attempt `number`.

    Only rows drawn without looking at them count: what was labelled because a rung was unsure is harder than the rest.
    """
    examples = dataset.splits["train"]
    # Each rung is certified with its part of the errors and of the risk (see `certify_ladder`).
    errors = (1 - task.promise.target) / len(fitted)
    target = 1 - errors if len(fitted) > 1 else task.promise.target
    risk = outlook.risk(task.promise, number) / len(fitted)
    planned, low_share, agreement = 0, 0.0, {}
    for rung, made in fitted.items():
        pairs = [
            (guess, example)
            for guess, example in zip(made.out_of_fold, examples, strict=True)
            if example.drawn and guess is not None
        ]
        wrong = [not equal(task, guess.text, example.label) for guess, example in pairs]
        plan = _plan(task, pairs, outlook, target, risk)
        planned = max(planned, plan.labels if plan.low_share > _MARGIN else 0)
        low_share = max(low_share, plan.low_share / (1 - plan.labels / outlook.remaining))
        agreement[rung] = 1 - sum(wrong) / max(len(wrong), 1)
    if planned:
        planned = min(max(planned, task.flywheel.calibration), outlook.most)
    return Judgement(planned, partial(outlook.enough, task, number), low_share, agreement)


def _plan(
    task: Task, pairs: Sequence[tuple[Guess, Example]], outlook: Outlook, target: float, risk: float
) -> CalibrationPlan:
    """The calibration that pays best for what the task promises, by the out-of-fold guesses of one rung."""
    scores = [guess.confidence for guess, _ in pairs]
    said = [(guess.text, example.label) for guess, example in pairs]
    wrong = [lost(task, answer, truth) for answer, truth in said]
    if task.offline:
        return plan_answered(scores, wrong, target=target, risk=risk, remaining=outlook.remaining)
    if not task.promise.kind.one_sided:
        batch = outlook.scope.population is not None
        return plan_calibration(
            scores, wrong, target=target, risk=risk, remaining=outlook.remaining, future=not batch
        )
    part = [speaks_of(task, answer, truth) for answer, truth in said]
    low = [may_be_low(task, answer) for answer, _ in said]
    return plan_part(
        Rehearsal(scores, wrong, part, low), target=target, risk=risk, remaining=outlook.remaining
    )


def worth_more(store: Store, task: Task, judgement: Judgement) -> bool:
    """Whether a candidate should answer clearly more questions low than what is in service (or observed) now."""
    rollout = store.rollouts.get(task.name)
    release = store.catalogue.get_ladder_release(rollout.live or rollout.candidate or "")
    now = release.certificate.low_share if release and release.certificate else 0.0
    outcomes = store.ledger.outcomes(task.name, rollout.live)[-10 * _ENOUGH :] if rollout.live else []
    if len(outcomes) >= _ENOUGH:
        now = sum(outcome.low for outcome in outcomes) / len(outcomes)
    return judgement.planned > 0 and judgement.low_share > now + _MARGIN
