"""The watch over releases in service: an anytime-valid test on the audit, and whether the top rung is still the same."""

import hashlib
import logging
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import msgspec

from stepladder.core import ModelConfig, OnDrift, PromiseKind, Task
from stepladder.models import lost, speaks_of
from stepladder.promise import AuditProcess
from stepladder.rollout.drift import drifted_now, look_at_inputs
from stepladder.rollout.floors import heed_floors, listen_to_floors
from stepladder.rollout.moves import take_back
from stepladder.rollout.standing import Standing, Step, start_afresh, wait_for_more
from stepladder.rollout.turn import calibrate
from stepladder.store import Outcome, Store

_log = logging.getLogger("stepladder.flywheel")
_LATE = 5000  # rows: audits that come later than this after their question are left out
_UNSPOKEN = (
    "price",
    "timeout",
    "key",
    "concurren",
    "retr",
    "delay",
)  # settings that do not change what a model says


def fingerprint(task: Task, model: ModelConfig) -> str:
    """Names the top rung by what makes its answers: model, its settings (no secrets, prices or timeouts) and contract.

    A certificate speaks about this top rung alone.
    """
    what: list[Any] = [
        task.teacher,
        model.kind,
        _said(model),
        task.prompt,
        task.labels,
        task.schema,
        task.equality,
        task.caller_system,
    ]
    if task.knowledge.collection or task.knowledge.retriever:
        what.append(task.knowledge)
    if task.max_output_tokens is not None:
        what.append(task.max_output_tokens)
    return hashlib.sha256(msgspec.json.encode(what, order="sorted")).hexdigest()[:16]


def settings_mark(model: ModelConfig) -> str:
    """Names a model's settings, as far as they change what it says."""
    what = [model.kind, _said(model)]
    return hashlib.sha256(msgspec.json.encode(what, order="sorted")).hexdigest()[:16]


def _said(model: ModelConfig) -> dict[str, Any]:
    return {
        key: value
        for key, value in model.settings.items()
        if not any(word in key for word in _UNSPOKEN)
        and not (isinstance(value, str) and value.startswith(("env:", "file:")))
    }


def watch(store: Store, task: Task, top: str, standing: Standing) -> Standing:
    """Feed the audits' tests and take back what has alarmed, or was certified for another top rung.

    `top` is the fingerprint of the top rung as configured now. When the live release is taken back, a new turn
    starts on new labels: what was being prepared comes from a time that is over. The release that comes back is watched
    as if it were new. What is asked is looked at as well (see `drift`), and floors each for themselves (see `floors`).
    """
    if standing.top != top:
        note = "The top rung changed: labels are gathered anew." if standing.top else standing.note
        changed = start_afresh(store, task, standing, note) if standing.top else standing
        standing = replace(changed, top=top, slices=(), older=())  # said by another top
    rollout = store.rollouts.get(task.name)
    served = [release for release in (rollout.candidate, rollout.live) if release is not None]
    standing = replace(standing, audits={release: standing.audits.get(release, {}) for release in served})
    for release in served:
        audit = _listen(store, task, release, standing)
        standing = replace(standing, audits={**standing.audits, release: audit})
        if why := _reason(store, task, release, top, audit):
            take_back(store, task.name, release, why, top=top)
            turn = start_afresh if release == rollout.live else wait_for_more
            standing = turn(store, task, standing, why)
    return _heed_inputs(store, task, standing)


def _heed_inputs(store: Store, task: Task, standing: Standing) -> Standing:
    """Look at what is asked of the live release; once it has drifted, do what the task says, when no turn is under way."""
    live = store.rollouts.get(task.name).live
    found = look_at_inputs(store, task, live) if live is not None else []
    if live is None or not found or standing.step is not Step.GATHER:
        return standing
    why = drifted_now(store, task, live, found)
    if not why:
        return standing
    _log.warning("%s: %s", task.name, why)
    match task.watch.drift:
        case OnDrift.CERTIFY:
            return _certify_anew(store, task, replace(standing, note=why), live)
        case OnDrift.RETRAIN:
            due = min(standing.due, standing.trained + task.flywheel.labels)
            return replace(standing, due=due, note=why)
    return replace(standing, note=why)


