"""An answer that only guards on rare things watch: it goes by untouched until such a thing may be in it.

A stream is not even opened for that. A piece whose words end in digits waits for the next one; from the first in which a
number may stand, everything that comes is cleared as any other answer (`clear_chunks`, `clear_body`).
"""

import re
from collections.abc import AsyncGenerator, AsyncIterator, Sequence

from stepladder.core import Part, Piece
from stepladder.models import written
from stepladder.safety.answers import Instead
from stepladder.safety.numbers import NumbersGuard, begins, may_hold
from stepladder.safety.outgoing import Outgoing
from stepladder.safety.pieces import clear_body, clear_chunks

Parts = AsyncGenerator[Part | Piece]
_OTHER = re.compile(rb'"index":\s*[1-9]')
_SAID = re.compile(
    r'"(?:content|text|reasoning_content|reasoning|refusal|arguments|name|transcript)":\s*"(?:[^"\\\d]|\\.)*+\d'
    r'|"arguments":\s*[^"\s]'
)
_ESCAPED = re.compile(r"\\u([0-9a-fA-F]{4})")
_HALVES = range(0xD800, 0xD83C)  # first halves of a pair: of rare scripts and their digits, not of emoji
_MANY = re.compile(
    rb"[0-9](?:(?:[ -]|\xc2\xa0|\xe2[\x80\x88][\x80-\xbf]|\xe3\x80\x80|\xef\xb9\xa3)?[0-9]){11}"
)
_WIDE = re.compile(rb"\xef\xbc[\x90-\x99]|[\xd9-\xdf]|\xe0")  # digits of other scripts begin so


def only_rare(out: Outgoing) -> bool:
    """Whether nothing watches this answer but guards that `lazily` and `lazily_whole` know, and none that stops it."""
    return not out.wholes and all(
        isinstance(ruling.guard, NumbersGuard)
        and ruling.guard.redacts
        and ruling.table.action is None
        and not ruling.table.categories
        for ruling in out.windows
    )


async def lazily_whole(out: Outgoing, parts: Parts, instead: Instead) -> Parts:
    """Whole bodies; one is opened where its bytes may hold a number."""
    async for part in parts:
        if isinstance(part, Piece) and part.data and _may_hold(part.data):
            async for cleared in clear_body(out, _chained([part], None), instead):
                yield cleared
        else:
            if isinstance(part, Piece) and part.last:
                await out.observe(written(part.text, part.calls))
            yield part


def _may_hold(data: bytes) -> bool:
    """Whether a number may stand in a body, of whichever choice, however it is written."""
    if b"\\u" in data or _MANY.search(data) is not None:
        return True
    return not data.isascii() and _WIDE.search(data) is not None


async def lazily(out: Outgoing, parts: Parts, instead: Instead) -> Parts:
    """The pieces as they came; cleared from the first in which a number may stand."""
    held, gone, calls = list[Piece](), "", list[bytes]()
    async for part in parts:
        if not isinstance(part, Piece) or part.idle:
            yield part
            continue
        held.append(part)
        said = "".join(one.text for one in held)
        if _suspect(part, said):
            break
        calls += part.calls
        if await _may_leave(out, part, gone + said, calls):
            for one in held:
                yield one
            held, gone = [], gone + said
    else:
        return
    for name in ("content", "text"):
        out.streamed.remember((0, name), gone)
    async for cleared in clear_chunks(out, _chained(held, parts), instead, gone):
        yield cleared


async def _may_leave(out: Outgoing, part: Piece, seen: str, calls: Sequence[bytes]) -> bool:
    """Whether what has come by this piece holds no number's beginning; at the end those who only look see all of it."""
    if part.last:
        await out.observe(written(seen, calls) if calls else seen)
    return part.last or not begins(seen)


def _suspect(part: Piece, said: str) -> bool:
    """Whether a number may stand in the first choice's words, or a digit in anything else that this piece says."""
    if may_hold(said):
        return True
    if not (part.unsaid or part.calls or _OTHER.search(part.data)):
        return False
    return _SAID.search(_ESCAPED.sub(_digit_or_not, part.data.decode("utf-8", "replace"))) is not None


def _digit_or_not(escape: re.Match[str]) -> str:
    """What is written as an escape, as far as it matters here: a quotation mark, say, would end the string."""
    code = int(escape[1], 16)
    return "0" if chr(code).isdecimal() or code in _HALVES else "x"


async def _chained(first: Sequence[Piece], rest: AsyncIterator[Part | Piece] | None) -> Parts:
    for part in first:
        yield part
    if rest is not None:
        async for one in rest:
            yield one
