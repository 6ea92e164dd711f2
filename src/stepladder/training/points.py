"""Where a long fit has got to, in files, so that one that was stopped, also by kill -9, ends as if it had not been."""

import json
import shutil
import time
import zipfile
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np

from stepladder.core import DataError

Found = Mapping[str, Any]
_EVERY = 5.0  # seconds between two points of what is under way
_SHARE = 20  # and so many times what writing the last one took
_SIGN = "sign"


class Points:
    """A folder of finished parts and of the one under way. `sign` names what is fitted to what: another one begins anew.

    Whoever is through takes it away (`close`).
    """

    def __init__(self, folder: Path, sign: str) -> None:
        """Raises DataError where the folder cannot be written, or is somebody else's."""
        self._folder = folder
        self._parts = 0
        self._said, self._took = time.monotonic(), 0.0
        head = sha256(sign.encode()).hexdigest()
        known = (folder / _SIGN).read_text(encoding="ascii") if (folder / _SIGN).is_file() else ""
        if folder.exists() and not known and (not folder.is_dir() or any(folder.iterdir())):
            raise DataError(f"{folder} is there already.", remedy="Move it, or give another --out.")
        if known == head:
            return
        try:
            self.close()
            folder.mkdir(parents=True)
            (folder / _SIGN).write_text(head, encoding="ascii")
        except OSError as error:
            raise _unwritable(folder, error) from error

    def part(self, name: str, rng: np.random.Generator) -> Found | None:
        """A finished part, and the generator as it was then; None where it is not finished."""
        found = self._read(f"{name}.npz", rng)
        self._parts += found is not None
        return found

    def finish(self, name: str, rng: np.random.Generator, found: Found) -> None:
        """Keep a part; what was under way is over."""
        self._write(f"{name}.npz", rng, found)
        (self._folder / self._now).unlink(missing_ok=True)
        self._parts += 1

    def state(self, rng: np.random.Generator) -> Found | None:
        """What was under way when the fit was stopped, and the generator as it was then."""
        return self._read(self._now, rng)

    def keep(self, rng: np.random.Generator, found: Found) -> None:
        """Keep what is under way, if the last time is some seconds ago: writing never takes more than a small share."""
        began = time.monotonic()
        if began - self._said >= max(_EVERY, _SHARE * self._took):
            self._write(self._now, rng, found)
            self._said = time.monotonic()
            self._took = self._said - began

    def close(self) -> None:
        """Take the folder away."""
        shutil.rmtree(self._folder, ignore_errors=True)

    @property
    def _now(self) -> str:
        """After so many parts: what a kill has left of an earlier one is not taken for this one's."""
        return f"after-{self._parts}.npz"

    def _write(self, name: str, rng: np.random.Generator, found: Found) -> None:
        draft = self._folder / f".{name}"
        state = json.dumps(rng.bit_generator.state)
        try:
            with draft.open("wb") as file:
                np.savez(file, rng=np.array(state), **found)
            draft.replace(self._folder / name)
        except OSError as error:
            raise _unwritable(self._folder, error) from error

    def _read(self, name: str, rng: np.random.Generator) -> Found | None:
        try:
            with np.load(self._folder / name) as file:
                found = {key: file[key] for key in file.files}
        except (OSError, ValueError, EOFError, zipfile.BadZipFile):  # not there, or torn by a loss of power
            return None
        rng.bit_generator.state = json.loads(str(found.pop("rng")))
        return found


def _unwritable(folder: Path, error: OSError) -> DataError:
    return DataError(f"Cannot write {folder}: {error.strerror}.", remedy="Check its rights and free space.")
