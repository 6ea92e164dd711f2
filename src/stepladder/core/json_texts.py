"""The texts in a JSON value that somebody else wrote: each is handed out with the name it stands under, and put back.

Names in objects are texts too, unless they can only be a schema's. Arguments of tools are JSON in a string, and are looked
into. Pictures and sounds, and what only steers (roles, types, ids), are passed by.
"""

import json
import re
from collections.abc import Callable
from typing import Any

import msgspec

Change = Callable[[str, str], str]
"""Called with a text and the name it stands under ("" in a list); returns what is to stand there."""

SKIPPED = frozenset(
    ("role", "type", "id", "tool_call_id", "detail", "format", "file_data", "data", "file_id")
)
_NESTED = frozenset(("arguments", "input"))
_NUMBER_DIGITS = 7  # a number with fewer digits says nothing of a person
_SHORTEST = 3
_DATA = re.compile(r"data:[\w.+/-]*(?:;[\w.+=-]+)*;base64,", re.ASCII | re.IGNORECASE)
_ESCAPE = re.compile(r"\\u([0-9a-fA-F]{4})")


def changed(value: Any, change: Change, name: str = "") -> Any:
    """The value with its texts changed, in order. A long whole number is a text as well, and stays one if it is changed."""
    if isinstance(value, str):
        return _string(value, change, name)
    if isinstance(value, list):
        return [changed(one, change, name) for one in value]
    if isinstance(value, dict):
        return {
            _name(key, change): one if key in SKIPPED else changed(one, change, key)
            for key, one in value.items()
        }
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) >= 10**_NUMBER_DIGITS:
        said = change(str(value), name)
        return value if said == str(value) else said
    return value


def nested(text: str, change: Change, name: str = "") -> str:
    """JSON in a string: what is written with escapes is seen for what it is. Other strings are texts, broken JSON too."""
    try:
        inner = msgspec.json.decode(text) if text[:1] in ("{", "[") else None
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        inner = None
    if not isinstance(inner, dict | list):
        return change(_ESCAPE.sub(_unescaped, text), name) if text else text
    said = changed(inner, change, name)
    return text if said == inner else encoded(said).decode()


def _unescaped(escape: re.Match[str]) -> str:
    character = chr(int(escape[1], 16))
    return character if character.isprintable() and character not in '"\\' else escape[0]


def encoded(value: Any) -> bytes:
    """JSON, also of half surrogates, which it can carry and UTF-8 cannot."""
    try:
        return msgspec.json.encode(value)
    except UnicodeEncodeError:
        return json.dumps(value).encode()


def _string(value: str, change: Change, name: str) -> str:
    if len(value) < _SHORTEST or (_DATA.match(value) and value.isascii() and " " not in value):
        return value  # a data URL; words that only begin like one are words
    return nested(value, change, name) if name in _NESTED else change(value, name)


def _name(name: str, change: Change) -> str:
    schema = name.isascii() and name.islower() and name.replace("_", "").isalpha()
    return name if schema else _string(name, change, "")
