"""From a table of TOML to a typed dataclass, strictly: unknown keys name the nearest, values say what they may be."""

import os
import re
from collections.abc import Mapping
from dataclasses import MISSING, fields, is_dataclass
from difflib import get_close_matches
from enum import StrEnum
from math import inf
from pathlib import Path
from typing import Any, TypeVar, get_args, get_type_hints

import msgspec

from stepladder.core.errors import ConfigError

T = TypeVar("T")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.]*\Z")
"""Of an environment variable: what is none may be the secret itself, and is not repeated in an error."""


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
        raise ConfigError(
            f"{key}: {reason}.",
            param=key,
            remedy=f"{_value_remedy(data, path)} {_choices(kind, path)}".strip(),
        ) from error


def secret(reference: str, where: str) -> str:
    """Resolve "env:NAME" or "file:PATH". The value must go straight to where it is used: never log or store it."""
    scheme, _, name = reference.partition(":")
    if scheme == "env" and _NAME.match(name):
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


def tables(data: Mapping[str, Any], where: str) -> list[tuple[str, Any]]:
    """The tables in `where`, with their names. Raises ConfigError."""
    found = data.get(where, {})
    if not isinstance(found, Mapping):
        raise ConfigError(f"{where} must hold tables.", param=where, remedy=f"Write [{where}.NAME].")
    return list(found.items())


def one_of(name: str, known: Mapping[str, Any], where: str) -> None:
    """Raise ConfigError, naming the nearest, for a name that is not known."""
    if name not in known:
        near = get_close_matches(name, known, n=1)
        remedy = f"Did you mean {near[0]!r}?" if near else f"There are: {', '.join(known) or 'none'}."
        raise ConfigError(f"{where} names {name!r}, which there is not.", param=where, remedy=remedy)


def between(value: float, low: float, high: float, where: str, *, closed: bool = False) -> None:
    """Raise ConfigError for a value outside of the span."""
    if (low <= value <= high) if closed else (low < value < high):
        return
    span = f"from {low:g} to {high:g}" + ("" if closed else ", both excluded")
    if high == inf:
        span = f"of at least {low:g}" if closed else f"above {low:g}"
    raise ConfigError(f"{where} is {value}.", param=where, remedy=f"Give a value {span}.")


def known(data: Mapping[str, Any], keys: tuple[str, ...], where: str) -> None:
    """Raise ConfigError, naming the nearest, for a key that is not known."""
    for key in data:
        if key not in keys:
            full = f"{where}.{key}" if where else key
            near = get_close_matches(key, keys, n=1)
            remedy = f"Did you mean {near[0]!r}?" if near else f"Known keys: {', '.join(keys)}."
            raise ConfigError(f"{full} is not a known key.", param=full, remedy=remedy)


def _nested_keys(data: Mapping[str, Any], kind: type, where: str) -> None:
    keys = tuple(item.name for item in fields(kind) if item.name != "name")
    known({key: value for key, value in data.items() if key != "name"}, keys, where)
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


def _choices(kind: Any, path: str) -> str:
    """What the field may be, where that is one of some words; else ""."""
    for key in path.strip(".").split("."):
        kind = get_type_hints(kind).get(key) if is_dataclass(kind) else None
    found = [f'"{word}"' for one in (kind, *get_args(kind)) if _is_words(one) for word in one]
    return f"It may be {' or '.join(found)}." if found else ""


def _is_words(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, StrEnum)


def _value_remedy(data: Any, path: str) -> str:
    for key in path.strip(".").split("."):
        data = data.get(key) if isinstance(data, Mapping) else None
    return f"It is {data!r} now." if data is not None else "Give it a value of that type."
