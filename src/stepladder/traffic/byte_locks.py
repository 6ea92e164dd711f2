"""Locks on single bytes of a file, which the system takes back from a process that dies."""

from types import ModuleType

fcntl: ModuleType | None
try:
    import fcntl
except ImportError:  # Windows: one worker, in memory of its own
    fcntl = None

SHARED = fcntl is not None
"""Whether processes can share a file that way."""


class ByteLocks:
    """The bytes of the file `descriptor`; below 0 there is none, and every lock is had."""

    def __init__(self, descriptor: int) -> None:
        self._file = descriptor
        self._real = descriptor >= 0 and SHARED

    def take(self, at: int) -> None:
        """Wait for a byte."""
        if self._real:
            fcntl.lockf(self._file, fcntl.LOCK_EX, 1, at)  # type: ignore[union-attr]

    def share(self, at: int) -> None:
        """Wait for a byte that others may have at the same time."""
        if self._real:
            fcntl.lockf(self._file, fcntl.LOCK_SH, 1, at)  # type: ignore[union-attr]

    def give(self, at: int, count: int = 1) -> None:
        """Let go of `count` bytes."""
        if self._real:
            fcntl.lockf(self._file, fcntl.LOCK_UN, count, at)  # type: ignore[union-attr]

    def had(self, at: int, count: int = 1) -> bool:
        """Whether nobody else has any of `count` bytes; then they are ours alone."""
        if not self._real:
            return True
        try:
            fcntl.lockf(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB, count, at)  # type: ignore[union-attr]
        except OSError:
            return False
        return True
