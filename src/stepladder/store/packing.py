"""Long texts packed small, in a text column: read back by every query as they were."""

import base64
import zlib
from typing import Any

from sqlalchemy import Text
from sqlalchemy.types import TypeDecorator

MARK = "\x1ez:"
"""What a packed text begins with. A text of somebody's that begins with it is packed as well, so that there is no doubt."""


def packed(text: str, over: int) -> str:
    """The text, or where it has more than `over` characters and it pays, zlib in base 85."""
    doubt = text.startswith(MARK)
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
    """A text column whose values may be packed. Writing does not pack: the ledger does, in its own thread."""

    impl = Text
    cache_ok = True

    def process_result_value(self, value: Any, dialect: Any) -> Any:
        """What was written."""
        return unpacked(value) if isinstance(value, str) else value
