"""Telephone numbers: forms that no other number has, and plain groups of digits where a telephone is spoken of."""

import re
from collections.abc import Iterator

from stepladder.privacy import context
from stepladder.privacy.finding import Kind, Span

_EXTENSION = r"(?:[ ,]{0,2}(?:x|ext\.?|extension|转|分机)[ :]?[0-9]{1,6})?"
_EDGE = r"(?<![0-9A-Za-z_.+/=-].)"
_AFTER = r"(?![0-9A-Za-z_]|[.-][0-9])"
_SURE = re.compile(
    r"[+(0-9]" + _EDGE + r"(?:"
    r"(?<=\+)(?:[ ]?\(?[1-9](?:[ ()./-]{0,2}[0-9]){6,14})"
    r"|(?<=0)0[1-9](?:[ ()./-]{0,2}[0-9]){8,13}"
    r"|(?:(?<=8)6[ -]?1|(?<=\()\+?86\)[ -]?1|(?<=1))[3-9][0-9][ -]?[0-9]{4}[ -]?[0-9]{4}"
    r"|(?:(?<=\()0|(?<=0))(?:10|2[0-9]|[3-9][0-9]{2})(?:\)[ -]?|[ -]?)[2-9][0-9]{2,3}[ -]?[0-9]{4}(?:-[0-9]{1,5})?"
    r"|(?<=[48])00[ -]?[0-9]{3}[ -]?[0-9]{4}"
    r"|(?:(?<=1)[ .-]?\(?[2-9]|(?<=\()[2-9]|(?<=[2-9]))[0-9]{2}(?:\) ?|[ .-])[0-9]{3}[ .-]?[0-9]{4}"
    r")" + _EXTENSION + _AFTER
)
_GROUPED = re.compile(
    r"[(0-9]"
    + _EDGE
    + r"(?:(?<=\()[0-9]{2,5}\)[ ]?[0-9]{2,}|[0-9]{0,12})(?:[ ./-][0-9]{2,7}){0,5}"
    + _EXTENSION
    + _AFTER
)
_NOT_PHONE = re.compile(
    r"(?:19|20)[0-9]{2}[ ./-][01]?[0-9][ ./-][0-3]?[0-9]\b"
    r"|[0-3]?[0-9][./-][0-3]?[0-9][./-](?:19|20)?[0-9]{2}$"
    r"|(?:19|20)[0-9]{2}[ -](?:19|20)[0-9]{2}$|[0-9]{3}-[0-9]{2}-[0-9]{4}$"
)
_EXTENSION_START = re.compile(r"[xe转分]")


def phones(text: str) -> Iterator[Span]:
    """Telephone numbers, international or national, with their extension."""
    for match in _SURE.finditer(text):
        if context.phone(text, match.start(), match.end()):
            yield Span(match.start(), match.end(), Kind.PHONE, 0.95)
        elif (
            not context.card(text, match.start(), match.end())
            and not context.not_personal(text, match.start())
            and not _NOT_PHONE.match(match[0])
        ):
            yield Span(match.start(), match.end(), Kind.PHONE, 0.8)
    for match in _GROUPED.finditer(text):
        score = _grouped(text, match)
        if score:
            yield Span(match.start(), match.end(), Kind.PHONE, score)


def _grouped(text: str, match: re.Match[str]) -> float:
    """Return how sure it is that groups of digits are a national number; 0 where they are not."""
    number = _EXTENSION_START.split(match[0], maxsplit=1)[0]
    digits = sum(map(str.isdigit, number))
    if not 7 <= digits <= 13 or _NOT_PHONE.match(match[0]):
        return 0.0
    if context.phone(text, match.start(), match.end()):
        return 0.95
    groups = len(re.findall(r"[0-9]+", number))
    trunk = match[0].lstrip("(").startswith("0") and digits >= 9
    return 0.6 if trunk and groups >= 3 and not context.not_personal(text, match.start()) else 0.0
