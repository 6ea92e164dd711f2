"""A task asked from the command line, as a server would answer it; nothing is written down."""

import asyncio
import secrets
from collections.abc import Iterator
from contextlib import contextmanager

from stepladder.core import (
    Answer,
    BadRequest,
    Config,
    Events,
    Model,
    Question,
    Scope,
    SystemClock,
    Task,
    plugins,
)
from stepladder.interaction.answering import Answering
from stepladder.interaction.knowing import OpenedKnowledge
from stepladder.interaction.opening import open_store
from stepladder.interaction.settings import Settings
from stepladder.models import DictionaryRung, Entries, Ladder, with_fallbacks
from stepladder.safety import Guards
from stepladder.service import DICTIONARY, OWNERS_WORD, Finder


class Asking:
    """A task that is asked. A text is one question, whether for what is found or for the answer: it is searched for once."""

    def __init__(
        self, runner: asyncio.Runner, ladder: Ladder, finder: Finder, task: Task, scope: Scope
    ) -> None:
        self._runner = runner
        self._ladder = ladder
        self._finder = finder
        self._name = task.name
        self._scope = scope
        self._last: Question | None = None

    def answer(self, text: str) -> Answer:
        """What the task's ladder says. Raises LadderExhausted where no rung can answer."""
        return self._runner.run(_answer(self._ladder, self._question(text)))

    def documents(self, text: str) -> list[str]:
        """Those of the passages that the task's rungs are given, best first; the dictionary's facts are none.

        Raises RungFailed where the knowledge cannot be searched.
        """
        found = self._runner.run(self._finder.find(self._question(text)))
        kept = (hit.passage for hit in found.hits if hit.passage.collection != DICTIONARY)
        return list(dict.fromkeys(passage.document for passage in kept))

    def _question(self, text: str) -> Question:
        if self._last is None or self._last.text != text:
            scope, id = self._scope, secrets.token_hex(16)
            self._last = Question(id, self._name, text, scope.tenant, groups=scope.groups)
        return self._last


@contextmanager
def asked(settings: Settings, config: Config, name: str, scope: Scope) -> Iterator[Asking]:
    """Gives the task as a server would ask it: with its retriever, its re-ranker, its rewriting, and the guards that its
    passages meet. Raises BadRequest for a task that does not answer from documents.
    """
    task = config.tasks.get(name)
    if task is None or not (task.knowledge.collection or task.knowledge.retriever):
        knowing = [other for other, known in config.tasks.items() if known.knowledge.collection]
        raise BadRequest(
            f"There is no task {name!r} with knowledge.",
            param="task",
            remedy=f"Tasks: {', '.join(knowing) or 'none'}.",
        )
    store = open_store(settings, config)
    knowledge = OpenedKnowledge(settings)
    needed = (task.top, *config.models[task.top].fallback)
    opened: dict[str, Model] = {}
    with asyncio.Runner() as runner:
        try:
            for model in needed:
                given = config.models[model]
                opened[model] = plugins.find(plugins.MODELS, given.kind).open(model, given.settings)
            top = with_fallbacks(config, opened)[task.top]
            words = Entries.of(store.entries.snapshot(name))
            guards = Guards()
            guards.policies, guards.desk = guards.prepared(config, store, SystemClock())
            furnished = Answering(store, knowledge, guards.screen).furnish(task, [top], config, words)
            assert furnished.finder is not None, "a task with knowledge searches"
            dictionary = [DictionaryRung(words)] if OWNERS_WORD in task.rungs else []
            low = [*dictionary, *furnished.low]
            ladder = Ladder(task, low, furnished.thresholds, furnished.top, release="", events=Events())
            yield Asking(runner, ladder, furnished.finder, task, scope)
        finally:
            for one in opened.values():
                runner.run(_closed(one))
            knowledge.close()
            store.close()


async def _answer(ladder: Ladder, question: Question) -> Answer:
    said = [part async for part in ladder.answer(question) if isinstance(part, Answer)]
    return said[-1]


async def _closed(model: Model) -> None:
    await model.close()
