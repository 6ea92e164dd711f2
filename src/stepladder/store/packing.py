"""Words in a text column, packed small where they are long and sealed where that is wanted: read back as they were."""

import base64
import zlib
from collections.abc import Callable
from typing import Any
from weakref import WeakKeyDictionary

from sqlalchemy import Text
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeDecorator

MARK = "\x1ez:"
"""What a packed text begins with. A text of somebody's that begins so is packed as well, so that there is no doubt."""
SIGN = MARK[0]
_openers: WeakKeyDictionary[Dialect, Callable[[str], str]] = WeakKeyDictionary()


def unseal_with(dialect: Dialect, unseal: Callable[[str], str]) -> None:
    """From here on what a database's columns hold sealed is opened so. Each engine has a dialect of its own."""
    _openers[dialect] = unseal


def packed(text: str, over: int) -> str:
    """The text, or where it has more than `over` characters and it pays, zlib in base 85."""
    doubt = text.startswith(SIGN)
    if len(text) <= over and not doubt:
        return text
    small = MARK + base64.b85encode(zlib.compress(text.encode(), 6)).decode()
    return small if doubt or len(small) < len(text) else text


def unpacked(text: str) -> str:
    """The text as it was."""
    if not text.startswith(MARK):
        return text
    return zlib.decompress(base64.b85decode(text[len(MARK) :])).decode()


class PackedText(TypeDecorator[str]):
    """A text column whose values may be packed and sealed. Writing does neither: `payload` does."""

    impl = Text
    cache_ok = True

    def process_result_value(self, value: Any, dialect: Any) -> Any:
        """What was written."""
        if not isinstance(value, str) or not value.startswith(SIGN):
            return value
        if not value.startswith(MARK):
            opener = _openers.get(dialect)
            value = opener(value) if opener is not None else value
        return unpacked(value)
