"""The file behind the board: made, sized, emptied."""

import os
from pathlib import Path

from stepladder.core import StoreError


def opened(file: Path, size: int) -> int:
    """A descriptor of a file of `size` bytes, for its owner only. Raises StoreError."""
    try:
        found = os.open(file, os.O_CREAT | os.O_RDWR, 0o600)
        os.ftruncate(found, size)
    except OSError as error:
        raise StoreError(f"Cannot open {file}: {error.strerror}.", remedy="Check its rights.") from error
    return found


def emptied(descriptor: int, size: int) -> None:
    """All zero, without touching it: what nobody uses takes up no memory."""
    os.ftruncate(descriptor, 0)
    os.ftruncate(descriptor, size)
