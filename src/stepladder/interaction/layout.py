"""A configuration laid out as lines, two of them compared, and TOML written."""

import json
import re
from collections.abc import Iterator, Mapping
from math import isfinite
from typing import Any

import msgspec

from stepladder.core import Config

_BARE = re.compile(r"[A-Za-z0-9_-]+\Z")
_PLUGGED = ("models", "retrievers", "chats", "tools")
_PASSWORD = re.compile(r"(://[^/\s:@\"]*:)[^@\s\"]+@")
_TELLING = re.compile(r"\.headers\..*(auth|cookie|key|token|secret|password)", re.IGNORECASE)
_REFERENCE = re.compile(r'"(env|file):')
_GUARDED = ("models", "tasks", "tenants")


def lines(config: Config) -> dict[str, str]:
    """Every key in force with its value, both as TOML writes them, for people to read and for logs.

    Secrets are references, as in the file; what is one all the same (a password in an address, a header's value) is ***.
    """
    return {key: _veiled(key, value) for key, value in _lines(config).items()}


def _veiled(key: str, value: str) -> str:
    if _TELLING.search(key) and not _REFERENCE.match(value):
        return '"***"'
    return veiled(value)


def veiled(text: str) -> str:
    """A text without the passwords of the addresses in it."""
    return _PASSWORD.sub(r"\1***@", text)


def _lines(config: Config) -> dict[str, str]:
    whole = msgspec.to_builtins(config)
    for kind in _PLUGGED:
        whole[kind] = {name: _opened(table) for name, table in whole[kind].items()}
    rules = whole.pop("guards")
    for kind in _GUARDED:
        for name, table in rules[kind].items():
            whole[kind].setdefault(name, {})["guards"] = _guarding(table)
    whole["guards"] = _guarding(rules["overall"])
    laid = dict(_flat(whole, ""))
    return {key: value for key, value in laid.items() if key != "hash" and not key.endswith(".name")}


def differences(old: Config, new: Config) -> list[str]:
    """One line for each key whose value differs."""
    before, after = _lines(old), _lines(new)
    return [
        f"{key}: {_told(key, before)} -> {_told(key, after)}"
        for key in sorted(before.keys() | after.keys())
        if before.get(key) != after.get(key)
    ]


def _told(key: str, laid: Mapping[str, str]) -> str:
    return _veiled(key, laid[key]) if key in laid else "not there"


def toml_key(name: str) -> str:
    """A key as TOML writes it."""
    return name if _BARE.match(name) else _string(name)


def toml_value(value: Any) -> str:
    """A value as TOML writes it; what is None in a table is left out."""
    if isinstance(value, Mapping):
        inner = (f"{toml_key(key)} = {toml_value(one)}" for key, one in value.items() if one is not None)
        return "{ " + ", ".join(inner) + " }"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(toml_value, value)) + "]"
    if isinstance(value, str):
        return _string(value)
    if isinstance(value, bool):
        return str(value).lower()
    return repr(value) if not isinstance(value, float) or isfinite(value) else str(value)


def _opened(table: dict[str, Any]) -> dict[str, Any]:
    """A plug-in's own settings stand beside ours."""
    settings = table.pop("settings")
    return {**table, **settings}


def _guarding(table: dict[str, Any]) -> dict[str, Any]:
    """A table of guards has theirs beside its own keys."""
    guards = {name: _opened(guard) for name, guard in table.pop("guards").items()}
    return {**table, **guards}


def _flat(value: Any, key: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, Mapping):
        for name, inner in value.items():
            yield from _flat(inner, f"{key}.{toml_key(name)}" if key else toml_key(name))
    elif value is not None:
        yield key, toml_value(value)


def _string(text: str) -> str:
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
