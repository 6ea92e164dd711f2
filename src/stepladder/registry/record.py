"""What it takes to make a release again: code, packages, machine, task, settings and seed, written down when it is made."""

import hashlib
import os
import platform
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any

import msgspec

from stepladder.core import Task

_PACKAGE = Path(__file__).resolve().parents[1]


@dataclass(frozen=True, slots=True)
class Record:
    """How a release was made. `code` is the hash of Stepladder's own source, `task` the task as it was configured.

    `packages` are all installed ones with their versions; `seed` and `settings` are what the recipe was given.
    """

    code: str
    version: str
    packages: Mapping[str, str]
    python: str
    machine: Mapping[str, str]
    task: Mapping[str, Any]
    settings: Mapping[str, Any] = field(default_factory=dict)
    seed: int = 0

    def task_again(self) -> Task:
        """The task as it was. Raises ValueError for one that this version does not understand."""
        return msgspec.convert(self.task, Task)

    def changes(self, other: "Record") -> dict[str, tuple[str, str]]:
        """What is not the same in another record, as (here, there); packages by name."""
        here, there = self._flat(), other._flat()
        names = sorted(here.keys() | there.keys())
        return {
            name: (here.get(name, ""), there.get(name, ""))
            for name in names
            if here.get(name) != there.get(name)
        }

    def _flat(self) -> dict[str, str]:
        flat = {"code": self.code, "version": self.version, "python": self.python, "seed": str(self.seed)}
        parts = (
            ("package", self.packages),
            ("machine", self.machine),
            ("setting", self.settings),
            ("task", self.task),
        )
        for name, part in parts:
            flat |= {
                f"{name} {key}": value if isinstance(value, str) else _json(value)
                for key, value in part.items()
            }
        return flat


def record_of(task: Task, settings: Mapping[str, Any], seed: int) -> Record:
    """The record of what is made here and now."""
    return Record(
        code=_code(),
        version=metadata.version("stepladder") if _installed() else "",
        packages=_packages(),
        python=platform.python_version(),
        machine=_machine(),
        task=msgspec.to_builtins(task),
        settings=dict(settings),
        seed=seed,
    )


@cache
def _code() -> str:
    """SHA-256 over the names and contents of every Python file of Stepladder."""
    found = hashlib.sha256()
    for path in sorted(_PACKAGE.rglob("*.py")):
        found.update(path.relative_to(_PACKAGE).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    return found.hexdigest()


@cache
def _packages() -> dict[str, str]:
    found = {}
    for package in metadata.distributions():
        name = package.metadata["Name"]
        if name:
            found[name.lower().replace("_", "-")] = package.version
    return dict(sorted(found.items()))


def _installed() -> bool:
    return "stepladder" in _packages()


def _machine() -> dict[str, str]:
    return {
        "system": platform.system(),
        "architecture": platform.machine(),
        "processor": platform.processor(),
        "cores": str(os.cpu_count()),
        "threads": os.environ.get("OMP_NUM_THREADS", ""),
    }


def _json(value: Any) -> str:
    return msgspec.json.encode(value, order="sorted").decode()
