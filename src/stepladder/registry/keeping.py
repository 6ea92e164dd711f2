"""Keeping releases: pins and tags, what comes from what, what is in use, and what may go."""

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import msgspec

from stepladder.core import BadRequest, LadderRelease, Release, StoreError
from stepladder.registry.record import Record
from stepladder.registry.registry import RECORD, Registry
from stepladder.store import Store

_MARKS = "release marks"
_HASH = 8  # signs of a data set's hash that name it


@dataclass(frozen=True, slots=True)
class Marks:
    """What people say of a release: why it is pinned ("": it is not), its tags; `gone` where its files were taken away."""

    pinned: str = ""
    tags: tuple[str, ...] = ()
    gone: bool = False


@dataclass(frozen=True, slots=True)
class Lineage:
    """Where a release comes from and what it went into. `siblings` are other releases from the same data set."""

    release: Release
    sizes: Mapping[str, int] = field(default_factory=dict)
    ladders: tuple[LadderRelease, ...] = ()
    live_in: tuple[str, ...] = ()
    siblings: tuple[str, ...] = ()


class Keeping:
    """The releases of one store and its registry."""

    def __init__(self, store: Store, registry: Registry) -> None:
        self._store, self._registry = store, registry
        self._notes = store.catalogue.notes

    def find(self, id: str) -> Release:
        """A release by its id, or by a tag that it alone has. Raises BadRequest."""
        found = self._store.catalogue.get_release(id)
        if found is not None:
            return found
        tagged = [release for release in self.all() if id in self.marks(release.id).tags]
        if len(tagged) != 1:
            said = "has several releases" if tagged else "is no release, and no tag of one"
            raise BadRequest(f"{id!r} {said}.", param="release", remedy="See `stepladder release list`.")
        return tagged[0]

    def all(self, task: str | None = None) -> list[Release]:
        """The releases, oldest first, of one task or of all."""
        return self._store.catalogue.list_releases(task)

    def made_from(self, hash: str) -> list[Release]:
        """The releases that were made from a data set, by the first eight signs of its hash or more; oldest first."""
        return [one for one in self.all() if len(hash) >= _HASH and one.dataset.startswith(hash)]

    def marks(self, id: str) -> Marks:
        """What is said of a release."""
        return msgspec.convert(self._notes.get(_MARKS, id) or {}, Marks)

    def record(self, id: str) -> Record | None:
        """How it was made; None for what was admitted without a record."""
        note = self._notes.get(RECORD, id)
        return None if note is None else msgspec.convert(note, Record)

    def pin(self, id: str, why: str) -> Marks:
        """Keep a release whatever `garbage` says; an empty reason takes the pin away."""
        return self._mark(id, replace(self.marks(id), pinned=why))

    def tag(self, id: str, *tags: str) -> Marks:
        """Give a release these tags, in the place of those it had. Raises BadRequest for a tag that is another's id."""
        for tag in tags:
            if not tag.strip() or self._store.catalogue.get_release(tag) is not None:
                raise BadRequest(
                    f"{tag!r} can be no tag.", param="tag", remedy="Use a word that is no release's id."
                )
        return self._mark(id, replace(self.marks(id), tags=tags))

    def lineage(self, id: str) -> Lineage:
        """What it comes from and went into."""
        release = self.find(id)
        card = self._store.catalogue.get_dataset(release.dataset, release.task)
        ladders = [
            one
            for one in self._store.catalogue.list_ladder_releases(release.task)
            if release.id in one.rungs.values()
        ]
        rollout = self._store.rollouts.get(release.task)
        serving = {"live": rollout.live, "candidate": rollout.candidate, "previous": rollout.previous}
        places = [
            f"{name}: {ladder.id}" for name, at in serving.items() for ladder in ladders if ladder.id == at
        ]
        siblings = [
            one.id
            for one in self.all(release.task)
            if one.dataset == release.dataset and one.id != release.id
        ]
        sizes = {} if card is None else card.sizes
        return Lineage(release, sizes, tuple(ladders), tuple(places), tuple(siblings))

    def in_use(self, task: str) -> set[str]:
        """The releases that answer, are tried out, are kept warm for a roll back, or wait for their calibration."""
        rollout = self._store.rollouts.get(task)
        wanted = {rollout.live, rollout.candidate, rollout.previous}
        turn = self._store.turns.get(task) or {}
        wanted.add(turn.get("ladder"))
        ladders = [one for one in self._store.catalogue.list_ladder_releases(task) if one.id in wanted]
        found = {id for ladder in ladders for id in ladder.rungs.values()}
        return found | set(dict(turn.get("releases") or {}).values())

    def garbage(self, task: str | None = None, *, before: float, keep: int = 2) -> list[Release]:
        """Releases that nobody needs: made before a time, not in use, not pinned or tagged, none of a rung's last `keep`."""
        found = []
        releases = [release for release in self.all(task) if not self.marks(release.id).gone]
        newest: dict[tuple[str, str], list[str]] = {}
        for release in reversed(releases):
            newest.setdefault((release.task, release.rung), []).append(release.id)
        used = {name: self.in_use(name) for name in {release.task for release in releases}}
        for release in releases:
            marks = self.marks(release.id)
            needed = release.id in used[release.task] or marks.pinned or marks.tags
            recent = release.id in newest[release.task, release.rung][:keep] or release.created_at >= before
            if not needed and not recent:
                found.append(release)
        return found

    def take_away(self, releases: Sequence[Release]) -> int:
        """Delete the files of releases; their lines in the catalogue stay. Returns the bytes freed.

        Raises BadRequest, before anything is deleted, for one that is in use or pinned.
        """
        for release in releases:
            if release.id in self.in_use(release.task):
                raise BadRequest(
                    f"{release.id} is in use.", param="release", remedy="Roll back or promote another first."
                )
            if why := self.marks(release.id).pinned:
                raise BadRequest(f"{release.id} is pinned: {why}.", param="release", remedy="Unpin it first.")
        freed = 0
        for release in releases:
            self._mark(release.id, replace(self.marks(release.id), gone=True))
            place = self._registry.place(release)
            freed += sum(path.stat().st_size for path in place.rglob("*") if path.is_file())
            _remove(place)
            self._registry.withdraw(release)
        return freed

    def back(self, release: Release, staged: Path) -> None:
        """Put the files of a release that were taken away back. Raises StoreError for others than were admitted."""
        self._registry.put_back(release, staged)
        self._mark(release.id, replace(self.marks(release.id), gone=False))

    def _mark(self, id: str, marks: Marks) -> Marks:
        self._notes.put(_MARKS, id, dict(msgspec.to_builtins(marks)))
        return marks


def _remove(place: Path) -> None:
    if not place.exists():
        return
    try:
        gone = place.with_name(f".gone-{place.name}")
        place.rename(gone)
        shutil.rmtree(gone)
    except OSError as error:
        raise StoreError(
            f"Cannot delete {place}: {error.strerror}.", remedy="Check the data folder's rights."
        ) from error
