"""Sources into one file of rows of one shape; a run that was stopped goes on where it was."""

import hashlib
import os
import time
from collections.abc import Sequence
from itertools import islice
from pathlib import Path
from typing import BinaryIO

import msgspec

from stepladder.core import DataError, Progress
from stepladder.data.gathering.shapes import Reading, rows_of
from stepladder.data.gathering.sources import Record, Source
from stepladder.data.log import Skipped, Unusable

_SAVED_SECONDS = 5.0
_TOLD = 1_000
_SHOWN = 5


class Gathered(msgspec.Struct):
    """What came of a source: rows written, records that hold none, and the first few of these with the reason."""

    source: str
    rows: int = 0
    skipped: int = 0
    first_skipped: list[Skipped] = []


class _Reached(msgspec.Struct):
    """A point that was saved: the sources behind it, the records read of the one it is in, and the file's size."""

    sign: str
    sources: list[Gathered] = []
    records: int = 0
    out: int = 0


def gather_rows(sources: Sequence[Source], reading: Reading, out: Path, progress: Progress) -> list[Gathered]:
    """Write the rows of all sources, in their order, each with where it comes from (`source`, `split`).

    Raises DataError where a source cannot be read, or `out` not be written; what was written stays, and is gone on with.
    """
    draft, saved = out.with_name(f"{out.name}.part"), out.with_name(f"{out.name}.progress")
    try:
        reached = _start(saved, draft, _sign(sources, reading))
        with draft.open("ab") as file:
            run = _Run(reading, file, saved, reached, progress)
            begun = len(reached.sources)
            for at, source in enumerate(sources[max(0, begun - 1) :], max(1, begun)):
                run.take(source, new=at > begun)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(out)
        saved.unlink(missing_ok=True)
    except OSError as error:
        raise DataError(
            f"Cannot write {out}: {error.strerror}.", remedy="Check its folder and free space."
        ) from error
    return reached.sources


def _sign(sources: Sequence[Source], reading: Reading) -> str:
    told = repr([(source.name, source.split, source.size, source.version) for source in sources]) + repr(
        reading
    )
    return hashlib.sha256(told.encode()).hexdigest()


def _start(saved: Path, draft: Path, sign: str) -> _Reached:
    try:
        reached = msgspec.json.decode(saved.read_bytes(), type=_Reached)
    except (OSError, msgspec.DecodeError):
        reached = _Reached(sign)
    draft.touch()
    if reached.sign != sign or draft.stat().st_size < reached.out:
        reached = _Reached(sign)
    os.truncate(draft, reached.out)
    return reached


class _Run:
    """Takes one source after another."""

    def __init__(
        self, reading: Reading, file: BinaryIO, saved: Path, reached: _Reached, progress: Progress
    ) -> None:
        self._reading, self._file, self._path, self._reached, self._tell = (
            reading,
            file,
            saved,
            reached,
            progress,
        )
        self._saved = time.monotonic()

    def take(self, source: Source, *, new: bool) -> None:
        """Write a source's rows; of one that is not `new`, those behind the saved point."""
        begun = self._reached.records
        if new:
            self._reached.sources.append(Gathered(source.name))
            if source.fleeting:
                self._save()
        found = self._reached.sources[-1]
        for number, record in enumerate(islice(source.open(), begun, None), begun + 1):
            self._write(source, found, number, record)
            self._reached.records = number
            if source.fleeting or number % _TOLD == 0:
                self._tell(number, number, f"{source.name}: {found.rows:,} rows")
            if not source.fleeting and time.monotonic() - self._saved > _SAVED_SECONDS:
                self._save()
        self._reached.records = 0

    def _write(self, source: Source, found: Gathered, number: int, record: Record) -> None:
        try:
            if isinstance(record, Skipped):
                raise Unusable(record.reason)
            for row in rows_of(record, source.reading or self._reading):
                told = {**row, "source": f"{source.name}:{number}"} | (
                    {"split": source.split} if source.split else {}
                )
                self._file.write(msgspec.json.encode(told) + b"\n")
                found.rows += 1
        except (Unusable, msgspec.DecodeError, UnicodeEncodeError) as error:
            found.skipped += 1
            if len(found.first_skipped) < _SHOWN:
                found.first_skipped.append(Skipped(number, str(error)))

    def _save(self) -> None:
        self._file.flush()
        os.fsync(self._file.fileno())
        self._reached.out = self._file.tell()
        draft = self._path.with_name(f"{self._path.name}.draft")
        draft.write_bytes(msgspec.json.encode(self._reached))
        draft.replace(self._path)
        self._saved = time.monotonic()
