"""The steps of a turn that wait for something: labels, a calibration sample, a canary's answers."""

import math
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Protocol

from stepladder.core import LadderRelease, Mode, PromiseKind, Task
from stepladder.promise import binomial_cdf
from stepladder.rollout.canary import Trial, beside_live, try_out
from stepladder.rollout.certify import calibration_rows
from stepladder.rollout.drift import keep_reference
from stepladder.rollout.moves import approved_by, draw_more, promote, start_canary, take_back
from stepladder.rollout.retest import learned_from
from stepladder.rollout.standing import Standing, Step, labels, wait_for_more
from stepladder.store import Store

_LATE = 300  # answers that tell what is asked of late
_FEW = 50  # fewer tell nothing
_MOST = 0.8  # of the certified share, which is itself an estimate
_HALF = 0.5  # of the questions at most, while it is tried out
_CHANCE = 1e-3  # that it falls below this while the same is asked


class Plan(Protocol):
    """How many calibration rows are `planned`, and of those that are there already how many are `enough`."""

    @property
    def planned(self) -> int: ...

    @property
    def enough(self) -> Callable[[int], int]: ...


def next_turn(store: Store, task: Task, mode: Mode, standing: Standing) -> Standing:
    """Wait for enough labels, then fix the row up to which this turn may train.

    A release that was certified and only observed gets its canary as soon as the ladder may answer.
    """
    observed = store.rollouts.get(task.name).candidate
    if observed is not None and mode is Mode.LADDER:
        return replace(standing, ladder=observed).at(
            Step.CANARY, f"{observed} was observed and is now tried out."
        )
    draw_more(store, task.name, None)  # whatever ended the last turn
    rows = labels(store, task, standing)
    due = standing.due
    if rows - standing.trained >= task.flywheel.labels and _asked_otherwise(store, task):
        due = rows
    if rows >= task.flywheel.labels and _called_for(store, task, standing, rows):
        due = rows
    if rows < due or not task.flywheel.automatic:
        return standing.at(Step.GATHER, standing.note, rows, standing.due)
    due = int(min(rows * task.flywheel.growth, 1e15)) + 1
    frozen = replace(standing, frozen=_freeze_at(store, task, standing, rows), trained=rows, due=due)
    begun = replace(
        frozen, turned=store.clock.time(), entries=store.entries.changes(task.name, standing.entries)[1]
    )
    return begun.at(Step.FIT, f"Training on {rows} rows.", rows, rows)


def _called_for(store: Store, task: Task, standing: Standing, rows: int) -> bool:
    """Whether the clock or the dictionary starts a fit before the labels do, with something new to learn from."""
    wheel = task.flywheel
    if wheel.entries and store.entries.changes(task.name, standing.entries)[0] >= wheel.entries:
        return True
    waited = store.clock.time() - standing.turned
    return bool(wheel.every_hours) and waited >= 3600 * wheel.every_hours and rows > standing.trained


def _low_of_late(store: Store, task: Task) -> tuple[int, int]:
    """Of the latest questions of the live release: how many it answered low, and how many they are."""
    live = store.rollouts.get(task.name).live
    return store.ledger.low_of_late(task.name, live, latest=_LATE) if live else (0, 0)


def _asked_otherwise(store: Store, task: Task) -> bool:
    """Whether the live release answers clearly fewer questions low than it was certified to: others are asked now, and
    what the top says to them is worth learning before the labels have grown as much as they otherwise should."""
    ladder = store.catalogue.get_ladder_release(store.rollouts.get(task.name).live or "")
    if ladder is None or ladder.certificate is None:
        return False
    low, asked = _low_of_late(store, task)
    return binomial_cdf(low, asked, _MOST * ladder.certificate.low_share) < _CHANCE


def _draw(store: Store, task: Task) -> float:
    """The share to draw for a calibration. Only what would be answered low costs a call of its own: so much is drawn that
    these are the share `recalibrate` of all questions at most. In steps of twice as much, for the history's sake."""
    low, asked = _low_of_late(store, task)
    share = low / asked if asked >= _FEW else 1.0
    if share <= task.flywheel.recalibrate:
        return 1.0
    return min(1.0, task.flywheel.recalibrate / 2.0 ** math.ceil(math.log2(share)))


def _freeze_at(store: Store, task: Task, standing: Standing, rows: int) -> int:
    """The row up to which to train: the last one, or with `hold_back` an earlier one, whatever the rows say."""
    kept = round(rows * (1 - task.flywheel.hold_back))
    if kept in (0, rows):
        return store.ledger.last_seq()
    return store.ledger.labelled(task.name, after=standing.since, limit=kept)[-1].seq


