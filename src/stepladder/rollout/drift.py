"""Is something else asked than when the live release was trained? One test a kind of novelty, valid at every moment.

The share of new questions among the same kind of questions is at most the upper end of an exact interval (Clopper and
Pearson 1934) around what the reference's own second half showed. An e-process (`AuditProcess`, which tests any rate of bad
events) then bets that the share is higher. Each of the three kinds spends a third of `drift_risk`, half on the interval and
half on the process: with probability at least 1 - `drift_risk` a release whose questions stay as they were (independent
draws of one source) is never told to have drifted, however long it serves.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from stepladder.core import OnDrift, Task
from stepladder.models import shared_embedder
from stepladder.promise import AuditProcess, clopper_pearson_upper
from stepladder.rollout.novelty import KINDS, Asked, Reference
from stepladder.rollout.standing import Standing
from stepladder.store import Store

_REFERENCE = 10_000  # questions of the training period, the newest
_AT_ONCE = 2_000  # questions a tick
_LOOK = 20  # questions after which the evidence is looked at
_LATE = 300  # questions that tell what is asked of late
_NGRAMS = {"kind": "ngrams", "dimensions": 256}
_HALF = 0.5  # where more may be new, for want of questions to tell by, a rise is shown and not tested


@dataclass(frozen=True, slots=True)
class Drifted:
    """One kind of novelty of a task's live release: the share of new questions among `seen` since it came, of late, and
    what it may be; `alarmed` once the evidence (an e-value) has reached the risk."""

    kind: str
    seen: int
    share: float
    of_late: float
    allowed: float
    evidence: float
    alarmed: bool


def keep_reference(store: Store, task: Task, standing: Standing, release: str) -> None:
    """Keep what was asked in the training period of a release that is about to serve; nothing where nobody looks."""
    if task.watch.drift is OnDrift.OFF:
        return
    asked = store.ledger.asked(
        task.name, after=standing.since, until=standing.frozen, teaching=True, limit=10 * _REFERENCE
    )
    reference = Reference.of(asked[-_REFERENCE:], shared_embedder(task.watch.embedder or _NGRAMS))
    if reference is not None:
        state = {"after": store.ledger.last_seq(), "kinds": {}, "acted": False}
        rollout = store.rollouts.get(task.name)
        store.drifts.keep(task.name, [one for one in (rollout.live, rollout.previous) if one])
        store.drifts.begin(task.name, release, reference.to_bytes(), state)


def look_at_inputs(store: Store, task: Task, release: str) -> list[Drifted]:
    """Take in what was asked since the last look, and say how it stands. [] where there is no reference."""
    state = store.drifts.state(task.name, release) if task.watch.drift is not OnDrift.OFF else None
    if state is None:
        return []
    asked = store.ledger.asked(task.name, after=state["after"], limit=_AT_ONCE)
    if asked:
        reference = _opened(store.drifts.reference(task.name, release) or b"")
        kinds = _tests(task, reference, asked, state["kinds"])
        state = {**state, "after": asked[-1].seq, "kinds": kinds}
        store.drifts.put(task.name, release, state)
    return _told(state)


def judged(task: Task, reference: Reference, asked: Sequence[Asked]) -> list[Drifted]:
    """How the tests stand after these questions, of a reference that has seen none before."""
    return _told({"kinds": _tests(task, reference, asked, {})})


def how_inputs_stand(store: Store, task: str) -> list[Drifted]:
    """What the last look said of the task's live release; [] where none is, or nobody looks."""
    release = store.rollouts.get(task).live
    state = store.drifts.state(task, release) if release else None
    return _told(state) if state is not None else []


def new_words(store: Store, task: str, *, latest: int = 1000, most: int = 10) -> list[tuple[str, int]]:
    """Words of the latest questions that the live release's training period did not have, and how many questions have them."""
    release = store.rollouts.get(task).live
    data = store.drifts.reference(task, release) if release else None
    if data is None:
        return []
    reference = _opened(data)
    asked = store.ledger.asked(task, after=max(0, store.ledger.last_seq() - 10 * latest), limit=10 * latest)
    counts = Counter(word for one in asked[-latest:] for word in set(reference.unseen(one.text)))
    return counts.most_common(most)


def drifted_now(store: Store, task: Task, release: str, found: Sequence[Drifted]) -> str:
    """What to say where a release has drifted and nobody was told yet; "" ever after, and where it has not."""
    alarms = [one for one in found if one.alarmed]
    state = store.drifts.state(task.name, release) if alarms else None
    if state is None or state["acted"]:
        return ""
    store.drifts.put(task.name, release, {**state, "acted": True})
    told = ", ".join(f"new {one.kind} in {one.of_late:.1%} ({one.allowed:.1%} may be)" for one in alarms)
    return f"Other questions are asked than {release} was trained for: {told}."


def _tests(
    task: Task, reference: Reference, asked: Sequence[Asked], before: Mapping[str, Any]
) -> dict[str, Any]:
    new = reference.judge(asked, shared_embedder(task.watch.embedder or _NGRAMS))
    return {
        kind: _fed(task, reference, k, before.get(kind), new[:, k].tolist()) for k, kind in enumerate(KINDS)
    }


def _fed(
    task: Task, reference: Reference, k: int, before: Mapping[str, Any] | None, new: list[bool]
) -> dict[str, Any]:
    risk = task.watch.drift_risk / (2 * len(KINDS))
    told = before or {"new": 0, "seen": 0, "late": "", "process": None}
    allowed = clopper_pearson_upper(reference.novel[k], reference.rows, risk) + task.watch.drift_tolerance
    if told["process"] is not None:
        process = AuditProcess.from_dict(told["process"])
    else:
        process = AuditProcess(1.0 - min(allowed, _HALF), risk, 1.0)
    if allowed <= _HALF and not process.alarmed:
        for start in range(0, len(new), _LOOK):
            part = new[start : start + _LOOK]
            process.observe_batch(len(part), [1.0] * sum(part), 1.0, len(part))
    return {
        "process": process.to_dict(),
        "allowed": allowed,
        "new": told["new"] + sum(new),
        "seen": told["seen"] + len(new),
        "late": (told["late"] + "".join("01"[one] for one in new))[-_LATE:],
    }


def _told(state: Mapping[str, Any]) -> list[Drifted]:
    found = []
    for kind, one in state["kinds"].items():
        process, late = AuditProcess.from_dict(one["process"]), one["late"]
        shares = one["new"] / max(1, one["seen"]), late.count("1") / max(1, len(late))
        found.append(Drifted(kind, one["seen"], *shares, one["allowed"], process.peak, process.alarmed))
    return found


@lru_cache(maxsize=4)
def _opened(data: bytes) -> Reference:
    return Reference.from_bytes(data)
