"""The board of a running server, looked at by another process of this machine."""

import mmap
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from stepladder.core import StoreError
from stepladder.traffic.board import MAGIC, SIZE, SLOT, SLOTS, STRIKES, VERSION
from stepladder.traffic.byte_locks import SHARED, ByteLocks
from stepladder.traffic.strikes import Strikes


@contextmanager
def strikes_of(file: Path) -> Iterator[Strikes | None]:
    """The bans of the server that has this board open, None where none is running. Raises StoreError."""
    try:
        descriptor = os.open(file, os.O_RDWR)
    except FileNotFoundError:
        yield None
        return
    except OSError as error:
        raise StoreError(f"Cannot open {file}: {error.strerror}.", remedy="Check its rights.") from error
    try:
        if os.fstat(descriptor).st_size != SIZE or not _in_use(descriptor):
            yield None
            return
        with mmap.mmap(descriptor, SIZE) as mapped, memoryview(mapped).cast("q") as cells:
            if cells[VERSION] != MAGIC:
                raise StoreError(
                    "The server that runs is of another version of Stepladder.", remedy="Use its own command."
                )
            strikes = Strikes(cells[STRIKES:])
            try:
                yield strikes
            finally:
                strikes.release()
    finally:
        os.close(descriptor)


def _in_use(descriptor: int) -> bool:
    """Whether a worker holds its slot. What a server leaves behind when it ends is of no account."""
    locks = ByteLocks(descriptor)
    if not SHARED:  # each process has a board of its own
        return False
    if not locks.had(SLOT, SLOTS):
        return True
    locks.give(SLOT, SLOTS)
    return False
