"""The registry: the catalogue's lines with the folders that belong to them."""

import hashlib
import tempfile
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from stepladder.core import Clock, Dataset, Release, StoreError, SystemClock
from stepladder.registry.datasets import dataset_hash, read_splits, write_dataset
from stepladder.registry.files import folder_digest, settle
from stepladder.registry.names import folder_name
from stepladder.registry.remote import Remote
from stepladder.store import Catalogue, DatasetCard

_DATASETS = "datasets"
FORGOTTEN = "dataset forgotten"
"""The kind of the notes that say which hashes a dataset has had since people's rows were taken out."""
RECORD = "release record"
"""The kind of the notes that say how a release was made."""


class Registry:
    """Releases in `folder`/TASK/ID, datasets in `folder`/TASK/datasets/HASH; nothing there ever changes."""

    def __init__(
        self, catalogue: Catalogue, folder: Path, *, clock: Clock | None = None, remote: Remote | None = None
    ) -> None:
        """`remote` keeps a copy of every release, and is asked for those that are not here."""
        self._catalogue = catalogue
        self._remote = remote
        self._folder = folder
        self._clock = clock or SystemClock()
        self._verified: set[str] = set()
        self._lock = threading.Lock()

    def admit(
        self,
        task: str,
        rung: str,
        recipe: str,
        dataset_hash: str,
        staged_folder: Path,
        metrics: Mapping[str, float],
    ) -> Release:
        """Take a folder that a recipe has filled; it is moved away, and from then on read-only.

        The same files from the same recipe and dataset are the same release, which is then given back as it
        was first admitted. Raises StoreError for files of other kinds, BadRequest for a task's name that is
        no folder's.
        """
        id, digest = self.identity(task, rung, recipe, dataset_hash, staged_folder)
        known = self._catalogue.get_release(id)
        place = self._place(task, id)
        if not place.exists():
            _settle(staged_folder, place)
        _verify(place, id, digest)
        self._share(place, digest)
        if known is not None:
            return known
        release = Release(id, task, rung, recipe, dataset_hash, digest, dict(metrics), self._clock.time())
        self._catalogue.add_release(release)
        return release

    def identity(
        self, task: str, rung: str, recipe: str, dataset_hash: str, staged_folder: Path
    ) -> tuple[str, str]:
        """The id and the digest that a folder has as a release. Raises as `admit`."""
        digest = folder_digest(staged_folder)
        origin = "\0".join((task, rung, recipe, dataset_hash, digest))
        return f"{folder_name(rung, 'rung')}-{hashlib.sha256(origin.encode()).hexdigest()[:12]}", digest

    def folder(self, release: Release | str) -> Path:
        """Where a release's files are. They are hashed before their first use in this process.

        Raises StoreError when they are missing or not what was admitted, or when there is no such release.
        """
        id = release if isinstance(release, str) else release.id
        found = self._catalogue.get_release(id)
        if found is None:
            raise StoreError(f"There is no release {id!r}.", remedy="Check its id.")
        place = self._place(found.task, found.id)
        with self._lock:
            if found.id not in self._verified:
                self._fetch(place, found)
                _verify(place, found.id, found.digest)
                self._verified.add(found.id)
        return place

    def place(self, release: Release) -> Path:
        """Where a release's files are or were; nothing is checked."""
        return self._place(release.task, release.id)

    def put_back(self, release: Release, staged_folder: Path) -> None:
        """Move the files of a known release to their place again. Raises StoreError for others than were admitted."""
        if folder_digest(staged_folder) != release.digest:
            raise StoreError(
                f"These are not the files of {release.id!r}.", remedy="Give those that were exported."
            )
        place = self.place(release)
        if not place.exists():
            _settle(staged_folder, place)
        _verify(place, release.id, release.digest)
        self._share(place, release.digest)

    @property
    def shares(self) -> bool:
        """Whether there is a remote address."""
        return self._remote is not None

    def share(self, release: Release) -> None:
        """Put a release's files at the remote address, where there is one. Raises StoreError."""
        self._share(self.folder(release), release.digest)

    def withdraw(self, release: Release) -> None:
        """Take a release's files away from the remote address, where there is one. Raises StoreError."""
        if self._remote is not None:
            self._remote.remove(self._name(self.place(release)))

    def _share(self, place: Path, digest: str) -> None:
        if self._remote is not None:
            self._remote.put(self._name(place), place, digest)

    def _fetch(self, place: Path, release: Release) -> None:
        if place.is_dir() or self._remote is None:
            return
        place.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".fetching-", dir=place.parent) as folder:
            staged = Path(folder) / release.id
            staged.mkdir()
            if self._remote.get(self._name(place), staged):
                _verify(staged, release.id, release.digest)
                _settle(staged, place)

    def _name(self, place: Path) -> str:
        return place.relative_to(self._folder).as_posix()

    def note(self, release: Release, record: Mapping[str, Any]) -> None:
        """Write down how a release was made (see `Record`); the first note stays."""
        if self._catalogue.notes.get(RECORD, release.id) is None:
            self._catalogue.notes.put(RECORD, release.id, dict(record))

    def freeze(self, dataset: Dataset) -> Dataset:
        """Keep a dataset for good; returned with the hash of its content, whatever hash it came with."""
        splits = {name: tuple(examples) for name, examples in dataset.splits.items()}
        frozen = Dataset(dataset_hash(splits), dataset.task, splits)
        place = self.dataset_place(frozen.task, frozen.hash)
        if not place.exists():
            place.parent.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryDirectory(prefix=".freezing-", dir=place.parent) as folder:
                staged = Path(folder) / frozen.hash
                staged.mkdir()
                write_dataset(staged, frozen.task, frozen.hash, splits)
                _settle(staged, place)
        sizes = {name: len(examples) for name, examples in splits.items()}
        self._catalogue.add_dataset(DatasetCard(frozen.hash, frozen.task, sizes, self._clock.time()))
        return frozen

    def dataset(self, hash: str, task: str | None = None) -> Dataset:
        """A frozen dataset with its examples. Raises StoreError when it is unknown or was changed."""
        card = self._catalogue.get_dataset(hash, task)
        if card is None:
            raise StoreError(f"There is no dataset {hash!r}.", remedy="Check the hash.")
        place = self.dataset_place(card.task, card.hash)
        splits = read_splits(place, card.sizes)
        forgotten = self._catalogue.notes.get(FORGOTTEN, f"{card.task} {card.hash}") or {}
        if dataset_hash(splits) not in (card.hash, *forgotten.get("digests", ())):
            raise StoreError(f"The dataset in {place} has been changed.", remedy="Restore it from a backup.")
        return Dataset(card.hash, card.task, splits)

    def _place(self, task: str, id: str) -> Path:
        return self._folder / folder_name(task, "task") / id

    def dataset_place(self, task: str, hash: str) -> Path:
        """Where a dataset's files are; nothing is checked."""
        return self._folder / folder_name(task, "task") / _DATASETS / hash


def _settle(staged: Path, place: Path) -> None:
    try:
        settle(staged, place)
    except OSError as error:
        raise StoreError(
            f"Cannot put a release at {place}: {error.strerror}.",
            remedy="Check the data folder's rights and free space.",
        ) from error


def _verify(place: Path, id: str, digest: str) -> None:
    if not place.is_dir():
        raise StoreError(f"The files of release {id!r} are missing.", remedy="Restore them from a backup.")
    if folder_digest(place) != digest:
        raise StoreError(
            f"The files of release {id!r} are not the ones that were admitted.",
            remedy=f"Restore {place} from a backup, or roll back to another release.",
        )
