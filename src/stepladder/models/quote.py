"""What may be repeated of an upstream's own words: short, without secrets, and without the words of who asked."""

import re
from collections.abc import Iterable, Iterator
from typing import Any

import msgspec

from stepladder.models.estimate import SAYING, strings

_MOST = 200
_LARGEST_BODY = 1 << 18
_ECHO = 10
_WIDE_ECHO = 4
"""So many characters in a row that stand in the question too are the question's; fewer where they are not ASCII."""
_SECRET = re.compile(
    r"""(?i)\bbearer\s+\S+|\b(?:sk|pk|rk|key|xox[a-z])[-_][\w*.-]{6,}|\bAIza[\w-]{10,}|\beyJ[\w.-]{16,}
    |\b(?=[\w+/=-]*\d)(?=[\w+/=-]*[a-z])[\w+/-]{24,}={0,2}|(?<=://)[^\s/@]+@""",
    re.VERBOSE,
)
_GAP = "…"


def quoted(error: Any, secrets: Iterable[str], body: bytes) -> str:
    """The message of an `error` object (or the string it is), fit for logs and callers; "" where nothing is left.

    `body` is the request that it answers: what the message repeats of it is cut out, and so is all that looks like a
    key. Where one of `secrets` (or the beginning of one) stands in it, nothing of it is repeated.
    """
    message = error.get("message") if isinstance(error, dict) else error
    if not isinstance(message, str) or not message or len(body) > _LARGEST_BODY:
        return ""
    if any(secret[:8] in message for secret in secrets if secret):
        return ""
    shown = _SECRET.sub(_GAP, " ".join(message[: 4 * _MOST].split()))
    shown = _without_echo(shown, "\n".join(_words(body)))
    return shown if len(shown) <= _MOST else shown[: _MOST - 1] + _GAP


def _without_echo(message: str, said: str) -> str:
    """The message without every run of characters that is in `said` and long enough to be from there."""
    said = " ".join(said.split())
    hidden = [False] * len(message)
    for size, meant in ((_ECHO, str.isascii), (_WIDE_ECHO, lambda run: not run.isascii())):
        for at in range(len(message) - size + 1):
            run = message[at : at + size]
            if meant(run) and run in said:
                hidden[at : at + size] = [True] * size
    shown = "".join("\0" if hide else letter for letter, hide in zip(message, hidden, strict=True))
    return re.sub("\0+", _GAP, shown)


def _words(body: bytes) -> Iterator[str]:
    """What a request says, and nothing of its settings."""
    try:
        value = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return
    if isinstance(value, dict):
        yield from strings([value[key] for key in SAYING if key in value])
