"""From a calibration sample to a ladder release with certified thresholds."""

from collections.abc import Callable, Sequence

from stepladder.core import Certificate, LadderRelease, Learned, Question, Task
from stepladder.models import Entries, equal
from stepladder.promise import CertifiedThreshold, LadderPromise, certify_ladder
from stepladder.rollout.standing import Standing
from stepladder.store import LabelledRow, Store

DICTIONARY = "dictionary"
"""The rung of the owner's own words, which are outside the promise."""

TEST = "exact rule"
"""The test's name in certificates (see `promise`)."""


def calibration_rows(store: Store, task: Task, standing: Standing) -> list[LabelledRow]:
    """The first `planned` drawn rows after the freeze whose top answer is known; none until there are that many.

    Rows that the dictionary answers are outside the promise. Nothing about another row but the coin and its place in
    time decides whether it is in.
    """
    if store.ledger.count_labelled(task.name, after=standing.frozen, drawn=True) < standing.planned:
        return []
    owned = _owned(store, task)
    rows = store.ledger.labelled(task.name, after=standing.frozen, drawn=True)
    sample = [row for row in rows if row.top_answer is not None and not owned(row.text)][: standing.planned]
    return sample if len(sample) == standing.planned else []


def _owned(store: Store, task: Task) -> Callable[[str], bool]:
    """Whether the owner's dictionary answers a text."""
    entries = Entries.of(store.entries.snapshot(task.name) if DICTIONARY in task.rungs else ())
    return lambda text: entries.find(text) is not None


def certify(
    task: Task,
    standing: Standing,
    rungs: Sequence[Learned],
    rows: Sequence[LabelledRow],
    promise: LadderPromise,
) -> LadderRelease | None:
    """The ladder release of attempt `standing.number`, or None where no rung may be believed at any confidence.

    `rungs` are cheapest first, `rows` fresh and drawn at random. A guess is wrong where it does not equal what the top
    rung said. The same attempt always makes the same release.
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
    sure = {
        rung.name: result.threshold for rung, result in zip(rungs, found, strict=True) if result.certified
    }
    if not sure:
        return None
    return LadderRelease(
        id=f"{task.name}-{standing.number}",
        task=task.name,
        number=standing.number,
        rungs={rung: standing.releases[rung] for rung in sure},
        thresholds=sure,
        certificate=_certificate(found, promise),
        top=standing.top,
        created_at=rows[-1].at,
    )


def _certificate(found: Sequence[CertifiedThreshold], promise: LadderPromise) -> Certificate:
    scope = promise.scope
    horizon = scope.horizon or scope.following
    if scope.population is not None:
        horizon = scope.population - found[0].sample
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
