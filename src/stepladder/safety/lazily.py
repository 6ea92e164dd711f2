"""An answer that only guards on rare things watch: it goes by untouched until such a thing may be in it.

A stream is not even opened for that. A piece whose words end in digits waits for the next one; from the first in which a
number may stand, everything that comes is cleared as any other answer (`clear_chunks`, `clear_body`).
"""

import re
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from contextlib import aclosing

from stepladder.core import Part, Piece
from stepladder.models import written
from stepladder.safety.answers import Instead
from stepladder.safety.numbers import begins, may_hold
from stepladder.safety.outgoing import Outgoing
from stepladder.safety.pieces import clear_chunks

Parts = AsyncGenerator[Part | Piece]
Clear = Callable[[Parts, str], Parts]
"""Clears parts as those of any other answer; the text is what has left of a stream before the first of them."""
Tell = Callable[[], None]
"""Is called when the observers may have remarked something."""
_OTHER = re.compile(
    rb'ex":\s*[1-9]'
)  # another choice's "index", or what only looks so: few letters are found sooner
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


async def lazily_whole(out: Outgoing, parts: Parts, clear: Clear, tell: Tell) -> Parts:
    """Whole bodies; one is opened where its bytes may hold a number."""
    try:
        async for part in parts:
            if isinstance(part, Piece) and part.data and _may_hold(part.data):
                async with aclosing(clear(_chained([part], None), "")) as cleared:
                    async for one in cleared:
                        yield one
                continue
            if isinstance(part, Piece) and part.last:
                await _observe(out, written(part.text, part.calls) if part.calls else part.text, tell)
            yield part
    finally:
        await parts.aclose()


def _may_hold(data: bytes) -> bool:
    """Whether a number may stand in a body, of whichever choice, however it is written."""
    if b"\\u" in data or _MANY.search(data) is not None:
        return True
    return not data.isascii() and _WIDE.search(data) is not None


async def lazily(out: Outgoing, parts: Parts, clear: Clear, tell: Tell) -> Parts:
    """The pieces as they came; cleared from the first in which a number may stand."""
    held, gone, calls, whole = list[Piece](), "", list[bytes](), False
    try:
        async for part in parts:
            if not isinstance(part, Piece) or part.idle:
                yield part
                continue
            said = "".join([*(one.text for one in held), part.text]) if held else part.text
            if _suspect(part, said):
                async with aclosing(clear(_chained([*held, part], parts), gone)) as cleared:
                    async for one in cleared:
                        yield one
                return
            calls += part.calls
            gone += said
            if part.last:
                whole = True  # only the usage may follow, which no number waits for
                await _observe(out, written(gone, calls) if calls else gone, tell)
            elif not whole and begins(gone):
                held, gone = [*held, part], gone[: len(gone) - len(said)]
                continue
            for one in held:
                yield one
            yield part
            held = []
    finally:
        await parts.aclose()


async def cleared_on(out: Outgoing, parts: Parts, instead: Instead, gone: str) -> Parts:
    """The rest of a stream of which `gone` has left unopened."""
    for name in ("content", "text"):
        out.streamed.remember((0, name), gone)
    async for cleared in clear_chunks(out, parts, instead, gone):
        yield cleared


async def _observe(out: Outgoing, text: str, tell: Tell) -> None:
    """At the end those who only look see all of it."""
    if not out.knows(text):
        await out.observe(text)
        tell()


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
