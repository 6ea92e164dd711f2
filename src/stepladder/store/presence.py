"""Who has a database file open: a lock beside it, which the system takes from a process that dies."""

import os
import sys
from pathlib import Path
from typing import TextIO

from stepladder.core import StoreError

if sys.platform != "win32":
    import fcntl


class Presence:
    """A lock on a database file: shared while a store has it open, alone while a restore replaces it.

    On Windows there is no lock, and no need: an open file cannot be replaced there. In memory it does
    nothing.
    """

    def __init__(self, file: Path | None, *, alone: bool = False) -> None:
        self._held: TextIO | None = None
        if file is None:
            return
        path = file.with_name(file.name + ".lock")
        try:
            held = open(os.open(path, os.O_CREAT | os.O_RDWR, 0o600), "r+")  # noqa: SIM115 - held until `leave`
        except OSError as error:
            raise StoreError(
                f"Cannot open {path}: {error.strerror}.", remedy="Check that you may write in its folder."
            ) from error
        try:
            _lock(held, alone)
        except OSError as error:
            held.close()
            raise StoreError(
                f"{file} is in use." if alone else f"{file} is being restored.",
                remedy="Stop the server first." if alone else "Wait until that is done, and start again.",
            ) from error
        self._held = held

    def leave(self) -> None:
        """Give the lock back."""
        if self._held is not None:
            self._held.close()
            self._held = None


def _lock(held: TextIO, alone: bool) -> None:
    if sys.platform != "win32":
        fcntl.flock(held, (fcntl.LOCK_EX if alone else fcntl.LOCK_SH) | fcntl.LOCK_NB)
