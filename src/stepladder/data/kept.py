"""Rows of numbers that take long to make, kept in a file as they are made: vectors, signatures."""

from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any, BinaryIO

from numpy import frombuffer
from numpy.typing import NDArray

from stepladder.core import DataError

_READ = 4096  # rows at a time


@dataclass(frozen=True, slots=True)
class Kept:
    """Where they are kept, so that a run that was stopped, also by kill -9, goes on.

    `sign` names what they are made from: with another one the file is begun anew. Whoever is through takes it away.
    """

    path: Path
    sign: str

    def open(self, into: NDArray[Any]) -> tuple[BinaryIO, int]:
        """The file, to be appended to (`append`), and how many of the rows of `into` were there; they are in it now.

        Raises DataError.
        """
        head = sha256(f"{self.sign} {into.shape[1]}".encode()).digest()
        kind = into.dtype.newbyteorder("<")
        wide = kind.itemsize * into.shape[1]
        try:
            file = self.path.open("a+b")
            file.seek(0)
            if file.read(len(head)) != head:
                file.truncate(0)
                file.write(head)
                return file, 0
            at = 0
            while at < len(into) and (part := file.read(wide * min(_READ, len(into) - at))):
                rows = frombuffer(part, kind, len(part) // wide * into.shape[1]).reshape(-1, into.shape[1])
                into[at : at + len(rows)] = rows
                at += len(rows)
            file.truncate(len(head) + wide * at)  # also what a kill has torn
        except OSError as error:
            raise self._unwritten(error) from error
        return file, at

    def append(self, file: BinaryIO, rows: NDArray[Any]) -> None:
        """Rows that are next; they are kept from now on. Raises DataError."""
        try:
            file.write(rows.astype(rows.dtype.newbyteorder("<"), copy=False).tobytes())
            file.flush()
        except OSError as error:
            raise self._unwritten(error) from error

    def _unwritten(self, error: OSError) -> DataError:
        return DataError(
            f"Cannot write {self.path}: {error.strerror}.", remedy="Check its folder and free space."
        )


def blocks(into: NDArray[Any], size: int, kept: Kept | None) -> Iterator[slice]:
    """The rows of `into` that are still to be made, at most `size` at a time; whoever asks for the next has made them.

    Raises DataError.
    """
    if kept is None:
        for start in range(0, len(into), size):
            yield slice(start, min(start + size, len(into)))
        return
    file, begun = kept.open(into)
    with file:
        for start in range(begun, len(into), size):
            rows = slice(start, min(start + size, len(into)))
            yield rows
            kept.append(file, into[rows])
