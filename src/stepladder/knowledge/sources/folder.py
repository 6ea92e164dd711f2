"""A folder whose files are documents."""

import asyncio
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path

from stepladder.knowledge.reading import files, read
from stepladder.knowledge.sources.visiting import Seen, Visit


class Folder:
    """Files below a path, known by their time and size."""

    def __init__(self, path: Path) -> None:
        self._path = path

    async def look(self, visit: Visit) -> AsyncIterator[Seen]:
        """Every file that is not hidden."""
        if not self._path.exists():
            visit.fail(str(self._path), "there is no such file or folder")
            return
        for path in await asyncio.to_thread(files, self._path):
            try:
                found = path.stat()
            except OSError as error:  # gone meanwhile
                visit.fail(str(path), error.strerror or type(error).__name__)
                continue
            state = f"{found.st_mtime_ns}:{found.st_size}"
            known = visit.known.get(str(path)) == state
            yield Seen(str(path), state, None if known else partial(read, path))
