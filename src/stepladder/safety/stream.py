"""Window guards on a stream: nothing leaves that they have not cleared, and no more is held back than a match is long.

Every choice, field and tool call of a stream has a buffer of its own, because pieces of different ones alternate and a
match must not be put together from two, nor torn in two by a third. What was let go stays as context, so that a word's
left neighbour is known. A match that touches the end may still grow: it is held as a whole.
"""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field

from stepladder.core import Action, Blocked, Guard, Side, Span
from stepladder.safety.chain import Chain

HOLD = 64
"""Characters held back at most while nothing is found."""
_CONTEXT = 64
_LONGEST = 16_384  # of one match that goes on and on (a private key); what is longer is blocked


@dataclass(slots=True)
class _Buffer:
    context: str = ""
    pending: str = ""


@dataclass(slots=True)
class StreamGuard:
    """Feeds what comes through the window guards of `guards`; the others judge whole texts and are not asked here."""

    guards: Sequence[Guard]
    side: Side = Side.OUT
    _chain: Chain = field(init=False)
    _buffers: dict[Hashable, _Buffer] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._chain = Chain(tuple(guard for guard in self.guards if guard.window is not None))

    @property
    def hold(self) -> int:
        """How many characters are held back while nothing is found: the longest window."""
        return max(
            (guard.window or 0 for guard in self._chain.guards if guard.side.covers(self.side)), default=0
        )

    def feed(self, key: Hashable, text: str) -> str:
        """Take a piece of the text `key` = (choice, field, tool call); return what may leave now.

        Raises Blocked when a guard blocks or holds: then nothing more of the stream may leave.
        """
        buffer = self._buffers.setdefault(key, _Buffer())
        buffer.pending += text
        return self._release(buffer, len(buffer.pending) - self.hold)

    def finish(self, key: Hashable) -> str:
        """End the text `key`; return what is left of it. Raises Blocked."""
        buffer = self._buffers.pop(key, _Buffer())
        return self._release(buffer, len(buffer.pending), last=True)

    def finish_all(self) -> dict[Hashable, str]:
        """End every text; return what is left of each."""
        return {key: self.finish(key) for key in list(self._buffers)}

    def _release(self, buffer: _Buffer, until: int, *, last: bool = False) -> str:
        if until <= 0:
            return ""
        offset = len(buffer.context)
        whole = buffer.context + buffer.pending
        verdict = self._chain.check(whole, self.side)
        if verdict.action in (Action.BLOCK, Action.HOLD):
            raise Blocked(
                f"A guard stopped the answer ({', '.join(verdict.categories)}).",
                categories=verdict.categories,
            )
        spans = verdict.spans if verdict.action is Action.REDACT else ()
        until = until if last else _before_open(spans, offset + until, len(whole)) - offset
        if len(buffer.pending) - until > _LONGEST:
            raise Blocked("A guard stopped the answer (a match without an end).", categories=("endless",))
        if until <= 0:
            return ""
        passed = _redacted(whole, spans, offset, offset + until)
        buffer.context = whole[: offset + until][-_CONTEXT:]
        buffer.pending = whole[offset + until :]
        return passed


def _before_open(spans: Sequence[Span], until: int, end: int) -> int:
    """Move `until` before a span that it would cut, or that touches the end and may grow."""
    for span in reversed(spans):
        if span.start < until and (span.end > until or span.end == end):
            until = span.start
    return until


def _redacted(whole: str, spans: Sequence[Span], start: int, end: int) -> str:
    """Return `whole[start:end]` with its spans as their kinds; of a span that began before, the rest is left out."""
    parts, at = [], start
    for span in spans:
        if span.end <= start or span.start >= end:
            continue
        if span.start >= start:
            parts += [whole[at : span.start], f"[{span.kind.upper()}]"]
        at = span.end
    return "".join(parts) + whole[at:end]
