"""`stepladder.toml` -> one typed, immutable snapshot.

Unknown keys are errors that name the nearest key. Secrets are written as "env:NAME" or "file:PATH" only, and are
resolved when a model is opened, never when the file is read: a snapshot can be shown, hashed and logged.
"""

import hashlib
import os
import tomllib
from collections.abc import Mapping
from dataclasses import MISSING, dataclass, field, fields, is_dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any, TypeVar, get_type_hints

import msgspec

from stepladder.core.errors import ConfigError
from stepladder.core.nouns import Task

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Server:
    """`[server]`: where to listen and what to accept. `max_body_kb` bounds a request's body."""

    host: str = "127.0.0.1"
    port: int = 8460
    data: str = "stepladder-data"
    max_body_kb: int = 4096
    max_text_chars: int = 200_000
    flywheel: bool = True
    drain_seconds: float = 10.0


@dataclass(frozen=True, slots=True)
class Ledger:
    """`[ledger]`: `durability` "process" survives kill -9; "power" also survives a power cut, at an fsync a batch."""

    url: str = ""
    durability: str = "process"
    queue: int = 10_000


@dataclass(frozen=True, slots=True)
class ModelConfig:
    """`[models.x]`: the plug-in (`kind`) and its own settings, which the plug-in checks when it opens."""

    kind: str
    settings: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Config:
    """The whole snapshot. `hash` names the configuration that made a ledger row."""

    server: Server = field(default_factory=Server)
    ledger: Ledger = field(default_factory=Ledger)
    models: Mapping[str, ModelConfig] = field(default_factory=dict)
    tasks: Mapping[str, Task] = field(default_factory=dict)
    hash: str = ""


def load(path: Path) -> Config:
    """Read and check a file. Raises ConfigError naming the key, the value and the remedy."""
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise ConfigError(
            f"There is no configuration at {path}.", remedy="Run `stepladder init` to write one."
        ) from error
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(
            f"Cannot read {path}: {error}.", remedy="Check its rights and that it is UTF-8."
        ) from error
    return parse(text, origin=str(path))


def parse(text: str, *, origin: str = "stepladder.toml") -> Config:
    """Check a configuration given as TOML text."""
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{origin} is not valid TOML: {error}.", remedy="Mend that line.") from error
    _known(data, ("server", "ledger", "models", "tasks"), "")
    config = Config(
        server=settings(data.get("server", {}), Server, "server"),
        ledger=settings(data.get("ledger", {}), Ledger, "ledger"),
        models={name: _model(value, f"models.{name}") for name, value in data.get("models", {}).items()},
        tasks={name: _task(name, value) for name, value in data.get("tasks", {}).items()},
        hash=hashlib.sha256(text.encode()).hexdigest()[:12],
    )
    _check(config)
    return config


def settings(data: Any, kind: type[T], where: str) -> T:
    """Turn a TOML table into the dataclass `kind`, strictly. Plug-ins use it for their own settings too."""
    if not isinstance(data, Mapping):
        raise ConfigError(
            f"[{where}] must be a table, not {data!r}.", param=where, remedy=f"Write [{where}]."
        )
    _nested_keys(data, kind, where)
    try:
        return msgspec.convert(data, kind)
    except msgspec.ValidationError as error:
        reason, _, path = str(error).partition(" - at `$")
        path = path.rstrip("`")
        key = where + path
        raise ConfigError(f"{key}: {reason}.", param=key, remedy=_value_remedy(data, path)) from error


def secret(reference: str, where: str) -> str:
    """Resolve "env:NAME" or "file:PATH". The value must go straight to where it is used: never log or store it."""
    scheme, _, name = reference.partition(":")
    if scheme == "env" and name:
        value = os.environ.get(name)
        if not value:
            raise ConfigError(
                f"{where}: the environment variable {name} is not set.",
                param=where,
                remedy=f"Run: export {name}=...",
            )
        return value
    if scheme == "file" and name:
        try:
            return Path(name).expanduser().read_text(encoding="utf-8").strip()
        except OSError as error:
            raise ConfigError(
                f"{where}: cannot read {name}: {error.strerror}.",
                param=where,
                remedy="Check the path and its rights.",
            ) from error
    raise ConfigError(
        f"{where} must be a reference, not the secret itself.",
        param=where,
        remedy='Write "env:NAME" or "file:PATH", and keep the secret there.',
    )


