"""A JSONL file as a sequence of texts, read where it lies: memory does not grow with the rows' length."""

import gzip
import mmap
import os
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, overload

import msgspec
import numpy as np

from stepladder.core import DataError
from stepladder.data.log import Skipped, find


class RowFile(Sequence[str]):
    """The text under one field of every usable row; `line(i)` gives the row's own bytes.

    Broken rows are in `skipped`, by their line number. A `.gz` file is unpacked beside the system's temporary files
    first. Raises DataError where the file cannot be read or holds no usable row. Close it, or use it as a context.
    """

    def __init__(self, path: Path, field: str = "input") -> None:
        self.path, self.field = path, field
        self.skipped: list[Skipped] = []
        try:
            self._file = _unpacked(path) if path.suffix == ".gz" else path.open("rb")
        except (OSError, EOFError) as error:
            raise DataError(f"Cannot read {path}: {error}.", remedy="Check the path.") from error
        try:
            size = os.fstat(self._file.fileno()).st_size
            self._map = mmap.mmap(self._file.fileno(), size, access=mmap.ACCESS_READ) if size else None
            self._broken_spans: list[tuple[int, int, int]] = []
            self._spans = np.array(list(self._index()), np.int64).reshape(-1, 3)
        except BaseException:
            self._file.close()
            raise
        if not len(self._spans):
            self.close()
            seen = (
                f" Line {self.skipped[0].line}: {self.skipped[0].reason}."
                if self.skipped
                else " It is empty."
            )
            raise DataError(
                f"{path} holds no usable row.{seen}",
                remedy="Rows are JSON objects; name the text's field with --input.",
            )

    def _index(self) -> Iterator[tuple[int, int, int]]:
        """Of each usable row its bytes' start and end, and its place among the lines that are not blank."""
        start = number = place = 0
        while self._map is not None and start < len(self._map):
            end = self._map.find(b"\n", start)
            end = len(self._map) if end < 0 else end
            number += 1
            line = self._map[start:end]
            if line.strip():
                place += 1
                if (reason := self._broken(line)) is None:
                    yield start, end, place
                else:
                    self.skipped.append(Skipped(number, reason))
                    self._broken_spans.append((start, end, place))
            start = end + 1

    def _broken(self, line: bytes) -> str | None:
        try:
            data = msgspec.json.decode(line)
        except msgspec.DecodeError:
            return "it is not valid JSON"
        except UnicodeDecodeError:
            return "it is not UTF-8"
        if not isinstance(data, dict):
            return "it is no JSON object"
        return None if isinstance(find(data, self.field), str) else f"it has no text under {self.field!r}"

    def line(self, at: int) -> bytes:
        """The bytes of a usable row, without the line break."""
        assert self._map is not None
        start, end, _ = self._spans[at]
        return self._map[int(start) : int(end)]

    def place(self, at: int) -> int:
        """A usable row's place among all lines that are not blank, from 1."""
        return int(self._spans[at][2])

    def broken(self) -> Iterator[tuple[int, str, bytes]]:
        """The place, the reason and the bytes of every row that is not usable, in their order."""
        for (start, end, place), skip in zip(self._broken_spans, self.skipped, strict=True):
            assert self._map is not None
            yield place, skip.reason, self._map[start:end]

    def row(self, at: int) -> dict[str, Any]:
        """A usable row, decoded."""
        return dict(msgspec.json.decode(self.line(at)))

    @overload
    def __getitem__(self, at: int) -> str: ...
    @overload
    def __getitem__(self, at: slice) -> list[str]: ...
    def __getitem__(self, at: int | slice) -> str | list[str]:
        if isinstance(at, slice):
            return [self[one] for one in range(*at.indices(len(self)))]
        if not 0 <= at < len(self):
            raise IndexError(at)
        return str(find(self.row(at), self.field))

    def __len__(self) -> int:
        return len(self._spans)

    def close(self) -> None:
        """Let go of the file."""
        if self._map is not None:
            self._map.close()
        self._file.close()

    def __enter__(self) -> "RowFile":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class Joined(Sequence[str]):
    """Two sequences of texts, one after the other, without a copy."""

    def __init__(self, first: Sequence[str], second: Sequence[str]) -> None:
        self._first, self._second = first, second

    @overload
    def __getitem__(self, at: int) -> str: ...
    @overload
    def __getitem__(self, at: slice) -> list[str]: ...
    def __getitem__(self, at: int | slice) -> str | list[str]:
        if isinstance(at, slice):
            return [self[one] for one in range(*at.indices(len(self)))]
        return self._first[at] if at < len(self._first) else self._second[at - len(self._first)]

    def __len__(self) -> int:
        return len(self._first) + len(self._second)


def _unpacked(path: Path) -> BinaryIO:
    file = tempfile.TemporaryFile()  # noqa: SIM115 closed with the row file
    try:
        with gzip.open(path, "rb") as packed:
            while part := packed.read(1 << 20):
                file.write(part)
        file.flush()
    except BaseException:
        file.close()
        raise
    return file


@contextmanager
def whole_file(path: Path) -> Iterator[BinaryIO]:
    """A file that appears under its name only when it is whole. Raises DataError where it cannot be written."""
    draft = path.with_name(f"{path.name}.part")
    try:
        with draft.open("wb") as file:
            yield file
        draft.replace(path)
    except OSError as error:
        draft.unlink(missing_ok=True)
        raise DataError(
            f"Cannot write {path}: {error.strerror}.", remedy="Check its folder and free space."
        ) from error
    except BaseException:
        draft.unlink(missing_ok=True)
        raise


def write_rows(path: Path, lines: Iterable[bytes]) -> int:
    """Write lines to a file, whole or not at all; returns how many."""
    count = 0
    with whole_file(path) as file:
        for line in lines:
            file.write(line + b"\n")
            count += 1
    return count
