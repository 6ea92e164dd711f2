"""A release's folder: which files it may hold, what it hashes to, and how it gets to its place."""

import errno
import hashlib
import os
import shutil
import tempfile
from pathlib import Path

from stepladder.core import StoreError

KINDS = frozenset((".safetensors", ".json", ".onnx", ".gguf", ".gz"))
"""What may be in a release: data that no loader executes; .gz is a library's own (LightGBM, CRFsuite, fastText)."""


def release_files(folder: Path) -> dict[str, Path]:
    """Relative POSIX name -> file, sorted. Raises StoreError for all but plain files of KINDS."""
    files = {}
    for path in sorted(folder.rglob("*")):
        if path.is_dir() and not path.is_symlink():
            continue
        name = path.relative_to(folder).as_posix()
        if path.is_symlink() or not path.is_file() or path.suffix not in KINDS:
            raise StoreError(
                f"{name!r} may not be in a release.", remedy=f"Plain files only: {', '.join(sorted(KINDS))}."
            )
        files[name] = path
    if not files:
        raise StoreError(f"There are no files in {folder}.", remedy="A release needs at least one.")
    return files


def folder_digest(folder: Path) -> str:
    """SHA-256 over every file's name, size and content, in the names' order."""
    whole = hashlib.sha256()
    for name, path in release_files(folder).items():
        with path.open("rb") as file:
            content = hashlib.file_digest(file, "sha256").hexdigest()
        whole.update(f"{name}\0{path.stat().st_size}\0{content}\n".encode("utf-8", "surrogateescape"))
    return whole.hexdigest()


def settle(staged: Path, place: Path) -> None:
    """Move a folder to its place in one rename, its files read-only and on the disk.

    Where another process was quicker, its folder stays. Raises OSError.
    """
    place.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".settling-", dir=place.parent) as near:
        here = Path(near) / place.name
        _move(staged, here)
        for path in release_files(here).values():
            path.chmod(0o444)
            _sync(path)
        try:
            os.rename(here, place)
        except OSError as error:
            if error.errno not in (errno.EEXIST, errno.ENOTEMPTY) or not place.is_dir():
                raise
    if os.name == "posix":
        _sync(place.parent)


def _move(source: Path, target: Path) -> None:
    try:
        os.rename(source, target)
    except OSError as error:
        if error.errno != errno.EXDEV:  # on another disk
            raise
        shutil.copytree(source, target)
        shutil.rmtree(source)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
