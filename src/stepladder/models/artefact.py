"""A fitted model's folder: `model.safetensors` for the numbers and `model.json` for the rest, read with numpy alone."""

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load_file, save

from stepladder.core import DataError

Tensors = Mapping[str, NDArray[Any]]


@dataclass(frozen=True, slots=True)
class Artefact:
    """What a folder of this `kind` and `format` (the version of what is in it) holds."""

    kind: str
    format: int
    description: Mapping[str, Any]
    tensors: Tensors

    def save(self, folder: Path) -> None:
        """Write the two files, each whole or not at all, the one that `load` reads first last."""
        folder.mkdir(parents=True, exist_ok=True)
        description = {"format": self.format, "kind": self.kind, **self.description}
        numbers = {name: np.ascontiguousarray(tensor) for name, tensor in self.tensors.items()}
        _write(folder / "model.safetensors", save(numbers))
        _write(folder / "model.json", json.dumps(description, ensure_ascii=False, indent=1).encode())

    @classmethod
    def load(cls, folder: Path, kind: str, format: int) -> "Artefact":
        """Read what `save` wrote. Raises DataError where a file is missing, damaged or of another version."""
        with usable(folder, kind):
            description = json.loads((folder / "model.json").read_bytes())
            if not isinstance(description, dict) or description.get("format") != format:
                raise DataError(
                    f"{folder}: {kind} model of another format (expected {format}).", remedy="Fit it again."
                )
            return cls(kind, format, description, load_file(folder / "model.safetensors"))

    def tensor(self, name: str, dtype: Any) -> NDArray[Any]:
        """One array. Raises KeyError, TypeError for another type and ValueError for what is not finite."""
        found = self.tensors[name]
        if found.dtype != dtype:
            raise TypeError(f"{name} is {found.dtype}, expected {np.dtype(dtype)}")
        if not np.isfinite(found).all():
            raise ValueError(f"{name} holds numbers that are not finite")
        return found


@contextmanager
def usable(folder: Path, kind: str) -> Iterator[None]:
    """Whatever goes wrong while a folder is read is a DataError that says what to do."""
    try:
        yield
    except (OSError, ValueError, KeyError, TypeError, IndexError, SafetensorError) as error:
        raise DataError(
            f"{folder}: no usable {kind} model ({type(error).__name__}: {error}).",
            remedy="Restore the folder or fit it again.",
        ) from error


def _write(path: Path, data: bytes) -> None:
    """Replace `path` in one step, on the disk before it has its name."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    with draft.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
