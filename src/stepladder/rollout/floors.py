"""Floors in service: the audit's rows of each label and each tenant that has a floor, each with an e-process of its own.

A floor promises a share of the answers with a label, or of those to a tenant, low and top together, each with probability
1 - risk. The drawn rows of such a part are a plain sample of it, as all drawn rows are of all answers.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from stepladder.core import Floor, LadderRelease, OnFloor, Task
from stepladder.models import equal
from stepladder.promise import AuditProcess
from stepladder.rollout.moves import narrow
from stepladder.store import Outcome, Store


def listen_to_floors(
    task: Task, floors: Iterable[Floor], before: Mapping[str, Any], fresh: Sequence[Outcome]
) -> dict[str, Any]:
    """The e-processes (as plain values, by the floor's name) after fresh outcomes."""
    found = dict(before)
    for name, floor in _open(floors).items():
        state = found.get(name)
        process = (
            AuditProcess.from_dict(state) if state else AuditProcess(floor.target, task.promise.risk, 1.0)
        )
        for outcome in fresh:
            if _within(task, floor, outcome):
                process.observe(outcome.low, outcome.low, 1.0, outcome.low and not outcome.agreed)
        found[name] = process.to_dict()
    return found


def heed_floors(store: Store, task: Task, ladder: LadderRelease, states: Mapping[str, Any]) -> str:
    """Do what the task says where a floor is refuted; why the release goes, "" where it may stay."""
    floors = ladder.certificate.floors if ladder.certificate is not None else ()
    refuted = {}
    for name in _open(floors):
        if name in states and (process := AuditProcess.from_dict(states[name])).alarmed:
            refuted[name] = process
    if not refuted:
        return ""
    told = ", ".join(f"{name} ({process.agreement().estimate:.1%})" for name, process in refuted.items())
    why = f"The audit of {ladder.id} refutes the floor of {told}."
    if task.watch.floors is OnFloor.BACK or store.rollouts.get(task.name).live != ladder.id:
        return why
    shut = tuple(replace(one, threshold=None) if _name(one) in refuted else one for one in floors)
    narrow(store, ladder, shut, f"{why} It climbs from now on.")
    return ""


def _open(floors: Iterable[Floor]) -> dict[str, Floor]:
    """The floors of parts that some rung answers."""
    return {_name(floor): floor for floor in floors if floor.threshold is not None}


def _name(floor: Floor) -> str:
    return f"label {floor.label}" if floor.label is not None else f"tenant {floor.tenant}"


def _within(task: Task, floor: Floor, outcome: Outcome) -> bool:
    if floor.label is not None:
        return equal(task, outcome.answer, floor.label)
    return outcome.tenant == floor.tenant
