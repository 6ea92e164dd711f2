"""Chinese licence plates (GA 36-2018): petrol, new energy, police, trailers, Hong Kong and Macau, embassies."""

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


def plates(text: str) -> Iterator[Span]:
    """Licence plates; at least two of the signs are digits, or it is a word in capitals."""
    for match in _PLATE.finditer(text):
        if sum(map(str.isdigit, match[0])) >= 2:
            yield Span(match.start(), match.end(), Kind.PLATE, 0.95)
