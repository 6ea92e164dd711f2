"""Window guards on a stream: nothing leaves that they have not cleared, and no more is held back than a match is long.

Every choice, field and tool call of a stream has a buffer of its own, because pieces of different ones alternate and a
match must not be put together from two, nor torn in two by a third. What was let go stays as context, so that a word's
left neighbour is known. A match that touches the end may still grow: it is held as a whole.
"""

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from stepladder.core import Action, Blocked, Guard, Side
from stepladder.safety.chain import Chain

HOLD = 64
"""Characters held back at most while nothing is found."""
_CONTEXT = 64
_LONGEST = 16_384  # of one match that goes on and on (a private key); what is longer is blocked


class Replaced(NamedTuple):
    """A piece of a text, `text[start:end]`, and what stands in its place; only asked for once the piece is settled."""

    start: int
    end: int
    instead: Callable[[str], str]


@dataclass(slots=True)
class _Buffer:
    context: str = ""
    pending: str = ""


@dataclass(slots=True)
class Windows:
    """The buffers. `judge` says what is to be replaced in a text, in order, and raises where nothing more may leave.

    `tail` says how many characters of a text's end may be the beginning of a match, and so are held back.
    """

    judge: Callable[[str], Sequence[Replaced]]
    tail: Callable[[str], int]
    _buffers: dict[Hashable, _Buffer] = field(default_factory=dict)

    def feed(self, key: Hashable, text: str) -> str:
        """Take a piece of the text `key` = (choice, field, tool call); return what may leave now."""
        buffer = self._buffers.setdefault(key, _Buffer())
        buffer.pending += text
        return self._release(buffer, len(buffer.pending) - self.tail(buffer.context + buffer.pending))

    def remember(self, key: Hashable, left: str) -> None:
        """Know what has left of the text `key` already, unwatched: it is the context of what comes."""
        self._buffers[key] = _Buffer(left[-_CONTEXT:])

    def finish(self, key: Hashable) -> str:
        """End the text `key`; return what is left of it."""
        buffer = self._buffers.pop(key, _Buffer())
        return self._release(buffer, len(buffer.pending), last=True)

    def finish_all(self) -> dict[Hashable, str]:
        """End every text; return what is left of each."""
        return {key: self.finish(key) for key in list(self._buffers)}

    def open(self) -> list[Hashable]:
        """The texts that have begun and not ended."""
        return list(self._buffers)

    def _release(self, buffer: _Buffer, until: int, *, last: bool = False) -> str:
        if until <= 0:
            return ""
        offset = len(buffer.context)
        whole = buffer.context + buffer.pending
        found = self.judge(whole)
        until = until if last else _before_open(found, offset + until, len(whole)) - offset
        if len(buffer.pending) - until > _LONGEST:
            raise Blocked("A guard stopped the answer (a match without an end).", categories=("endless",))
        if until <= 0:
            return ""
        passed = _replaced(whole, found, offset, offset + until)
        buffer.context = whole[: offset + until][-_CONTEXT:]
        buffer.pending = whole[offset + until :]
        return passed


class StreamGuard(Windows):
    """Feeds what comes through the window guards of `guards`; the others judge whole texts and are not asked here.

    `feed` and `finish` raise Blocked when a guard blocks or holds: then nothing more of the stream may leave.
    """

    def __init__(self, guards: Sequence[Guard], side: Side = Side.OUT) -> None:
        self._side = side
        self._chain = Chain(tuple(guard for guard in guards if guard.window is not None))
        watching = [guard for guard in self._chain.guards if guard.side.covers(side)]
        self.hold = max((guard.window or 0 for guard in watching), default=0)
        super().__init__(self._verdict, tail_of(watching))

    def _verdict(self, text: str) -> list[Replaced]:
        verdict = self._chain.check(text, self._side)
        if verdict.action in (Action.BLOCK, Action.HOLD):
            raise Blocked(
                f"A guard stopped the answer ({', '.join(verdict.categories)}).",
                categories=verdict.categories,
            )
        if verdict.action is not Action.REDACT:
            return []
        return [Replaced(span.start, span.end, _kind(span.kind)) for span in verdict.spans]


def tail_of(guards: Sequence[Guard]) -> Callable[[str], int]:
    """How much of a text's end several guards hold back: what each says by its `tail`, or else its whole window."""
    fixed = max((guard.window or 0 for guard in guards if not hasattr(guard, "tail")), default=0)
    telling: list[Callable[[str], int]] = [guard.tail for guard in guards if hasattr(guard, "tail")]
    if fixed or not telling:
        windows = max((guard.window or 0 for guard in guards), default=0)
        return lambda text: windows
    return lambda text: max(tail(text) for tail in telling)


def _kind(kind: str) -> Callable[[str], str]:
    return lambda text: f"[{kind.upper()}]"


def _before_open(found: Sequence[Replaced], until: int, end: int) -> int:
    """Move `until` before a piece that it would cut, or that touches the end and may grow."""
    for one in reversed(found):
        if one.start < until and (one.end > until or one.end == end):
            until = one.start
    return until


def _replaced(whole: str, found: Sequence[Replaced], start: int, end: int) -> str:
    """Return `whole[start:end]` with what stands in the place of its pieces; the rest of one that began before is left out."""
    parts, at = [], start
    for one in found:
        if one.end <= start or one.start >= end:
            continue
        if one.start >= start:
            parts += [whole[at : one.start], one.instead(whole[one.start : one.end])]
        at = one.end
    return "".join(parts) + whole[at:end]
