"""A candidate beside what is live: quality, cost, time and guards, each by a test that may be looked at at any time."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from stepladder.core import LadderRelease, Task
from stepladder.promise import Contest, contest
from stepladder.store import AnswerFigures, Store

_RISK = 1e-3  # of each of the four figures: that a candidate which is not worse is called so
_MARGIN = 0.05  # share of the answers, or of the dearest answer's cost
_SLOW = 0.9  # the share of what was live before that was quicker: what is slower counts as slow
_BEFORE = 2_000  # rows of the ledger before the candidate's first


@dataclass(frozen=True, slots=True)
class Compared:
    """One figure of the candidate beside the live release's, with the evidence that it is worse by more than the margin."""

    figure: str
    margin: float
    found: Contest

    @property
    def worse(self) -> bool:
        """Whether that is shown."""
        return self.found.refuted(_RISK)

    def __str__(self) -> str:
        return (
            f"{self.figure}: {self.found.second:.3f} against {self.found.first:.3f} live, after {self.found.pairs} pairs "
            f"(evidence {self.found.evidence:.3g})"
        )


def compare_releases(store: Store, task: Task, ladder: LadderRelease, live: str | None) -> list[Compared]:
    """The candidate against the live release (None: the top alone) since the candidate's first answer."""
    began = store.trials.began(task.name, ladder.id)
    if began is None:
        return []
    against = live or ""
    before = store.trials.figures(task.name, against, after=began - _BEFORE, until=began - 1)
    now, tried = (store.trials.figures(task.name, one, after=began - 1) for one in (against, ladder.id))
    allowed = 1 - task.promise.target
    told = [_quality(store, task, (against, ladder.id), began - 1, allowed if live is None else allowed / 2)]
    if len(before) >= 50:
        told += _by_answer(before, now, tried)
    guarded = contest([one.remarked for one in now], [one.remarked for one in tried], _MARGIN)
    return [*told, Compared("stopped or remarked on by guards", _MARGIN, guarded)]


def _by_answer(
    before: Sequence[AnswerFigures], now: Sequence[AnswerFigures], tried: Sequence[AnswerFigures]
) -> list[Compared]:
    """Cost and time, by measures that were fixed before the candidate answered."""
    dearest = 2 * max(one.cost for one in before)  # dearer ones may come
    slow = float(np.quantile([one.latency_ms for one in before], _SLOW))
    late = contest([one.latency_ms > slow for one in now], [one.latency_ms > slow for one in tried], _MARGIN)
    found = [Compared(f"slower than {slow:.0f} ms", _MARGIN, late)]
    if dearest > 0:
        costs = [[min(1.0, one.cost / dearest) for one in some] for some in (now, tried)]
        found.append(
            Compared("cost, of twice the dearest answer", _MARGIN, contest(costs[0], costs[1], _MARGIN))
        )
    return found


def _quality(store: Store, task: Task, releases: tuple[str, str], after: int, margin: float) -> Compared:
    """Answers that a low rung gave wrongly, among those that were drawn."""
    wrong = [
        [one.low and not one.agreed for one in store.ledger.outcomes(task.name, release, after=after)]
        if release
        else []
        for release in releases
    ]
    if not releases[0]:  # the top is never wrong by its own measure
        wrong[0] = [False] * len(wrong[1])
    return Compared("wrong where it was looked", margin, contest(wrong[0], wrong[1], margin))
