"""Where a piece of text stands in words of its own: "refund" is not in "refundable", nor C in C#; Chinese has no such ends."""

import re

LETTERS = r"[^\W_\u2e80-\u9fff\uf900-\U0010ffff]"
"""Letters and digits of scripts that write blanks between words, which Chinese and Japanese do not."""
_LETTER = re.compile(LETTERS)
_SIGNS = ("#", "++")  # C is not in C# or C++


def find_whole(text: str, piece: str, at: int = 0) -> int:
    """Where a piece next stands in words of its own, -1 if nowhere."""
    found = text.find(piece, at)
    while found >= 0 and not is_whole(text, found, found + len(piece)):
        found = text.find(piece, found + 1)
    return found


def is_whole(text: str, start: int, end: int) -> bool:
    """Whether no word of letters is cut at either end of ``text[start:end]``."""
    return not (_joined(text, start) or _joined(text, end))


def _joined(text: str, at: int) -> bool:
    if not (0 < at < len(text) and _LETTER.match(text[at - 1])):
        return False
    return bool(_LETTER.match(text[at])) or text.startswith(_SIGNS, at)
