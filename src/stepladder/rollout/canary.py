"""Is a candidate fit for everybody? Its first answers are looked at, beside the audit's test (`watch`)."""

from dataclasses import dataclass, replace

from stepladder.core import UNSURE, LadderRelease, Task
from stepladder.promise import binomial_cdf
from stepladder.rollout.certify import DICTIONARY
from stepladder.rollout.contest import compare_releases
from stepladder.store import Store

_PATIENCE_MS = 100.0  # a low rung quicker than this is never too slow
_ENOUGH = 100  # answers, of which the slowest in a hundred is not the first alone, whose model was still being loaded
_DOUBT = 10.0  # evidence against a candidate, of the 1,000 that end it
_MOST = 0.8  # of the certified share, which is itself an estimate
_CHANCE = 1e-3  # that a sound candidate answers so few questions low


@dataclass(frozen=True, slots=True)
class Trial:
    """How far a canary is: answers given, and why it must end badly ("": it need not).

    In `doubt` there is some evidence against it, though not enough to end it: it gets no more questions for now.
    """

    answers: int
    trouble: str = ""
    doubt: bool = False


def beside_live(store: Store, task: Task, ladder: LadderRelease, live: str | None, trial: Trial) -> Trial:
    """The same trial, with trouble where a figure is shown to be worse than that of what is live (see `compare_releases`)."""
    if trial.trouble:
        return trial
    found = compare_releases(store, task, ladder, live)
    worst = max(found, key=lambda one: one.found.evidence, default=None)
    if worst is None:
        return trial
    if worst.worse:
        return replace(trial, trouble=f"{ladder.id} is worse than {live or 'the top alone'}: {worst}.")
    return replace(trial, doubt=worst.found.evidence >= _DOUBT)


def try_out(store: Store, ladder: LadderRelease, wanted: int) -> Trial:
    """Judge a candidate by its answers so far; trouble is only claimed from `wanted` answers on.

    Trouble is a rung that answers clearly less than was certified (it fails, or the questions have changed), or one that
    is slower than the top's median: by its 99th percentile, of fewer than 100 answers by its own median.
    """
    summary = store.ledger.summary(ladder.task, ladder_release=ladder.id)
    low = sum(summary.by_rung.get(rung, 0) for rung in ladder.rungs)
    if summary.answers < max(wanted, 1) or ladder.certificate is None:
        return Trial(summary.answers)
    asked = sum(count for rung, count in summary.by_rung.items() if rung != DICTIONARY)
    if binomial_cdf(low, asked, _MOST * ladder.certificate.low_share) < _CHANCE:
        expected = f"{ladder.certificate.low_share:.0%} were expected"
        return Trial(
            summary.answers, f"{ladder.id} answered {low} of {asked} questions low where {expected}."
        )
    tops = [
        latency.p50_ms
        for rung, latency in summary.latency.items()
        if rung not in (DICTIONARY, UNSURE, *ladder.rungs)
    ]
    for rung in set(ladder.rungs) & summary.latency.keys():
        many, took = summary.by_rung.get(rung, 0) >= _ENOUGH, summary.latency[rung]
        slow = took.p99_ms if many else took.p50_ms
        if slow > _PATIENCE_MS and tops and slow > max(tops):
            told = f"{'p99' if many else 'p50'} {slow:.0f} ms"
            return Trial(summary.answers, f"{rung} of {ladder.id} is slower than the top rung: {told}.")
    return Trial(summary.answers)
