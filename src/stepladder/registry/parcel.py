"""A release, or a whole ladder release, as one file that another place can take in, and check.

The file is a .tar.gz: `manifest.json`, then every release's files under its id. Nothing in it is executed or trusted: names,
kinds, hashes and ids are those of the manifest, and the ids are worked out again from the content.
"""

import gzip
import io
import tarfile
import tempfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

import msgspec

from stepladder.core import Dataset, Example, LadderRelease, Release, StoreError
from stepladder.registry.files import KINDS, release_files
from stepladder.registry.keeping import Keeping
from stepladder.registry.registry import Registry
from stepladder.store import Store

_FORMAT = 1
_MANIFEST = "manifest.json"
_MOST_MANIFEST = 1 << 30


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a file holds: releases with how they were made, the ladder release they belong to, data sets with their rows."""

    format: int
    releases: tuple[Release, ...]
    records: Mapping[str, dict[str, Any]] = field(default_factory=dict)
    ladder: LadderRelease | None = None
    datasets: Mapping[str, dict[str, tuple[Example, ...]]] = field(default_factory=dict)


def export_release(
    store: Store, registry: Registry, id: str, out: Path, *, with_data: bool = False
) -> tuple[Release, ...]:
    """Write a release, or a ladder release with all its rungs', to a file; returns the releases in it.

    `with_data` puts the data sets in that they were made from: rows of people, so only where asked for. Raises StoreError
    where files are missing or changed, or `out` cannot be written, and BadRequest for an unknown id.
    """
    ladder = store.catalogue.get_ladder_release(id)
    keeping = Keeping(store, registry)
    releases = tuple(keeping.find(one) for one in (ladder.rungs.values() if ladder is not None else [id]))
    records = {
        one.id: dict(msgspec.to_builtins(found))
        for one in releases
        if (found := keeping.record(one.id)) is not None
    }
    sets = (
        {one.dataset: dict(registry.dataset(one.dataset, one.task).splits) for one in releases}
        if with_data
        else {}
    )
    manifest = Manifest(_FORMAT, releases, records, ladder, sets)
    draft = out.with_name(f"{out.name}.part")
    try:
        with (
            draft.open("wb") as raw,
            gzip.GzipFile("", "wb", fileobj=raw, mtime=0) as packed,
            tarfile.open(fileobj=packed, mode="w") as archive,
        ):
            _put(archive, _MANIFEST, msgspec.json.encode(asdict(manifest)))
            for release in releases:
                for name, path in release_files(registry.folder(release)).items():
                    _put_file(archive, f"{release.id}/{name}", path)
        draft.replace(out)
    except OSError as error:
        raise StoreError(
            f"Cannot write {out}: {error.strerror}.", remedy="Check its folder and free space."
        ) from error
    finally:
        draft.unlink(missing_ok=True)
    return releases


def import_release(store: Store, registry: Registry, path: Path) -> Manifest:
    """Take a file in: releases, records, data sets, the ladder release. What is there already stays as it is.

    Raises StoreError for a file that is none, or whose content is not what its manifest says; nothing is taken in then.
    """
    try:
        with tempfile.TemporaryDirectory(prefix="import-") as name, tarfile.open(path, "r:gz") as archive:
            folder = Path(name)
            manifest = _unpack(archive, folder)
            for release in manifest.releases:
                _check(registry, release, folder / release.id)
            for release in manifest.releases:
                _take_in(store, registry, manifest, release, folder / release.id)
    except (OSError, EOFError, tarfile.TarError, msgspec.DecodeError, ValueError) as error:
        raise StoreError(f"{path} is no exported release: {error}.", remedy="Export it again.") from error
    if manifest.ladder is not None:
        store.catalogue.add_ladder_release(manifest.ladder)
    return manifest


def _put(archive: tarfile.TarFile, name: str, data: bytes) -> None:
    about = tarfile.TarInfo(name)
    about.size = len(data)
    archive.addfile(about, io.BytesIO(data))


def _put_file(archive: tarfile.TarFile, name: str, path: Path) -> None:
    about = tarfile.TarInfo(name)
    about.size = path.stat().st_size
    with path.open("rb") as file:
        archive.addfile(about, file)


def _unpack(archive: tarfile.TarFile, folder: Path) -> Manifest:
    first = archive.next()
    file = archive.extractfile(first) if first is not None and first.isfile() else None
    if first is None or file is None or first.name != _MANIFEST or first.size > _MOST_MANIFEST:
        raise ValueError("it does not begin with a manifest")
    manifest = msgspec.json.decode(file.read(), type=Manifest)
    if manifest.format != _FORMAT:
        raise ValueError(f"format {manifest.format} is not known")
    known = {release.id for release in manifest.releases}
    while (member := archive.next()) is not None:
        name = PurePosixPath(member.name)
        fine = member.isfile() and len(name.parts) > 1 and name.parts[0] in known and name.suffix in KINDS
        if not fine or ".." in name.parts or name.is_absolute():
            raise ValueError(f"{member.name!r} may not be in it")
        target = folder.joinpath(*name.parts)
        target.parent.mkdir(parents=True, exist_ok=True)
        source = archive.extractfile(member)
        assert source is not None
        with target.open("wb") as copy:
            while part := source.read(1 << 20):
                copy.write(part)
    return manifest


def _check(registry: Registry, release: Release, staged: Path) -> None:
    if not staged.is_dir():
        raise ValueError(f"the files of {release.id} are missing")
    told = registry.identity(release.task, release.rung, release.recipe, release.dataset, staged)
    if told != (release.id, release.digest):
        raise StoreError(
            f"The files of {release.id!r} are not those that were exported.", remedy="Export it again."
        )


def _take_in(store: Store, registry: Registry, manifest: Manifest, release: Release, staged: Path) -> None:
    if release.dataset in manifest.datasets:
        registry.freeze(Dataset(release.dataset, release.task, manifest.datasets[release.dataset]))
    if store.catalogue.get_release(release.id) is None:
        store.catalogue.add_release(release)
    Keeping(store, registry).back(release, staged)
    if release.id in manifest.records:
        registry.note(release, manifest.records[release.id])
