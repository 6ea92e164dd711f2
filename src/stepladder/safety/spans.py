"""Spans of a text: joined where they overlap, and replaced by what may be shown instead."""

from collections.abc import Iterable

from stepladder.core import Span


def joined(spans: Iterable[Span]) -> list[Span]:
    """Return spans in order, overlapping ones as one that keeps the kind of the longest."""
    found: list[Span] = []
    for span in sorted(spans, key=lambda one: (one.start, -one.end)):
        if found and span.start < found[-1].end:
            last = found[-1]
            kind = max((last, span), key=lambda one: one.end - one.start).kind
            text = last.text + span.text[max(0, last.end - span.start) :]
            found[-1] = Span(last.start, max(last.end, span.end), kind, text)
        else:
            found.append(span)
    return found


def mask(text: str, spans: Iterable[Span]) -> str:
    """Return the text with every span as `[KIND]`."""
    parts, at = [], 0
    for span in joined(spans):
        parts += [text[at : span.start], f"[{span.kind.upper()}]"]
        at = span.end
    return "".join(parts) + text[at:]
