"""A folder whose files are documents."""

import os
from asyncio import to_thread
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path

from stepladder.knowledge.reading import read
from stepladder.knowledge.sources.visiting import Seen, Visit

_UNMOUNTED = "perhaps it is not mounted, so nothing is taken out"
_NOT_THERE = "there is no such file or folder"


class Folder:
    """Files below a path, known by their time and size.

    One that is not there, cannot be read, or has lost every file at once has more often come off than been emptied: then
    nothing is gone, unless somebody has said so (`Visit.emptied`).
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    async def look(self, visit: Visit) -> AsyncIterator[Seen]:
        """Every file that is not hidden."""
        found = await to_thread(self.listed, visit)
        for path in found:
            try:
                about = path.stat()
            except OSError as error:  # gone meanwhile
                visit.fail(str(path), error.strerror or type(error).__name__)
                continue
            state = f"{about.st_mtime_ns}:{about.st_size}"
            known = visit.state(str(path)) == state
            yield Seen(str(path), state, None if known else partial(read, path))

    def listed(self, visit: Visit) -> list[Path]:
        """The files, in order; what is wrong with the folder is said to `visit`. Blocks."""
        try:
            there, folder = self._path.exists(), self._path.is_dir()
        except OSError as error:
            visit.lose(str(self._path), error.strerror or type(error).__name__)
            return []
        if not there:
            if not visit.emptied:
                visit.lose(str(self._path), _NOT_THERE)
            return []
        found = self._below(visit) if folder else [self._path]
        if not found:
            visit.less(str(self._path), "file", len(visit.known), _UNMOUNTED)
        return found

    def _below(self, visit: Visit) -> list[Path]:
        def unread(error: OSError) -> None:
            visit.lose(str(error.filename), error.strerror or type(error).__name__)

        found = []
        for folder, folders, names in os.walk(self._path, onerror=unread):
            folders[:] = [name for name in folders if not name.startswith(".")]
            for path in (Path(folder, name) for name in names if not name.startswith(".")):
                try:
                    if path.is_file():
                        found.append(path)
                except OSError as error:
                    unread(error)
        return sorted(found)
