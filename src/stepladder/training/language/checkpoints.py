"""Checkpoints that are whole or are not there.

A trainer writes a checkpoint file by file; killed in between, it leaves one that looks whole. So each gets a manifest of
its files' hashes, written last and in one step, and none is taken up again that does not match its manifest.
"""

import hashlib
import json
import os
import shutil
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

MANIFEST = "manifest.json"


def seal(checkpoint: Path) -> None:
    """Put every file on the disk, then the manifest. Raises OSError (a full disk): the checkpoint does not count."""
    lines = {}
    for path in _files(checkpoint):
        with path.open("rb") as file:
            os.fsync(file.fileno())
            lines[path.relative_to(checkpoint).as_posix()] = hashlib.file_digest(file, "sha256").hexdigest()
    draft = checkpoint / f".{MANIFEST}"
    with draft.open("w", encoding="utf-8") as out:
        json.dump(lines, out, indent=1, sort_keys=True)
        out.flush()
        os.fsync(out.fileno())
    draft.replace(checkpoint / MANIFEST)


class Sealer:
    """Seals checkpoints beside the training: hashing and the disk's own time cost the run nothing.

    At most one is being sealed. A checkpoint that is not sealed when the process dies does not count, so the one before it must
    have been sealed (`wait`) before the next is written, which is when the oldest is taken away.
    """

    def __init__(self, sealed: Callable[[Path, float], None]) -> None:
        """`sealed` is told each checkpoint that counts, and the seconds its sealing took; from another thread."""
        self._sealed = sealed
        self._pool = ThreadPoolExecutor(1, "sealer")
        self._last: Future[None] | None = None

    def begin(self, checkpoint: Path) -> None:
        """Seal it in the background. Raises OSError as `wait`."""
        self.wait()
        self._last = self._pool.submit(self._seal, checkpoint)

    def wait(self) -> None:
        """Return once all is sealed. Raises OSError where it could not be (a full disk)."""
        last, self._last = self._last, None
        if last is not None:
            last.result()

    def close(self) -> None:
        """Wait, and end the thread. Raises OSError as `wait`."""
        try:
            self.wait()
        finally:
            self._pool.shutdown()

    def _seal(self, checkpoint: Path) -> None:
        began = time.monotonic()
        seal(checkpoint)
        self._sealed(checkpoint, time.monotonic() - began)


def is_whole(checkpoint: Path) -> bool:
    """Whether every file is what its manifest says."""
    try:
        lines = json.loads((checkpoint / MANIFEST).read_bytes())
        for name, digest in lines.items():
            with (checkpoint / name).open("rb") as file:
                if hashlib.file_digest(file, "sha256").hexdigest() != digest:
                    return False
    except (OSError, ValueError, AttributeError):
        return False
    return bool(lines)


def newest_whole(folder: Path) -> tuple[Path | None, list[str]]:
    """The newest checkpoint in `folder` that is whole, and the names of newer ones, which are taken away."""
    broken: list[str] = []
    for checkpoint in sorted(_checkpoints(folder), key=step_of, reverse=True):
        if is_whole(checkpoint):
            return checkpoint, broken
        broken.append(checkpoint.name)
        shutil.rmtree(checkpoint)
    return None, broken


def step_of(checkpoint: Path) -> int:
    """The step after which it was written."""
    return int(checkpoint.name.rpartition("-")[2])


def _checkpoints(folder: Path) -> Iterator[Path]:
    if folder.is_dir():
        for path in folder.iterdir():
            name, _, step = path.name.rpartition("-")
            if name == "checkpoint" and step.isdigit() and path.is_dir():
                yield path


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file() and path.name.lstrip(".") != MANIFEST)
