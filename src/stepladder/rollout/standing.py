"""Where a task stands in its turn of the flywheel: a small record in the store, from which any process can go on."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any, Self

import msgspec

from stepladder.core import Task
from stepladder.store import Store


class Step(StrEnum):
    """What a task does next."""

    GATHER = "gather"
    """Wait for enough labels."""
    FIT = "fit"
    """Train and judge on the rows up to `frozen`."""
    CALIBRATE = "calibrate"
    """Wait for `planned` drawn rows after `frozen`."""
    CERTIFY = "certify"
    """Spend attempt `number` on them."""
    CANARY = "canary"
    """Try ladder release `ladder` out."""


@dataclass(frozen=True, slots=True)
class Standing:
    """One task's place in its turn.

    `top` is the fingerprint of the top rung that the labels come from. Labelled rows count from `since` on; the last fit
    had `trained` of them, and `due` start the next. `frozen` is the ledger's `seq` up to which this turn may train; only
    later rows calibrate. `releases` maps rungs to the releases just fitted; `planned` is the size of the calibration
    sample, fixed before any of it was seen. `audits` holds the e-process of each ladder release in service, with the
    rows it has seen. `slices` are the data sets of releases that went live since the last alarm, `older` those before it.
    `turned` is when the last fit began, and `entries` the dictionary's last change then. `done` of `total` and `note` are for
    people.
    """

    step: Step = Step.GATHER
    top: str = ""
    since: int = 0
    trained: int = 0
    due: int = 0
    frozen: int = 0
    releases: Mapping[str, str] = field(default_factory=dict)
    planned: int = 0
    number: int = 0
    ladder: str = ""
    audits: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    slices: tuple[str, ...] = ()
    older: tuple[str, ...] = ()
    turned: float = 0.0
    entries: int = 0
    done: int = 0
    total: int = 0
    note: str = ""

    @classmethod
    def load(cls, store: Store, task: Task) -> Self:
        """Where the task was left; a new task waits for its first labels."""
        state = store.turns.get(task.name)
        return cls(due=task.flywheel.labels) if state is None else msgspec.convert(state, cls)

    def save(self, store: Store, task: Task) -> Self:
        """Keep it, so that a killed process goes on from here."""
        store.turns.put(task.name, msgspec.to_builtins(self))
        return self

    def at(self, step: Step, note: str, done: int = 0, total: int = 0) -> Self:
        """The same turn at another step, or further on in this one."""
        return replace(self, step=step, note=note, done=done, total=total)

    def again(self, note: str, due: int) -> Self:
        """A new turn, once there are `due` labelled rows; what the last one made is left behind."""
        waiting = self.at(Step.GATHER, note)
        return replace(waiting, due=due, frozen=0, releases={}, planned=0, ladder="")

    def remembering(self, datasets: Iterable[str]) -> Self:
        """With these data sets among the slices."""
        return replace(self, slices=tuple(dict.fromkeys((*self.slices, *datasets))))


def labels(store: Store, task: Task, standing: Standing) -> int:
    """How many labelled rows the task may learn from."""
    return store.ledger.count_labelled(task.name, after=standing.since)


def wait_for_more(store: Store, task: Task, standing: Standing, note: str) -> Standing:
    """A new turn after as many more labels as the first one took: what is there did not do."""
    return standing.again(note, labels(store, task, standing) + task.flywheel.labels)


def start_afresh(store: Store, task: Task, standing: Standing, note: str) -> Standing:
    """A new turn on new labels alone: the older ones no longer stand for what is asked or answered now."""
    older = tuple(dict.fromkeys((*standing.older, *standing.slices)))
    new = replace(standing, since=store.ledger.last_seq(), trained=0, audits={}, slices=(), older=older)
    return new.again(note, task.flywheel.labels)
