"""The changes of a rollout, each with its reason in the history. A release is only ever put back to a certified one."""

from dataclasses import replace

from stepladder.core import BadRequest, Floor, LadderRelease, Rollout
from stepladder.store import Store

_APPROVAL = "rollout approval"


def draw_more(store: Store, task: str, share: float | None) -> None:
    """Draw this share of questions for the top while a candidate waits for its calibration; None: the audit's share."""
    rollout = store.rollouts.get(task)
    if rollout.live is not None and rollout.draw != share:
        why = "A candidate waits for its calibration." if share is not None else "The calibration is over."
        store.rollouts.put(replace(rollout, draw=share), why)


def start_canary(store: Store, ladder: LadderRelease, share: float) -> None:
    """Give a certified ladder release its first questions (share 0: it is only observed). Doing it twice does nothing."""
    rollout = store.rollouts.get(ladder.task)
    started = replace(rollout, candidate=ladder.id, share=share, draw=None)
    if ladder.id != rollout.live and started != rollout:
        verb = f"gets {share:.0%} of the questions" if share else "is observed"
        store.rollouts.put(started, f"{ladder.id} was certified and {verb}.")


def promote(store: Store, ladder: LadderRelease, why: str) -> None:
    """Make the candidate the live release. Doing it twice does nothing."""
    rollout = store.rollouts.get(ladder.task)
    if rollout.live != ladder.id:
        promoted = replace(
            rollout, live=ladder.id, previous=rollout.live, candidate=None, share=0.0, draw=None
        )
        store.rollouts.put(promoted, why)


def take_back(
    store: Store, task: str, release: str, why: str, *, who: str = "flywheel", top: str = ""
) -> Rollout:
    """Take a ladder release out of service: a candidate is dropped, the live one gives way to the previous.

    The previous release comes back only if it has a certificate for the same top rung (`top`, else that of the
    release that goes); otherwise the top rung answers alone. A release that was taken back is never the previous one.
    """
    rollout = store.rollouts.get(task)
    alone = replace(rollout, candidate=None, share=0.0, draw=None)
    if release != rollout.live:
        return store.rollouts.put(alone, why, who) if release == rollout.candidate else rollout
    gone = store.catalogue.get_ladder_release(release)
    heir = store.catalogue.get_ladder_release(rollout.previous) if rollout.previous else None
    wanted = top or (gone.top if gone else "")
    fit = heir is not None and heir.certificate is not None and heir.top == wanted
    after = replace(alone, live=heir.id if heir and fit else None, previous=None)
    return store.rollouts.put(after, f"{why} Now: {after.live or 'the top rung alone'}.", who)


def narrow(store: Store, ladder: LadderRelease, floors: tuple[Floor, ...], why: str) -> None:
    """Put the live release out of service for some parts: the same rungs under another name, which believe fewer answers.

    What it still answers low is a part of what was certified, and its floors are as they were. An attempt's number is
    spent on the name.
    """
    assert ladder.certificate is not None
    number = store.catalogue.next_number(ladder.task)
    narrower = replace(
        ladder,
        id=f"{ladder.task}-{number}",
        number=number,
        certificate=replace(ladder.certificate, floors=floors),
    )
    store.catalogue.add_ladder_release(narrower)
    rollout = store.rollouts.get(ladder.task)
    store.rollouts.put(replace(rollout, live=narrower.id), why)


def approve(store: Store, task: str, *, who: str) -> str:
    """Let the candidate be promoted once its trial is over; its id. Raises BadRequest where there is none."""
    candidate = store.rollouts.get(task).candidate
    if candidate is None:
        raise BadRequest(
            f"Task {task!r} has no candidate.", remedy="See `stepladder rollout history`.", param="task"
        )
    store.catalogue.notes.put(_APPROVAL, candidate, {"who": who})
    return candidate


def approved_by(store: Store, release: str) -> str:
    """Who approved a candidate; "" for nobody."""
    return str((store.catalogue.notes.get(_APPROVAL, release) or {}).get("who", ""))


def rollback_by_hand(store: Store, task: str, *, who: str) -> Rollout:
    """Drop the candidate and go back from the live release to the previous one, or to the top alone.

    Raises BadRequest when there is nothing to go back from.
    """
    rollout = store.rollouts.get(task)
    release = rollout.live or rollout.candidate
    if release is None:
        raise BadRequest(
            f"Task {task!r} has no release to go back from: the top rung answers alone.",
            remedy="See `stepladder rollout history`.",
            param="task",
        )
    return take_back(store, task, release, f"{release} was rolled back by hand.", who=who)


def drop_by_hand(store: Store, task: str, *, who: str) -> Rollout:
    """Drop the candidate; what is live stays. Raises BadRequest where there is no candidate."""
    candidate = store.rollouts.get(task).candidate
    if candidate is None:
        raise BadRequest(
            f"Task {task!r} has no candidate.", remedy="See `stepladder rollout history`.", param="task"
        )
    return take_back(store, task, candidate, f"{candidate} was dropped by hand.", who=who)
