"""Releases' files at an address that fsspec knows (s3://, gs://, az://, sftp://, file://, memory:// ...), shared by machines.

A release lies under ADDRESS/TASK/ID. It counts once `complete.json` is there, which names its files with sizes and hashes and
is written last; what lacks it, or has a broken one, is as good as not there. What comes back is hashed before it is used.
"""

import hashlib
from pathlib import Path, PurePosixPath
from typing import Any, Self

import msgspec

from stepladder.core import ArtefactsConfig, ConfigError, MissingExtra, StoreError
from stepladder.registry.files import KINDS, release_files

_COMPLETE = "complete.json"
_PART = 1 << 22


class Sealed(msgspec.Struct, frozen=True):
    """`complete.json`: the release's digest, and of each file its size and SHA-256."""

    digest: str
    files: dict[str, tuple[int, str]]


class Remote:
    """Folders under an address. Names are POSIX paths such as TASK/ID; errors are StoreErrors."""

    def __init__(self, url: str) -> None:
        """Raises MissingExtra without fsspec, ConfigError for an address of a kind that it does not know here."""
        try:
            import fsspec
        except ImportError as error:
            raise MissingExtra("A folder of releases at an address", "artefacts") from error
        try:
            self._files, self._root = fsspec.core.url_to_fs(url)
        except (ValueError, ImportError) as error:
            raise ConfigError(
                f"artefacts.url is {url.partition('://')[0]}://...: {error}",
                param="artefacts.url",
                remedy="Install fsspec's package for it (s3fs, gcsfs, adlfs ...), or give another address.",
            ) from error

    @classmethod
    def of(cls, given: ArtefactsConfig) -> Self | None:
        """That of a configuration; None where it names no address. Raises as the constructor."""
        return cls(given.url) if given.url else None

    def put(self, name: str, folder: Path, digest: str) -> None:
        """Put a release's files there, unless they are there already. Raises StoreError."""
        found = self._sealed(name)
        if found is not None and found.digest == digest:
            return
        sealed = {}
        try:
            for file, path in release_files(folder).items():
                self._files.makedirs(self._at(name, str(PurePosixPath(file).parent)), exist_ok=True)
                self._files.put_file(str(path), self._at(name, file))
                with path.open("rb") as stream:
                    sealed[file] = (path.stat().st_size, hashlib.file_digest(stream, "sha256").hexdigest())
                if self._files.info(self._at(name, file))["size"] != sealed[file][0]:
                    raise OSError(f"{file} did not arrive whole")
            self._files.pipe_file(self._at(name, _COMPLETE), msgspec.json.encode(Sealed(digest, sealed)))
        except OSError as error:
            raise _failed("put", name, error) from error

    def get(self, name: str, folder: Path) -> bool:
        """Fill an empty folder with a release's files; False where none is whole there. Raises StoreError."""
        sealed = self._sealed(name)
        if sealed is None:
            return False
        try:
            for file, (_, wanted) in sealed.files.items():
                target = folder.joinpath(*_checked(file).parts)
                target.parent.mkdir(parents=True, exist_ok=True)
                if self._fetch(self._at(name, file), target) != wanted:
                    raise StoreError(
                        f"{file!r} of {name} at the artefacts' address is not what was put there.",
                        remedy="Take that folder away there, and run `stepladder release share` where the release still is.",
                    )
        except OSError as error:
            raise _failed("get", name, error) from error
        return True

    def remove(self, name: str) -> None:
        """Take a release's files away, its `complete.json` first. Raises StoreError."""
        try:
            for path in (self._at(name, _COMPLETE), self._at(name)):
                if self._files.exists(path):
                    self._files.rm(path, recursive=True)
        except OSError as error:
            raise _failed("remove", name, error) from error

    def _sealed(self, name: str) -> Sealed | None:
        try:
            return msgspec.json.decode(self._files.cat_file(self._at(name, _COMPLETE)), type=Sealed)
        except (FileNotFoundError, msgspec.DecodeError):
            return None
        except OSError as error:
            raise _failed("look for", name, error) from error

    def _fetch(self, path: str, target: Path) -> str:
        whole = hashlib.sha256()
        with self._files.open(path, "rb") as source, target.open("wb") as copy:
            while part := source.read(_PART):
                whole.update(part)
                copy.write(part)
        return whole.hexdigest()

    def _at(self, *parts: str) -> str:
        return "/".join([self._root.rstrip("/"), *(part for part in parts if part != ".")])


def _checked(name: str) -> PurePosixPath:
    found = PurePosixPath(name)
    if found.is_absolute() or ".." in found.parts or found.suffix not in KINDS or "\\" in name:
        raise StoreError(f"{name!r} may not be in a release.", remedy="Somebody has changed what lies there.")
    return found


def _failed(what: str, name: str, error: Exception) -> StoreError:
    told: Any = getattr(error, "strerror", None) or error
    return StoreError(
        f"Cannot {what} {name} at the artefacts' address: {told}.",
        remedy="Check its rights, the network and the environment's credentials; nothing was lost here.",
    )
