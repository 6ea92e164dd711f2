"""Licence plates: Chinese ones by their form (GA 36-2018: petrol, new energy, police, trailers, Hong Kong and Macau,
embassies), others where they are announced, since their forms are as many as their states."""

import re
from collections.abc import Iterator

from stepladder.privacy.finding import Kind, Span

_PLATE = re.compile(
    r"[京津沪渝冀豫云辽黑湘皖鲁新苏浙赣鄂桂甘晋蒙陕吉闽贵粤青藏川宁琼使领]"
    r"(?:[A-HJ-Z][·•・. -]?(?:[DF][A-HJ-NP-Z0-9][0-9]{4}|[0-9]{5}[DF]|[A-HJ-NP-Z0-9]{4}[A-HJ-NP-Z0-9学警港澳挂])"
    r"|(?<=[使领])[0-9]{6})"
    r"(?![A-Za-z0-9])",
    re.IGNORECASE,
)


_ANNOUNCED = re.compile(
    r"[lLnNrRvVpP](?:(?:icen[cs]e|umber) [pP]lates?|egistration (?:[nN]umber|[mM]ark|[pP]late)s?"
    r"|ehicle reg(?:istration)?|lates?)"
    r"(?![A-Za-z])(?: (?:[nN]umber|[nN]o\.?))?[ \t]{0,2}(?:is|was|reads?|of|[:#=])?[ \t\"']{0,2}"
)
_SIGNS = ("late", "egistration", "ehicle reg")  # a hundred times as quick to look for as the pattern
_ELSEWHERE = re.compile(r"[A-Z0-9]{1,4}(?:[ -]?[A-Z0-9]{1,4}){0,2}(?![A-Za-z0-9])")


def announced(text: str) -> Iterator[Span]:
    """Plates of other countries after "licence plate", "registration number" and the like; both letters and digits."""
    if not any(sign in text for sign in _SIGNS):
        return
    for word in _ANNOUNCED.finditer(text):
        plate = _ELSEWHERE.match(text, word.end())
        if (
            plate
            and 4 <= len(plate[0]) <= 10
            and any(map(str.isdigit, plate[0]))
            and any(map(str.isalpha, plate[0]))
        ):
            yield Span(plate.start(), plate.end(), Kind.PLATE, 0.9)


def plates(text: str) -> Iterator[Span]:
    """Licence plates; at least two of the signs are digits, or it is a word in capitals."""
    for match in _PLATE.finditer(text):
        if sum(map(str.isdigit, match[0])) >= 2:
            yield Span(match.start(), match.end(), Kind.PLATE, 0.95)
