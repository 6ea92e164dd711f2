"""A document's text to passages: whole sentences, under their headings, tables in one piece where they fit.

A passage is an exact slice of the text, so a citation can point at it. Sizes count a Han character as three: that is
about what it is worth in Latin letters, and in an embedding model's tokens.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from stepladder.core import BadRequest
from stepladder.text import Span, sentences

_HAN = re.compile(r"[\u0e00-\u0eff\u3040-\u30ff\u3400-\u9fff\uac00-\ud7a3\uf900-\ufaff\U00020000-\U000323af]")
_HEADING = re.compile(r"(#{1,6})[ \t]+(.*?)[ \t#]*\Z", re.DOTALL)
_CLAUSE = re.compile(r"[，,；;：:、\s]")
_HAN_WORTH = 3


@dataclass(frozen=True, slots=True)
class Splitting:
    """How long a passage may be, and how much of the one before it may be repeated, in letters (Han count three)."""

    limit: int = 2000
    overlap: int = 150

    def __post_init__(self) -> None:
        if not 100 <= self.limit <= 20_000:
            raise BadRequest(f"limit is {self.limit}.", param="limit", remedy="Give 100 to 20000 letters.")
        if not 0 <= self.overlap <= self.limit // 2:
            raise BadRequest(
                f"overlap is {self.overlap}.", param="overlap", remedy="Give 0 to half the limit."
            )


@dataclass(frozen=True, slots=True)
class Piece:
    """``text[start:end]`` under `heading` (the headings above it, outermost first, joined by " > ")."""

    start: int
    end: int
    heading: str


def split(text: str, how: Splitting | None = None) -> list[Piece]:
    """Cut a text into pieces, in order. Only white space, headings without text, and nothing else is left out."""
    how = how or Splitting()
    pieces: list[Piece] = []
    headings: list[tuple[int, str]] = []
    block: list[Span] = []
    for span in _bounded(text, how.limit):
        title = _HEADING.match(text[span[0] : span[1]]) if text[span[0]] == "#" else None
        if title is None:
            block.append(span)
            continue
        pieces += _packed(text, block, how, headings)
        block = []
        headings = [*(known for known in headings if known[0] < len(title[1])), (len(title[1]), title[2])]
    pieces += _packed(text, block, how, headings)
    if not pieces and headings:  # nothing but headings: they are the text
        pieces.append(Piece(0, len(text.rstrip()), ""))
    return pieces


def size(text: str) -> int:
    """How long a text counts."""
    return len(text) + (_HAN_WORTH - 1) * len(_HAN.findall(text))


def _packed(text: str, spans: list[Span], how: Splitting, headings: list[tuple[int, str]]) -> list[Piece]:
    """Fill passages with sentences, each beginning with the last ones of the passage before it, if they are short."""
    heading = " > ".join(title for _, title in headings)
    pieces: list[Piece] = []
    held: list[tuple[Span, int]] = []
    fresh = False
    for span in spans:
        worth = size(text[span[0] : span[1]])
        if fresh and sum(item[1] for item in held) + worth > how.limit:
            pieces.append(Piece(held[0][0][0], held[-1][0][1], heading))
            held, fresh = _tail(held, min(how.overlap, how.limit - worth)), False
        held.append((span, worth))
        fresh = True
    if fresh:
        pieces.append(Piece(held[0][0][0], held[-1][0][1], heading))
    return pieces


def _tail(held: list[tuple[Span, int]], room: int) -> list[tuple[Span, int]]:
    kept: list[tuple[Span, int]] = []
    for item in reversed(held[1:]):
        room -= item[1]
        if room < 0:
            break
        kept.insert(0, item)
    return kept


def _bounded(text: str, limit: int) -> Iterator[Span]:
    """Sentences, tables as one each; what is over the limit is cut at its lines or clauses, else anywhere."""
    for begin, end in _tables_together(text, limit):
        start = begin
        while size(text[start : min(end, start + limit + 1)]) > limit:
            cut = _cut(text, start, end, limit)
            yield start, cut
            start = cut + len(text[cut:end]) - len(text[cut:end].lstrip())
        if start < end:
            yield start, end


def _tables_together(text: str, limit: int) -> Iterator[Span]:
    table: Span | None = None
    for start, end in sentences(text):
        row = text[start] == "|"
        if table is not None:
            if row and size(text[table[0] : end]) <= limit:
                table = (table[0], end)
                continue
            yield table
        table = (start, end) if row else None
        if not row:
            yield start, end
    if table is not None:
        yield table


def _cut(text: str, start: int, end: int, limit: int) -> int:
    """The last clause's end within the limit and beyond its half; without one, as much as fits."""
    room, at = limit, start
    half = end
    while at < end:
        room -= _HAN_WORTH if _HAN.match(text, at) else 1
        if room < 0:
            break
        at += 1
        if room * 2 <= limit and half == end:
            half = at
    clauses = [match.end() for match in _CLAUSE.finditer(text, half, at)]
    return max(clauses[-1] if clauses else at, start + 1)
