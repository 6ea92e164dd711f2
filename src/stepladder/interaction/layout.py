"""A configuration laid out as lines, and two of them compared."""

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from stepladder.core import Config


def lines(config: Config) -> dict[str, str]:
    """Every key in force with its value, both as TOML writes them. Secrets are references, as in the file."""
    whole = msgspec.to_builtins(config)
    for kind in ("models", "retrievers", "chats"):
        for name, plugged in whole[kind].items():
            whole[kind][name] = {**plugged, **plugged.pop("settings")}
    laid = dict(_flat(whole, ""))
    return {key: value for key, value in laid.items() if key != "hash" and not key.endswith(".name")}


def differences(old: Config, new: Config) -> list[str]:
    """One line for each key whose value differs."""
    before, after = lines(old), lines(new)
    return [
        f"{key}: {before.get(key, 'not there')} -> {after.get(key, 'not there')}"
        for key in sorted(before.keys() | after.keys())
        if before.get(key) != after.get(key)
    ]


def _flat(value: Any, key: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, Mapping):
        for name, inner in value.items():
            word = name if name.replace("-", "_").isidentifier() and name.isascii() else _text(name)
            yield from _flat(inner, f"{key}.{word}" if key else word)
    elif value is not None:
        yield key, _text(value)


def _text(value: Any) -> str:
    return msgspec.json.encode(value).decode()