@dataclass(frozen=True, slots=True)
class _AsMany:
    """A plan that takes what comes."""

    planned: int

    def enough(self, rows: int) -> int:
        return rows


def _certify_anew(store: Store, task: Task, standing: Standing, live: str) -> Standing:
    """The live release's rungs, on questions that are asked from now on."""
    ladder = store.catalogue.get_ladder_release(live)
    assert ladder is not None
    sample = ladder.certificate.sample if ladder.certificate is not None else 0
    planned = max(task.flywheel.calibration, sample)
    fresh = replace(standing, frozen=store.ledger.last_seq())
    waiting = calibrate(store, task, fresh, ladder.rungs, _AsMany(planned))
    return replace(waiting, note=f"{standing.note} {live} is certified anew.")


def _listen(store: Store, task: Task, release: str, standing: Standing) -> Mapping[str, Any]:
    """The e-process of a release after the outcomes it has not seen; audits may come in any order within `_LATE` rows.

    Drawn rows are a plain sample of the release's answers, so each that the promise speaks of counts as one answer
    audited for certain.
    """
    audit = standing.audits[release]
    seen = set(audit.get("seen", ()))
    after = max(audit.get("after", 0), standing.since)
    fresh = [
        outcome
        for outcome in store.ledger.outcomes(task.name, release, after=after)
        if outcome.seq not in seen
    ]
    if not fresh:
        return audit
    state = audit.get("process")
    process = (
        AuditProcess.from_dict(state) if state else AuditProcess(task.promise.target, task.promise.risk, 1.0)
    )
    for outcome in fresh:
        counted, wrong = _counted(task, outcome)
        if counted:
            process.observe(outcome.low, outcome.low, 1.0, wrong)
    seen.update(outcome.seq for outcome in fresh)
    after = max(after, max(seen) - _LATE)
    kept = {"process": process.to_dict(), "after": after, "seen": sorted(seq for seq in seen if seq > after)}
    ladder = store.catalogue.get_ladder_release(release)
    if ladder is not None and ladder.certificate is not None and ladder.certificate.floors:
        floors = ladder.certificate.floors
        kept["floors"] = listen_to_floors(task, floors, audit.get("floors", {}), fresh)
    return kept


def _reason(store: Store, task: Task, release: str, top: str, audit: Mapping[str, Any]) -> str:
    ladder = store.catalogue.get_ladder_release(release)
    if ladder is None or ladder.top != top:
        return f"{release} was certified for another top rung (its model, prompt or labels have changed)."
    if (state := audit.get("process")) and (process := AuditProcess.from_dict(state)).alarmed:
        estimate = process.agreement().estimate
        return (
            f"The audit of {release} refutes {_promised(task)}: "
            f"{estimate:.1%} in {process.answers} drawn answers (e-value {process.peak:.0f})."
        )
    return heed_floors(store, task, ladder, audit.get("floors", {}))


def _counted(task: Task, outcome: Outcome) -> tuple[bool, bool]:
    """Whether the promise speaks of an answer, and whether it is lost."""
    if task.offline and not outcome.low:  # of what was not answered nothing is promised
        return False, False
    if task.promise.kind is PromiseKind.AGREEMENT:
        return True, not outcome.agreed
    truth = outcome.correction if task.promise.kind is PromiseKind.ERROR else outcome.top_answer
    if truth is None or not speaks_of(task, outcome.answer, truth):
        return False, False
    return True, outcome.low and lost(task, outcome.answer, truth)


def _promised(task: Task) -> str:
    promise = task.promise
    if promise.kind is PromiseKind.ERROR:
        return f"{1 - promise.target:.0%} error"
    return f"{promise.target:.0%} {promise.kind}" + (f" of {promise.positive}" if promise.positive else "")
