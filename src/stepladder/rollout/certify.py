"""From a calibration sample to a ladder release with certified thresholds."""

from collections.abc import Callable, Mapping, Sequence

from stepladder.core import Certificate, Floor, LadderRelease, Learned, Task
from stepladder.models import Belief, Entries, lost
from stepladder.promise import CertifiedThreshold, LadderPromise, coverage_bound
from stepladder.rollout.sample import Sample, true_answer
from stepladder.rollout.standing import Standing
from stepladder.store import LabelledRow, Store

DICTIONARY = "dictionary"
"""The rung of the owner's own words, which are outside the promise."""

TEST = "exact rule"
"""The test's name in certificates (see `promise`)."""


def calibration_rows(store: Store, task: Task, standing: Standing) -> list[LabelledRow]:
    """The first `planned` drawn rows after the freeze whose top answer is known; none until there are that many.

    Rows that the dictionary answers are outside the promise. Nothing about another row but the coin and its place in
    time decides whether it is in: where the promise is measured by trusted labels, each of these rows needs one.
    """
    if store.ledger.count_labelled(task.name, after=standing.frozen, drawn=True) < standing.planned:
        return []
    owned = _owned(store, task)
    rows = store.ledger.labelled(task.name, after=standing.frozen, drawn=True)
    sample = [row for row in rows if row.top_answer is not None and not owned(row.text)][: standing.planned]
    known = all(true_answer(task, row) is not None for row in sample)
    return sample if known and len(sample) == standing.planned else []


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

    `rungs` are cheapest first, `rows` fresh and drawn at random. What is wrong is what the task's promise counts as lost.
    The same attempt always makes the same release.
    """
    sample = Sample.of(task, rungs, rows)
    found = sample.thresholds(task, promise)
    sure = {name: result.threshold for name, result in found.items() if result.certified}
    floors = [floor for name in sure for floor in sample.floors(task, name, promise.risk)]
    certificate = _certificate(task, sample, found, (sure, floors), promise)
    if certificate.low_share == 0.0:
        return None
    return LadderRelease(
        id=f"{task.name}-{standing.number}",
        task=task.name,
        number=standing.number,
        rungs={rung: standing.releases[rung] for rung in sure},
        thresholds=sure,
        certificate=certificate,
        top=standing.top,
        created_at=rows[-1].at,
    )


def _certificate(
    task: Task,
    sample: Sample,
    found: Mapping[str, CertifiedThreshold],
    believed: tuple[Mapping[str, float], Sequence[Floor]],
    promise: LadderPromise,
) -> Certificate:
    scope, drawn = promise.scope, len(sample.truths)
    horizon = scope.horizon or scope.following
    if scope.population is not None:
        horizon = scope.population - drawn if scope.counted is None else scope.counted
    one_sided = task.promise.kind.one_sided
    low, errors = _served(task, sample, Belief(*believed))
    thresholds, floors = believed
    apart = {floor.threshold for floor in floors if floor.threshold is not None}
    return Certificate(
        test=TEST,
        sample=drawn,
        target=promise.target,
        risk=promise.risk,
        horizon=0 if one_sided or task.offline else horizon or 0,
        errors=errors,
        allowed_errors=sum(max(result.allowed_errors, 0) for result in found.values()),
        low_share=low / drawn if drawn else 0.0,
        kind=task.promise.kind,
        positive=task.promise.positive,
        spoken_of=next(iter(found.values())).sample if one_sided else None,
        coverage=coverage_bound(low, drawn, promise.risk, max(1, len(thresholds) + len(apart))),
        floors=tuple(floors),
    )


def _served(task: Task, sample: Sample, belief: Belief) -> tuple[int, int]:
    """How many of the sample are answered low, and how many of these are lost."""
    low = errors = 0
    for number, (tenant, truth) in enumerate(zip(sample.tenants, sample.truths, strict=True)):
        for rung, guesses in sample.guesses.items():
            guess = guesses[number]
            if guess.confidence >= belief.needed(rung, guess.text, tenant):
                low += 1
                errors += truth is None or lost(task, guess.text, truth)
                break
    return low, errors
