"""Ladders out of what the store says: each task with the ladder releases that its rollout needs, loaded and kept."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from stepladder.core import (
    Config,
    ConfigError,
    Events,
    Learned,
    Mode,
    Model,
    Rollout,
    Rung,
    StepladderError,
    StoreError,
    Task,
    Tenant,
    Usage,
    is_private,
    plugins,
)
from stepladder.interaction.answering import Answering
from stepladder.models import (
    Belief,
    DictionaryRung,
    Entries,
    Ladder,
    Remembering,
    UnsureRung,
    any_embedder,
    bytes_of,
    shared_embedder,
)
from stepladder.registry import Registry
from stepladder.service import OWNERS_WORD, ServedTask
from stepladder.store import Store

_log = logging.getLogger(__name__)
_PROMPT_BYTES = 512
"""More than what the contract's wording and a chat template add to a task's prompt."""


@dataclass(frozen=True, slots=True)
class State:
    """What the store said at one moment."""

    stamp: int
    keys: Mapping[str, Tenant]
    rollouts: Mapping[str, Rollout]
    switches: Mapping[str, Mode]
    erasure: str = ""

    @classmethod
    def read(cls, store: Store) -> "State":
        """Read it. The stamp comes first: what changes meanwhile is seen by the next look."""
        stamp, keys = store.stamp(), store.keys.snapshot()
        return cls(stamp, keys, store.rollouts.all(), store.switches.all(), store.last_erasure())


class Ladders:
    """Builds the served tasks, and keeps what is loaded as long as some task uses it. Blocking: call it off the loop."""

    def __init__(
        self, store: Store, registry: Registry, events: Events, seed: str, answering: Answering
    ) -> None:
        self._store = store
        self._answering = answering
        self._registry = registry
        self._events = events
        self._seed = seed
        self._rungs: dict[str, Learned] = {}
        self._tops: dict[tuple[Task, int], Rung] = {}
        self._entries: dict[str, tuple[int, Entries]] = {}

    def build(self, config: Config, models: Mapping[str, Model], state: State) -> dict[str, ServedTask]:
        """Every task of the configuration, ready. A release that cannot be loaded leaves its questions to the top."""
        used: set[str] = set()
        self._answering.erased(state.erasure)
        tasks = {
            name: self._task(task, _chain(task, config, models), state, used, config)
            for name, task in config.tasks.items()
        }
        self._rungs = {id: rung for id, rung in self._rungs.items() if id in used}
        return tasks

    def _task(
        self, task: Task, chain: Sequence[Model], state: State, used: set[str], config: Config
    ) -> ServedTask:
        model, entries = chain[0], self._known(task.name)
        furnished = self._answering.furnish(task, chain, config, entries)
        rollout = state.rollouts.get(task.name, Rollout(task.name))
        _check_tools(task, model)
        top: Rung = UnsureRung(task) if task.offline else furnished.top
        dictionary, before = DictionaryRung(entries), entries.edits
        released = {}
        for id in {rollout.live, rollout.candidate} - {None}:
            ladder = self._released(task, str(id), top, dictionary, used)
            if ladder is not None:
                released[str(id)] = ladder
        low = [*([dictionary] if OWNERS_WORD in task.rungs else []), *furnished.low]
        known = furnished.thresholds
        mode = state.switches.get(task.name, task.mode)
        return ServedTask(
            task=task,
            mode=mode,
            rollout=rollout,
            top=Ladder(task, [], {}, top, release="", events=self._events),
            unreleased=Ladder(task, low, known, top, release="", events=self._events),
            released=released,
            seed=self._seed,
            private=is_private(model) and furnished.private,
            cost=_free if task.offline else model.cost,
            dearest=_free if task.offline else lambda usage: sum(each.cost(usage) for each in chain),
            coverage=self._coverage(released) if task.offline else {},
            version=f"{mode} {rollout.version} {self._entries[task.name][0]}",
            edits=lambda: (entries.edits - before, furnished.version(), furnished.approvals()),
            prompt_bytes=_PROMPT_BYTES
            + bytes_of(task)
            + len(str((task.prompt, task.labels, task.schema)).encode()),
            embedder=_embedder(task),
        )

    def _coverage(self, released: Mapping[str, Ladder]) -> dict[str, float]:
        """The certified share of questions that each release answers by itself."""
        found = {id: self._store.catalogue.get_ladder_release(id) for id in released}
        return {id: it.certificate.coverage for id, it in found.items() if it and it.certificate}

    def edit(self, task: str, kind: str, key: str, answer: str | None, versions: tuple[int, int]) -> None:
        """Put an edit of the dictionary (None: taken out) into what is served now, without reading all of it again.

        `versions` are those before and after it. Where another process has edited in between, all is read at the
        next look.
        """
        version, entries = self._entries.get(task, (0, Entries()))
        if answer is None:
            entries.remove(kind, key)
        else:
            entries.put(kind, key, answer)
        if version == versions[0]:
            self._entries[task] = (versions[1], entries)

    def _known(self, task: str) -> Entries:
        """A task's entries, read again only where they have changed. The version comes first: what changes meanwhile is
        seen by the next look."""
        version = self._store.entries.version(task)
        if task not in self._entries or self._entries[task][0] != version:
            self._entries[task] = (version, Entries.of(self._store.entries.snapshot(task)))
        return self._entries[task][1]

    def _released(self, task: Task, id: str, top: Rung, dictionary: Rung, used: set[str]) -> Ladder | None:
        try:
            found = self._store.catalogue.get_ladder_release(id)
            if found is None:
                raise StoreError(f"The store has no ladder release {id}.")
            used.update(found.rungs.values())
            low: list[Rung] = []
            for name in task.rungs:
                if name == OWNERS_WORD:
                    low.append(dictionary)
                elif name in found.rungs:
                    low.append(self._rung(name, found.rungs[name]))
            return Ladder(task, low, Belief.of(found), top, release=id, events=self._events)
        except (StepladderError, OSError, ValueError, KeyError) as error:
            _log.error(
                "Ladder release %s of task %s cannot be loaded; the top answers: %s", id, task.name, error
            )
            return None

    def _rung(self, name: str, release: str) -> Learned:
        rung = self._rungs.get(release)
        if rung is None:
            rung = plugins.find(plugins.RUNGS, name).load(
                self._registry.folder(release), name=name, release=release
            )
            self._rungs[release] = rung
        return rung


def _embedder(task: Task) -> Remembering | None:
    """That of the task's semantic cache. Raises ConfigError, MissingExtra."""
    kept = task.semantic_cache
    return shared_embedder(kept.embedder or any_embedder()) if kept.seconds else None


def _check_tools(task: Task, model: Model) -> None:
    if task.tools.use and not getattr(model, "uses_tools", False):
        raise ConfigError(
            f"tasks.{task.name}.tools: its top {task.top!r} uses no tools.",
            param=f"tasks.{task.name}.tools",
            remedy="Give it a top of kind chat, anthropic or gemini.",
        )


def _free(usage: Usage) -> float:
    return 0.0


def _chain(task: Task, config: Config, models: Mapping[str, Model]) -> list[Model]:
    """The task's top, and the models that may stand in for it."""
    known = config.models.get(task.teacher)
    return [models[name] for name in (task.teacher, *(known.fallback if known else ())) if name in models]
