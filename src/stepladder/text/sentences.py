"""Where sentences end, in Chinese and English alike (and in scripts that use either's punctuation).

One scan from left to right over the places where a sentence may end; no model, no list of words but the abbreviations
after which a full stop ends nothing.
"""

import re

Span = tuple[int, int]

_ABBREVIATED = (
    "mr mrs ms dr prof rev gen sen rep gov capt lt col sgt hon st jr sr vs etc eg ie cf al fig figs eq eqs ref refs "
    "nos vol vols pp ed eds ch sec secs dept univ inc ltd co corp bros approx ca est min max jan feb mar apr jun "
    "jul aug sep sept oct nov dec mon tue wed thu fri sat sun"
)
_ABBREVIATIONS = frozenset(_ABBREVIATED.split())
_CLOSERS = "\"'”’」』》】〉）)]}»"
_OPENERS = "\"'“‘(（[ \t\n"
_HAN_ENDS = "。！？｡…"
_CJK = re.compile(r"[\u2e80-\u303f\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff\uff00-\uffef\U00020000-\U0003ffff]")
_END = re.compile(r"[。！？｡]|…+|[.!?]+|\n+|；")
_MARKER = re.compile(
    r"[ \t]*(?:[-*+•·]\s|\d{1,3}[.)、]|[（(]?[一二三四五六七八九十]{1,3}[)）、]|#{1,6} |\||>)"
)
_WORD = re.compile(r"[^\W\d_]+(?:\.[^\W\d_]+)*\Z")
_LONGEST_WORD = 30


def sentences(text: str) -> list[Span]:
    """Return (start, end) of every sentence, in order; white space around sentences belongs to none.

    Nothing but white space is left out: joined with the gaps between them, the spans are the text.
    """
    spans: list[Span] = []
    start, at = 0, 0
    while (found := _END.search(text, at)) is not None:
        at = _with_closers(text, found.end()) if not found[0].startswith("\n") else found.end()
        if _ends_here(text, found, at):
            _add(spans, text, start, at)
            start = at
    _add(spans, text, start, len(text))
    return spans


def _add(spans: list[Span], text: str, start: int, end: int) -> None:
    piece = text[start:end]
    left = len(piece) - len(piece.lstrip())
    if left < len(piece):
        spans.append((start + left, start + len(piece.rstrip())))


def _with_closers(text: str, end: int) -> int:
    """Quotes and brackets that close right after the mark, and repeated marks (？！), belong to the sentence."""
    while end < len(text) and text[end] in _CLOSERS + _HAN_ENDS + "!?":
        end += 1
    return end


def _ends_here(text: str, found: re.Match[str], end: int) -> bool:
    mark = found[0]
    if mark.startswith("\n"):
        return _line_ends(text, found)
    following = text[end : end + 40].lstrip(_OPENERS)
    goes_on = bool(following) and following[0].islower()
    if mark[0] in "。！？｡；":
        return True
    if mark[0] == "…":
        return not goes_on and text[end : end + 1] not in ("，", "、", ",", "：", ":")
    if end < len(text) and not text[end].isspace() and not _CJK.match(text[end]):
        return False  # 3.14, example.com, e.g.
    if goes_on:  # Tokenised text has a blank before a full stop, and often no capitals.
        return mark == "." and text[found.start() - 1 : found.start()].isspace()
    return mark != "." or not _abbreviates(text, found.start(), following)


def _line_ends(text: str, found: re.Match[str]) -> bool:
    """Whether a line break ends a sentence: an empty line, a list, a table, or a script that does not wrap at words."""
    if len(found[0]) > 1 or found.end() >= len(text):
        return True
    line = text[text.rfind("\n", 0, found.start()) + 1 : found.start()]
    if not line.strip() or _MARKER.match(text, found.end()) or line.lstrip().startswith(("#", "|")):
        return True
    after = text[found.end() : found.end() + 40].lstrip(" \t　")
    return bool(not after.strip() or _CJK.match(line.rstrip()[-1]) or _CJK.match(after[0]))


def _abbreviates(text: str, stop: int, following: str) -> bool:
    """Whether the full stop at `stop` belongs to an abbreviation, an initial or a list's number."""
    word = _WORD.search(text, max(0, stop - _LONGEST_WORD), stop)
    if word is None:
        line = text[text.rfind("\n", 0, stop) + 1 : stop].strip()
        return line.isdigit() and len(line) <= 3
    if len(word[0]) == 1 and word[0].isupper():
        return bool(following) and following[0].isupper()  # J. K. Rowling
    return word[0].replace(".", "").casefold() in _ABBREVIATIONS
