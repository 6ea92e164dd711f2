"""From a calibration sample to a ladder release with certified thresholds."""

from collections.abc import Callable, Mapping, Sequence

from stepladder.core import Certificate, LadderRelease, Learned, Question, Task
from stepladder.models import equal
from stepladder.promise import CertifiedThreshold, LadderPromise, certify_ladder
from stepladder.rollout.standing import Standing
from stepladder.store import LabelledRow, Store

TEST = "exact rule"
"""The test's name in certificates (see `promise`)."""


def calibration_rows(
    store: Store, task: Task, standing: Standing, owned: Callable[[str], bool] = lambda text: False
) -> list[LabelledRow]:
    """The first `planned` drawn rows after the freeze whose top answer is known, or fewer while they come in.

    Rows that the dictionary answers (`owned` by text) are outside the promise. Nothing about a row but the coin and its
    place in time decides whether it is in.
    """
    if store.ledger.count_labelled(task.name, after=standing.frozen, drawn=True) < standing.planned:
        return []
    rows = store.ledger.labelled(task.name, after=standing.frozen, drawn=True)
    return [row for row in rows if row.top_answer is not None and not owned(row.text)][: standing.planned]


def certify(
    task: Task, rungs: Sequence[Learned], rows: Sequence[LabelledRow], promise: LadderPromise
) -> tuple[Mapping[str, float], Certificate | None]:
    """Thresholds of the rungs (cheapest first) that may be believed, and the evidence; nothing and None if none may.

    `rows` are fresh and drawn at random. A guess is wrong where it does not equal what the top rung said.
    """
    questions = [
        Question(id=row.id, task=task.name, text=row.text, fields=row.fields, asked_at=row.at) for row in rows
    ]
    answers = [row.top_answer or "" for row in rows]
    samples = []
    for rung in rungs:
        guesses = rung.predict(questions)
        wrong = [not equal(task, guess.text, answer) for guess, answer in zip(guesses, answers, strict=True)]
        samples.append(([guess.confidence for guess in guesses], wrong))
    found = certify_ladder(samples, promise)
    thresholds = {
        rung.name: result.threshold for rung, result in zip(rungs, found, strict=True) if result.certified
    }
    return thresholds, _certificate(found, promise) if thresholds else None


def _certificate(found: Sequence[CertifiedThreshold], promise: LadderPromise) -> Certificate:
    scope = promise.scope
    horizon = scope.horizon if scope.population is None else scope.population - found[0].sample
    return Certificate(
        test=TEST,
        sample=found[0].sample,
        target=promise.target,
        risk=promise.risk,
        horizon=horizon or 0,
        errors=sum(result.errors for result in found),
        allowed_errors=sum(max(result.allowed_errors, 0) for result in found),
        low_share=sum(result.low_share for result in found),
    )


def ladder_release(
    task: Task, standing: Standing, thresholds: Mapping[str, float], certificate: Certificate, at: float
) -> LadderRelease:
    """The ladder release of attempt `standing.number`; the same attempt always makes the same one."""
    return LadderRelease(
        id=f"{task.name}-{standing.number}",
        task=task.name,
        number=standing.number,
        rungs={rung: standing.releases[rung] for rung in thresholds},
        thresholds=dict(thresholds),
        certificate=certificate,
        top=standing.top,
        created_at=at,
    )
