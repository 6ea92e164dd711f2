"""Releases shown in a tracker: each once, with what it was made of, and which of them is live.

Asked again, it adds what is new.
"""

import hashlib
from collections.abc import Mapping
from typing import Any

from stepladder.core import Release, TrackedRun, TrackedVersion, Tracker
from stepladder.registry.keeping import Keeping
from stepladder.registry.record import Record
from stepladder.registry.registry import Registry
from stepladder.store import Store

_ALIASES = ("live", "candidate", "previous")


class Publisher:
    """Publishes the releases of a store into the tracker at an address; the store remembers what is there already."""

    def __init__(self, store: Store, registry: Registry, tracker: Tracker, where: str) -> None:
        self._store, self._registry, self._tracker = store, registry, tracker
        self._keeping = Keeping(store, registry)
        self._kind = f"published {hashlib.sha256(where.encode()).hexdigest()[:12]}"

    def publish(self, task: str | None = None) -> list[str]:
        """Bring the tracker up to date; the ids of releases that were new to it. Raises TrackerFailed, StoreError."""
        new = [release.id for release in self._keeping.all(task) if self._register(release)]
        for name in {release.task for release in self._keeping.all(task)}:
            self._point(name)
        return new

    def version(self, id: str) -> str:
        """The version of a release there, or ""."""
        return str(self._told(id).get("version", ""))

    def _register(self, release: Release) -> bool:
        if self.version(release.id):
            return False
        run = self._told(release.id).get("run", "")
        if not run:
            run = self._tracker.begin(_run(release, self._keeping.record(release.id)))
            self._store.catalogue.notes.put(self._kind, release.id, {"run": run})
            self._tracker.end(run, release.metrics)
        source = self._registry.place(release).absolute().as_uri()
        version = self._tracker.register(run, TrackedVersion(model_of(release), source, _tags(release)))
        self._store.catalogue.notes.put(self._kind, release.id, {"run": run, "version": version})
        return True

    def _point(self, task: str) -> None:
        """Let aliases follow the rollout; only what changed is said."""
        rollout = self._store.rollouts.get(task)
        wanted: dict[str, str] = {}
        for alias in _ALIASES:
            ladder = getattr(rollout, alias)
            found = self._store.catalogue.get_ladder_release(ladder) if ladder else None
            for id in found.rungs.values() if found else ():
                release = self._store.catalogue.get_release(id)
                if release is not None:
                    wanted[f"{model_of(release)} {alias}"] = self.version(id)
        known = self._told(f"aliases of {task}")
        for key in sorted({*known, *wanted}):
            if known.get(key, "") != wanted.get(key, ""):
                model, _, alias = key.rpartition(" ")
                self._tracker.point(model, alias, wanted.get(key, ""))
        if known != wanted:
            self._store.catalogue.notes.put(self._kind, f"aliases of {task}", wanted)

    def _told(self, id: str) -> dict[str, Any]:
        return self._store.catalogue.notes.get(self._kind, id) or {}


def model_of(release: Release) -> str:
    """What the versions of a task's rung are called together."""
    return f"stepladder.{release.task}.{release.rung}"


def _tags(release: Release) -> Mapping[str, str]:
    return {
        "stepladder.release": release.id,
        "stepladder.task": release.task,
        "stepladder.rung": release.rung,
        "stepladder.recipe": release.recipe,
        "stepladder.dataset": release.dataset,
        "stepladder.digest": release.digest,
    }


def _run(release: Release, record: Record | None) -> TrackedRun:
    if record is None:
        return TrackedRun(release.id, {}, _tags(release))
    settings = {key: str(value) for key, value in record.settings.items()}
    made = {"stepladder.code": record.code, "stepladder.version": record.version, "python": record.python}
    return TrackedRun(release.id, {**settings, "seed": str(record.seed)}, {**_tags(release), **made})
