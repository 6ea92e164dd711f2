"""A task asked from the command line, as a server would answer it; nothing is written down."""

import asyncio
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from stepladder.core import Answer, BadRequest, Config, Events, Model, Question, Scope, Task, plugins
from stepladder.interaction.answering import Answering
from stepladder.interaction.knowing import OpenedKnowledge
from stepladder.interaction.opening import open_store
from stepladder.interaction.settings import Settings
from stepladder.models import DictionaryRung, Entries, Ladder, with_fallbacks
from stepladder.service import OWNERS_WORD

Ask = Callable[[str], Answer]


@contextmanager
def asked(settings: Settings, config: Config, name: str, scope: Scope) -> Iterator[Ask]:
    """Gives what answers a text by the task's ladder. Raises BadRequest for a task that does not answer from documents.

    Asking raises LadderExhausted where no rung can answer.
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
            furnished = Answering(store, knowledge).furnish(task, [top], config, words)
            dictionary = [DictionaryRung(words)] if OWNERS_WORD in task.rungs else []
            low = [*dictionary, *furnished.low]
            ladder = Ladder(task, low, furnished.thresholds, furnished.top, release="", events=Events())
            yield lambda text: runner.run(_answer(ladder, task, text, scope))
        finally:
            for one in opened.values():
                runner.run(_closed(one))
            knowledge.close()
            store.close()


async def _answer(ladder: Ladder, task: Task, text: str, scope: Scope) -> Answer:
    question = Question(secrets.token_hex(16), task.name, text, scope.tenant, groups=scope.groups)
    said = [part async for part in ladder.answer(question) if isinstance(part, Answer)]
    return said[-1]


async def _closed(model: Model) -> None:
    await model.close()
