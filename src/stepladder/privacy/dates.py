"""Dates of birth: a date is one only where the words around it say so, so the search starts from those words."""

import re
from collections.abc import Iterator

from stepladder.privacy.finding import Kind, Span

_MONTH = (
    r"(?:Jan(?:uary)?|Feb(?:ruary)?|Mar(?:ch)?|Apr(?:il)?|May|June?|July?|Aug(?:ust)?|Sept?(?:ember)?|"
    r"Oct(?:ober)?|Nov(?:ember)?|Dec(?:ember)?)\.?"
)
_DATE = re.compile(
    r"(?<![0-9A-Za-z])(?:(?:1[89]|20)[0-9]{2} ?[-/.年] ?[0-9]{1,2} ?[-/.月] ?[0-9]{1,2}(?: ?[日号])?"
    r"|[0-9]{1,2}[-/.][0-9]{1,2}[-/.](?:(?:1[89]|20)[0-9]{2}|[0-9]{2})"
    rf"|{_MONTH} [0-9]{{1,2}}(?:st|nd|rd|th)?,? (?:1[89]|20)[0-9]{{2}}"
    rf"|[0-9]{{1,2}}(?:st|nd|rd|th)?(?: of)?[ -]{_MONTH},?[ -](?:1[89]|20)[0-9]{{2}}"
    r"|(?:1[89]|20)[0-9]{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12][0-9]|3[01])"
    rf"|(?:1[89]|20)[0-9]{{2}} ?年 ?[0-9]{{1,2}} ?月(?! ?[0-9])|{_MONTH},? (?:1[89]|20)[0-9]{{2}}"
    r"|[一二][一二三四五六七八九〇○零]{3}年[一二三四五六七八九十]{1,2}月[一二三四五六七八九十]{1,3}[日号])(?![0-9A-Za-z])",
    re.IGNORECASE,
)
_WORD = re.compile(
    r"[bBdD出生诞](?:orn(?![A-Za-z])|ORN(?![A-Za-z])|irth|IRTH|-day|\.?[oO]\.?[bB](?![A-Za-z])|(?<=出)生|(?<=生)[日于辰]|(?<=生)人|(?<=诞)[生辰]|(?<=生),)"
)
_REACH = 32  # characters between the word and its date
_ELSEWHERE = re.compile(
    r"[.。;；!！?？](?! ?(?:[Ii]t|[Mm]ine|[Tt]hat|[0-9]))|\b(?:founded|joined|died|due)\b|去世|成立|入职"
)


def birth_dates(text: str) -> Iterator[Span]:
    """Dates after "born", "date of birth", "出生日期", "生于", and before "出生" or "生"."""
    for word in _WORD.finditer(text):
        after = _DATE.search(text, word.end(), word.end() + _REACH + 20)
        if (
            after
            and word[0] not in ("生人", "生,")  # 1990年3月7日生人: only a date before it
            and after.start() - word.end() <= _REACH
            and not _ELSEWHERE.search(text, word.end(), after.start())
        ):
            yield Span(after.start(), after.end(), Kind.BIRTH_DATE, 0.95)
        if word[0][0] not in "出生":
            continue
        # 1990年3月7日出生
        for date in _DATE.finditer(text, max(0, word.start() - 16), word.start()):
            if word.start() - date.end() <= 1:
                yield Span(date.start(), date.end(), Kind.BIRTH_DATE, 0.95)
