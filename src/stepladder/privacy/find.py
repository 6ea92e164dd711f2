"""Find personal data in a text: fold, run the recognisers whose sign is there, keep the best of what overlaps."""

import re
from bisect import bisect_left
from collections.abc import Callable, Collection, Iterable, Iterator

from stepladder.privacy import addresses, dates, networks, numbers, people, people_han, phones, plates
from stepladder.privacy.finding import Finding, Kind, Span
from stepladder.privacy.fold import fold

Recogniser = Callable[[str], Iterator[Span]]

_LONG_NUMBER = re.compile(r"[0-9](?:[ ()./:-]{0,2}[0-9]){5}")
_DOTTED = re.compile(r"[0-9]\.[0-9]{1,3}\.[0-9]")
_DIGIT = re.compile(r"[0-9]")
_SPELLED_SIGNS = ("[at]", "[At]", "[AT]", "(at)", "(At)", "(AT)", "[at)", "(at]")
_IDENTIFYING_SIGN = re.compile(r"[0-9@(\[:-]")
"""One of these is in whatever identifies: a digit, the marks of an address of e-mail, or those of one of a machine."""
_HEX_SIGN = re.compile(r"[:-][0-9A-Fa-f]{0,4}[:-]")
_HAN = re.compile("[\u4e00-\u9fff]")


def _has_mail_sign(text: str) -> bool:
    if "@" in text:
        return True
    return ("(" in text or "[" in text) and any(sign in text for sign in _SPELLED_SIGNS)


def _has_han(text: str) -> bool:
    return not text.isascii() and _HAN.search(text) is not None


def _has_date_sign(text: str) -> bool:
    return "生" in text or _DIGIT.search(text) is not None  # 一九九零年三月五日出生


# What a text must have for recognisers to be worth their scan.
_STAGES: tuple[tuple[Callable[[str], object], tuple[Recogniser, ...]], ...] = (
    (
        _LONG_NUMBER.search,
        (
            numbers.id_numbers,
            numbers.company_codes,
            numbers.cards,
            numbers.ssns,
            numbers.passports,
            numbers.accounts,
            phones.phones,
        ),
    ),
    (_has_mail_sign, (networks.emails, networks.urls)),
    (_DOTTED.search, (networks.addresses_v4,)),
    (_HEX_SIGN.search, (networks.addresses_by_colon, networks.addresses_by_dash)),
    (_DIGIT.search, (numbers.ibans, addresses.english, plates.announced)),
    (_has_date_sign, (dates.birth_dates,)),
    (_has_han, (plates.plates, addresses.chinese, people_han.people)),
    (bool, (people.people,)),
)
_WEAK = frozenset(
    {
        networks.urls, networks.addresses_v4, dates.birth_dates, addresses.english, addresses.chinese,
        people_han.people, people.people,
    }
)  # fmt: skip
_IDENTIFYING = tuple(
    (present, strong)
    for present, recognisers in _STAGES
    if (strong := tuple(recogniser for recogniser in recognisers if recogniser not in _WEAK))
)


def find(text: str, kinds: Collection[Kind | str] | None = None, *, context: str = "") -> list[Finding]:
    """Return the personal data in ``text``, sorted, none overlapping another.

    ``kinds``: only these (all of them by default). ``context``: what the text is said to be where that stands outside of
    it, such as a column's or a field's name ("phone", "护照号"); it is read as if it stood before the text.
    Raises ValueError for a kind that does not exist.
    """
    wanted = frozenset(Kind) if kinds is None else frozenset(Kind(kind) for kind in kinds)
    lead = f"{context}: " if context else ""
    plain = fold(lead + text)
    skip = len(lead)
    return [
        Finding(
            span.start - skip,
            span.end - skip,
            span.kind,
            text[span.start - skip : span.end - skip],
            span.score,
        )
        for span in _settle(_spans(plain))
        if span.kind in wanted and span.start >= skip
    ]


def identifies(text: str) -> bool:
    """Whether something in ``text`` may name one person by itself: a number, an address of e-mail, a plate; quickly."""
    plain = fold(text)
    if _IDENTIFYING_SIGN.search(plain) is None:
        return False
    return any(
        True
        for present, recognisers in _IDENTIFYING
        if present(plain)
        for recogniser in recognisers
        for _ in recogniser(plain)
    )


def _spans(plain: str) -> Iterator[Span]:
    """Yield every recogniser's candidates. All kinds run even if few are wanted: a card is not half a telephone."""
    for present, recognisers in _STAGES:
        if present(plain):
            for recogniser in recognisers:
                yield from recogniser(plain)


def _settle(spans: Iterable[Span]) -> list[Span]:
    """Keep the surest of overlapping spans, the longest of equally sure ones; return them in the order of the text."""
    kept: list[Span] = []
    for span in sorted(spans, key=lambda span: (-span.score, span.start - span.end, span.start)):
        at = bisect_left(kept, span.start, key=lambda one: one.start)
        free_left = at == 0 or kept[at - 1].end <= span.start
        free_right = at == len(kept) or span.end <= kept[at].start
        if free_left and free_right:
            kept.insert(at, span)
    return kept
