"""Furnishes tasks with what they know: the rungs that answer from documents, and the top that is given passages."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from stepladder.core import Check, Config, Model, Rewrite, Rung, Screen, Task, TaskKind
from stepladder.interaction.knowing import OpenedKnowledge
from stepladder.interaction.searching import Retrievers, source_of
from stepladder.models import Entries
from stepladder.service import (
    EXTRACT,
    READER,
    UNSEEN,
    VERIFIED,
    ExtractRung,
    Finder,
    Grounded,
    ReaderRung,
    Retrieving,
    Source,
    SummingRung,
    Verified,
    VerifiedRung,
    judging_task,
    part_task,
    rewriting_task,
    whole_task,
)
from stepladder.store import Store


@dataclass(frozen=True, slots=True)
class Furnished:
    """A task's rungs: `low` beside the dictionary with their `thresholds`, and its top. `source` is where it looks."""

    top: Rung
    low: Sequence[Rung] = ()
    thresholds: Mapping[str, float] = field(default_factory=dict)
    source: Source | None = None

    @property
    def private(self) -> bool:
        """Whether a confidential question may be searched for."""
        return self.source is None or self.source.private

    def version(self) -> str:
        """Changes with what can be found, and means the same in every process; "" where nothing is searched."""
        return "" if self.source is None else f"{UNSEEN}{self.source.version()}"


class Answering:
    """Knows where each task looks. What was approved is kept by task as long as the server runs."""

    def __init__(self, store: Store, knowledge: OpenedKnowledge, screen: Screen | None = None) -> None:
        """`screen` are the guards that what is found meets; None for none."""
        self._screen = screen
        self._store = store
        self._knowledge = knowledge
        self._retrievers = Retrievers()
        self._verified: dict[str, Verified] = {}

    def furnish(self, task: Task, model: Model, config: Config, words: Entries) -> Furnished:
        """What answers a task; without knowledge, its top alone. `words` are its dictionary's, which may change meanwhile."""
        top, knows = model.rung(task), task.knowledge
        if task.kind is TaskKind.SUMMARY:
            sums = SummingRung(model.rung(whole_task(task)), model.rung(part_task(task)), task)
            return Furnished(sums, [ExtractRung(task)], {EXTRACT: 0.5 if task.summary.extract else 1.0})
        source = source_of(task, config, self._knowledge, self._retrievers)
        if source is None:
            return Furnished(top)
        rewriter = model.rung(rewriting_task(task)) if knows.rewrite is Rewrite.MODEL else None
        finder = Finder(knows, source, rewriter, words, self._screen)
        if task.kind is not TaskKind.ANSWER:
            return Furnished(Retrieving(top, finder), source=source)
        low: list[Rung] = [ReaderRung(finder, task)]
        if knows.verified:
            low.insert(0, VerifiedRung(self._approved(task.name), finder))
        judge = model.rung(judging_task(task)) if knows.check is Check.MODEL else None
        return Furnished(
            Grounded(top, finder, task, judge), low, {VERIFIED: 1.0, READER: knows.sure}, source=source
        )

    def _approved(self, task: str) -> Verified:
        if task not in self._verified:
            self._verified[task] = Verified(lambda after: self._store.approved.since(task, after))
        return self._verified[task]
