"""Furnishes tasks with what they know: the rungs that answer from documents, and the top that is given passages."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

from stepladder.core import Check, Config, Model, Rewrite, Rung, Screen, Task, TaskKind
from stepladder.interaction.knowing import OpenedKnowledge
from stepladder.interaction.searching import Retrievers, source_of
from stepladder.models import Entries
from stepladder.service import (
    EXTRACT,
    READER,
    UNSEEN,
    VERIFIED,
    Aside,
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
    """A task's rungs: `low` beside the dictionary with their `thresholds`, and its top.

    `source` is where it looks and `finder` how, `approved` what it gives again.
    """

    top: Rung
    low: Sequence[Rung] = ()
    thresholds: Mapping[str, float] = field(default_factory=dict)
    source: Source | None = None
    finder: Finder | None = None
    approved: Verified | None = None

    @property
    def private(self) -> bool:
        """Whether a confidential question may be searched for."""
        return self.source is None or self.source.private

    def version(self) -> str:
        """Changes with what can be found, and means the same in every process; "" where nothing is searched."""
        return "" if self.source is None else f"{UNSEEN}{self.source.version()}"

    def approvals(self) -> int:
        """Changes with what was approved, and means the same in every process."""
        return 0 if self.approved is None else self.approved.version


class Answering:
    """Knows where each task looks. What was approved is kept by task as long as the server runs."""

    def __init__(self, store: Store, knowledge: OpenedKnowledge, screen: Screen | None = None) -> None:
        """`screen` are the guards that what is found meets; None for none."""
        self._screen = screen
        self._store = store
        self._knowledge = knowledge
        self._retrievers = Retrievers(knowledge.quotas)
        self._verified: dict[str, Verified] = {}
        self._last = (0, 0)
        self._erasure = ""

    def look(self) -> None:
        """Take in what was approved or taken back since, so that no answer from before it is given again.

        Blocks. Raises StoreError.
        """
        begun = [one for one in list(self._verified.values()) if one.begun]
        last = self._store.approved.mark() if begun else self._last
        if last != self._last:
            for one in begun:
                one.look()
            self._last = last

    def erased(self, erasure: str) -> None:
        """Where the last erasure is another than was known, what was approved is read anew: it may have been erased."""
        if erasure != self._erasure:
            self._verified.clear()
            self._erasure = erasure

    def furnish(self, task: Task, chain: Sequence[Model], config: Config, words: Entries) -> Furnished:
        """What answers a task; without knowledge, its top alone. `words` are its dictionary's, which may change meanwhile.

        `chain` is the top's model, which asks those after it where it cannot answer.
        """

        def aside(put: Task) -> Aside:
            return Aside(chain[0].rung(put), put, lambda usage: sum(each.cost(usage) for each in chain))

        top, knows = chain[0].rung(task), task.knowledge
        if task.kind is TaskKind.SUMMARY:
            whole, part = whole_task(task), part_task(task)
            sums = SummingRung(chain[0].rung(whole), aside(part), aside(whole), task)
            return Furnished(sums, [ExtractRung(task)], {EXTRACT: 0.5 if task.summary.extract else 1.0})
        source = source_of(task, config, self._knowledge, self._retrievers)
        if source is None:
            return Furnished(top)
        rewriter = aside(rewriting_task(task)) if knows.rewrite is Rewrite.MODEL else None
        finder = Finder(knows, source, rewriter, words, self._screen)
        if task.kind is not TaskKind.ANSWER:
            return Furnished(Retrieving(top, finder), source=source, finder=finder)
        low: list[Rung] = [ReaderRung(finder, task)]
        approved = self._approved(task) if knows.verified else None
        if approved is not None:
            low.insert(0, VerifiedRung(approved, finder))
        judge = aside(judging_task(task)) if knows.check is Check.MODEL else None
        return Furnished(
            Grounded(top, finder, task, judge),
            low,
            {VERIFIED: 1.0, READER: knows.sure},
            source=source,
            finder=finder,
            approved=approved,
        )

    def _approved(self, task: Task) -> Verified:
        """Read at once where answers are kept: what they are kept under names it."""
        name = task.name
        found = self._verified.get(name)
        if found is None:
            found = self._verified[name] = Verified(partial(self._store.approved.since, name))
        if not found.begun and (task.cache_seconds or task.semantic_cache.seconds):
            found.look()
        return found