def _model(data: Any, where: str) -> ModelConfig:
    if not isinstance(data, Mapping) or not isinstance(data.get("kind"), str):
        raise ConfigError(
            f"[{where}] has no kind.", param=f"{where}.kind", remedy='Add kind = "chat", for example.'
        )
    return ModelConfig(
        kind=data["kind"], settings={key: value for key, value in data.items() if key != "kind"}
    )


def _task(name: str, data: Any) -> Task:
    where = f"tasks.{name}"
    if isinstance(data, Mapping) and "name" in data:
        raise ConfigError(
            f"{where}.name is not a key.", param=f"{where}.name", remedy="The table's own name is it."
        )
    if isinstance(data, Mapping) and "top" not in data:
        raise ConfigError(
            f"[{where}] has no top rung.",
            param=f"{where}.top",
            remedy='Add top = "NAME" of one of your [models.NAME].',
        )
    return settings({**data, "name": name} if isinstance(data, Mapping) else data, Task, where)


def _check(config: Config) -> None:
    for name, task in config.tasks.items():
        where = f"tasks.{name}"
        if name in config.models:
            raise ConfigError(f"{where} has the name of a model.", param=where, remedy="Rename one of them.")
        if task.top not in config.models:
            raise ConfigError(
                f"{where}.top names {task.top!r}, which is no model.",
                param=f"{where}.top",
                remedy=f"Models: {', '.join(config.models) or 'none; add [models.NAME]'}.",
            )
        if len(set(task.labels)) != len(task.labels) or len(task.labels) == 1:
            raise ConfigError(
                f"{where}.labels must be two or more different labels, not {list(task.labels)}.",
                param=f"{where}.labels",
                remedy="List each label once.",
            )
        _between(task.promise.target, 0.0, 1.0, f"{where}.promise.target")
        _between(task.promise.risk, 0.0, 1.0, f"{where}.promise.risk")
        for key in ("canary", "audit", "recalibrate"):
            _between(getattr(task.flywheel, key), 0.0, 1.0, f"{where}.flywheel.{key}", closed=True)
        _between(task.flywheel.hold_back, 0.0, 0.9, f"{where}.flywheel.hold_back", closed=True)
        _between(task.flywheel.growth, 1.0, float("inf"), f"{where}.flywheel.growth")
        for key in ("labels", "calibration"):
            _between(getattr(task.flywheel, key), 0, float("inf"), f"{where}.flywheel.{key}")
        _between(task.promise.horizon, 0, float("inf"), f"{where}.promise.horizon")
    if config.ledger.durability not in ("process", "power"):
        raise ConfigError(
            f"ledger.durability is {config.ledger.durability!r}.",
            param="ledger.durability",
            remedy='Write "process" (survives kill -9) or "power" (also survives a power cut).',
        )


def _between(value: float, low: float, high: float, where: str, *, closed: bool = False) -> None:
    if (low <= value <= high) if closed else (low < value < high):
        return
    span = f"{low:g} to {high:g}" + ("" if closed else ", both excluded")
    raise ConfigError(f"{where} is {value}.", param=where, remedy=f"Give a value from {span}.")


def _known(data: Mapping[str, Any], known: tuple[str, ...], where: str) -> None:
    for key in data:
        if key not in known:
            full = f"{where}.{key}" if where else key
            near = get_close_matches(key, known, n=1)
            remedy = f"Did you mean {near[0]!r}?" if near else f"Known keys: {', '.join(known)}."
            raise ConfigError(f"{full} is not a known key.", param=full, remedy=remedy)


def _nested_keys(data: Mapping[str, Any], kind: type, where: str) -> None:
    known = tuple(item.name for item in fields(kind) if item.name != "name")
    _known({key: value for key, value in data.items() if key != "name"}, known, where)
    hints = get_type_hints(kind)
    for key, value in data.items():
        hint = hints[key]
        if isinstance(hint, type) and is_dataclass(hint) and isinstance(value, Mapping):
            _nested_keys(value, hint, f"{where}.{key}")
    for item in fields(kind):
        if item.default is MISSING and item.default_factory is MISSING and item.name not in data:
            raise ConfigError(
                f"{where}.{item.name} is missing.", param=f"{where}.{item.name}", remedy="Add it."
            )


def _value_remedy(data: Any, path: str) -> str:
    for key in path.strip(".").split("."):
        data = data.get(key) if isinstance(data, Mapping) else None
    return f"It is {data!r} now." if data is not None else "Give it a value of that type."