def calibrate(
    store: Store, task: Task, standing: Standing, releases: Mapping[str, str], plan: Plan
) -> Standing:
    """Wait for the planned rows, or take of those held back what is of use; beside a live release more questions are drawn
    meanwhile."""
    held, planned = store.ledger.count_labelled(task.name, after=standing.frozen, drawn=True), plan.planned
    if task.flywheel.hold_back and held >= task.flywheel.calibration:
        planned = plan.enough(held)  # bought already
    draw_more(store, task.name, _draw(store, task))
    note = f"Trained on {standing.trained} rows; waiting for {planned} fresh ones to certify with."
    return replace(standing, releases=releases, planned=planned).at(Step.CALIBRATE, note, 0, planned)


def wait_for_calibration(store: Store, task: Task, standing: Standing) -> Standing:
    """Wait for the calibration sample, then count the attempt: before it is made, so that it is counted once."""
    rows = calibration_rows(store, task, standing)
    if not rows:
        draw_more(store, task.name, _draw(store, task))
        done = store.ledger.count_labelled(task.name, after=standing.frozen, drawn=True)
        if task.promise.kind is PromiseKind.ERROR:
            done = store.ledger.count_corrected(task.name, after=standing.frozen)
        return standing.at(Step.CALIBRATE, standing.note, min(done, standing.planned), standing.planned)
    number = store.catalogue.next_number(task.name)
    return replace(standing, number=number).at(Step.CERTIFY, f"Attempt {number}.", len(rows), len(rows))


def begin_canary(
    store: Store,
    task: Task,
    mode: Mode,
    standing: Standing,
    ladder: LadderRelease | None,
    trouble: str = "",
) -> Standing:
    """Try a certified ladder release out; without one, or with `trouble`, go on with more labels."""
    draw_more(store, task.name, None)
    if ladder is None:
        live = store.catalogue.get_ladder_release(store.rollouts.get(task.name).live or "")
        if live is not None and dict(live.rungs) == dict(standing.releases):
            take_back(store, task.name, live.id, f"{live.id} could not be certified anew.", top=standing.top)
        rule = f"{task.promise.target:.0%} {task.promise.kind} at {standing.planned} calibration rows"
        return standing.again(
            f"Attempt {standing.number}: no threshold could be certified for {rule}.", standing.due
        )
    if trouble:
        return wait_for_more(store, task, standing, f"Attempt {standing.number}: {trouble}")
    store.catalogue.add_ladder_release(ladder)
    keep_reference(store, task, standing, ladder.id)
    start_canary(store, ladder, _share(task, mode))
    total = task.flywheel.canary_answers
    return replace(standing, ladder=ladder.id).at(Step.CANARY, f"{ladder.id} is tried out.", 0, total)


def try_candidate(store: Store, task: Task, mode: Mode, standing: Standing) -> Standing:
    """Watch the candidate's first answers; then promote it, or take it back and say why."""
    ladder = store.catalogue.get_ladder_release(standing.ladder)
    rollout = store.rollouts.get(task.name)
    if ladder is None or ladder.id not in (rollout.candidate, rollout.live):
        return wait_for_more(store, task, standing, f"{standing.ladder} was taken back.")
    if mode is Mode.OBSERVE:
        start_canary(store, ladder, 0.0)
        return standing.again(f"{ladder.id} is certified and observed: the top answers.", standing.due)
    wanted = task.flywheel.canary_answers
    live = rollout.live if rollout.live != ladder.id else rollout.previous
    trial = beside_live(store, task, ladder, live, try_out(store, ladder, wanted))
    if trial.trouble:
        take_back(store, task.name, ladder.id, trial.trouble)
        return wait_for_more(store, task, standing, trial.trouble)
    if rollout.live != ladder.id:
        start_canary(store, ladder, _ramped(task, mode, trial, rollout.share))
    if trial.answers < wanted:
        return standing.at(Step.CANARY, standing.note, trial.answers, wanted)
    who = approved_by(store, ladder.id)
    if task.flywheel.approve and not who:
        note = (
            f"{ladder.id} has given {trial.answers} answers without trouble: `stepladder rollout approve` it."
        )
        return standing.at(Step.CANARY, note, trial.answers, wanted)
    promote(
        store,
        ladder,
        f"{ladder.id} has given {trial.answers} answers without trouble{f'; {who} approved' if who else ''}.",
    )
    return learned_from(store, standing, ladder).again(f"{ladder.id} is live.", standing.due)


def _ramped(task: Task, mode: Mode, trial: Trial, share: float) -> float:
    """The candidate's next share: twice and four times the first at a third and two thirds of its answers, half at most.

    It never grows while there is doubt, and never shrinks: a conversation stays where it was.
    """
    first = _share(task, mode)
    if not first:
        return 0.0
    stage = min(2, 3 * trial.answers // max(1, task.flywheel.canary_answers))
    wanted = min(max(_HALF, first), first * 2**stage)
    return max(first, share) if trial.doubt else max(first, share, wanted)


def _share(task: Task, mode: Mode) -> float:
    return task.flywheel.canary if mode is Mode.LADDER else 0.0
