"""The journal of bulk labelling: what was asked and what was answered, on the disk before anything is built on it.

A question is written down before it is sent and its answer as soon as it is there, so that after any end it is known what
was paid for. A question without an answer is in doubt: the model may have answered and billed it.
"""

import os
import sys
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType

import msgspec

from stepladder.core import DataError

if sys.platform != "win32":
    import fcntl


class Line(msgspec.Struct, omit_defaults=True):
    """A line: a question sent (`answer` and `refused` are None), answered, or answered outside the contract.

    `key` names contract, teacher and row; `cost` of a question sent is what was reserved for it.
    """

    key: str
    cost: float = 0.0
    answer: str | None = None
    refused: str | None = None
    prompt_tokens: int = 0
    completion_tokens: int = 0

    @property
    def settled(self) -> bool:
        """Whether it says how the question ended."""
        return self.answer is not None or self.refused is not None


@dataclass(slots=True)
class Known:
    """What a journal holds: how each question ended, and what was reserved for those in doubt."""

    ended: dict[str, Line] = field(default_factory=dict)
    doubtful: dict[str, float] = field(default_factory=dict)
    spent: float = 0.0

    def add(self, line: Line) -> None:
        """Take one more line in."""
        if line.settled:
            self.doubtful.pop(line.key, None)
            self.ended[line.key] = line
            self.spent += line.cost
        elif line.key not in self.ended:
            self.doubtful[line.key] = line.cost


class Journal:
    """The file, open for one process at a time (on Windows nothing holds the second off). Use it as a context."""

    def __init__(self, path: Path) -> None:
        """Open it and read what is there. Raises DataError where another process has it, or it is none."""
        self.path = path
        self.known = Known()
        try:
            self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
        except OSError as error:
            raise DataError(f"Cannot write {path}: {error.strerror}.", remedy="Check its folder.") from error
        try:
            self._lock()
            self._read()
        except BaseException:
            os.close(self._file)
            raise

    def write(self, line: Line) -> None:
        """Append a line. An answer is on the disk when this returns; a question survives the end of this process."""
        os.write(self._file, msgspec.json.encode(line) + b"\n")
        if line.settled:
            os.fsync(self._file)
        self.known.add(line)

    def close(self) -> None:
        """Let go of the file."""
        os.close(self._file)

    def __enter__(self) -> "Journal":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _lock(self) -> None:
        if sys.platform == "win32":
            return
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise DataError(
                f"{self.path} is in use: another process labels with it.",
                remedy="Wait for it, or name another --out.",
            ) from error

    def _read(self) -> None:
        """Read all lines; a last one that was torn by the end of its process is cut off."""
        decoder = msgspec.json.Decoder(Line)
        whole = 0
        with self.path.open("rb") as file:
            for number, raw in enumerate(file, 1):
                if not raw.endswith(b"\n"):
                    break
                try:
                    self.known.add(decoder.decode(raw))
                except (msgspec.DecodeError, UnicodeDecodeError) as error:
                    raise DataError(
                        f"{self.path}:{number} is no line of a labelling journal.",
                        remedy="Restore it, or name another --out; what it had paid for is then asked again.",
                    ) from error
                whole += len(raw)
        os.truncate(self._file, whole)
