"""Where a task's knowledge lies: our own documents, a retriever elsewhere, or both fused."""

import logging
import threading
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field

from stepladder.core import (
    BadRequest,
    Config,
    Embedder,
    Hit,
    Quotas,
    Rationed,
    Retriever,
    RetrieverConfig,
    Scope,
    StepladderError,
    Task,
    plugins,
)
from stepladder.interaction.knowing import OpenedKnowledge
from stepladder.knowledge import Query, SearchMode
from stepladder.service import Source, fused

_log = logging.getLogger(__name__)


@dataclass(slots=True)
class Retrievers:
    """The retrievers of a configuration, opened by the first task that asks for them and kept while they are the same.

    `quotas` gives what those that may be asked only so often count by.
    """

    quotas: Callable[[], Quotas]
    _open: dict[str, tuple[RetrieverConfig, Retriever]] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def get(self, name: str, given: RetrieverConfig) -> Retriever:
        """Raises ConfigError and UnknownPlugin where it cannot be opened."""
        with self._lock:
            known = self._open.get(name)
            if known is None or known[0] != given:
                opened = plugins.find(plugins.RETRIEVERS, given.kind).open(name, given.settings)
                if isinstance(opened, Rationed):
                    opened.ration(self.quotas())
                known = self._open[name] = (given, opened)
            return known[1]


def source_of(
    task: Task, config: Config, knowledge: OpenedKnowledge, retrievers: Retrievers
) -> Source | None:
    """Where the task looks; None where it knows nothing. Raises ConfigError, UnknownPlugin, StoreError."""
    knows = task.knowledge
    own = _own(task, config, knowledge) if knows.collection else None
    if not knows.retriever:
        return own
    retriever = retrievers.get(knows.retriever, config.retrievers[knows.retriever])
    return _elsewhere(task, retriever, own)


def _own(task: Task, config: Config, opened: OpenedKnowledge) -> Source:
    opened.tested()
    collection, mode = task.knowledge.collection, SearchMode(task.knowledge.mode)

    def find(query: str, scope: Scope, top: int, names: Sequence[str] = ()) -> Sequence[Hit]:
        return opened.get().search(Query(query, collection, scope, top, mode, names=tuple(names)))

    def rarity(scope: Scope, terms: Collection[str]) -> Mapping[str, float]:
        return opened.get().rarity(collection, scope, terms)

    def standing(scope: Scope, numbers: Collection[int]) -> Collection[int]:
        return opened.get().standing(collection, scope, numbers)

    def embedder() -> Embedder | None:
        return opened.get().embedder

    private = config.knowledge.embedder.get("kind") != "endpoint" and not config.knowledge.reranker
    return Source(find, rarity, standing, opened.version, embedder, private)


def _elsewhere(task: Task, retriever: Retriever, own: Source | None) -> Source:
    """The retriever's hits, and our own where there are any. Trouble elsewhere is logged as long as we have our own."""
    collection = task.knowledge.collection or task.knowledge.retriever

    def find(query: str, scope: Scope, top: int, names: Sequence[str] = ()) -> Sequence[Hit]:
        found: list[Sequence[Hit]] = []
        if own is None:
            return retriever.retrieve(query, collection, scope, top=top)
        for search in (
            lambda: own.find(query, scope, top, names),
            lambda: retriever.retrieve(query, collection, scope, top=top),
        ):
            _try(search, found)
        return fused(found)[:top] if found else []

    private = getattr(retriever, "private", False) is True and (own is None or own.private)
    return Source(
        find,
        own.rarity if own is not None else lambda scope, terms: dict.fromkeys(terms, 1.0),
        lambda scope, numbers: (),  # what stands elsewhere nobody here knows
        own.version if own is not None else lambda: "",
        own.embedder if own is not None else lambda: None,
        private,
    )


def _try(search: Callable[[], Sequence[Hit]], found: list[Sequence[Hit]]) -> None:
    try:
        found.append(search())
    except BadRequest:
        return
    except StepladderError as error:
        _log.warning("A retriever failed: %s", error.message)
