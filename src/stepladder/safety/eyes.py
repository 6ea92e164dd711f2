"""Pictures on the way in: what is written in them is read, and judged like any other text.

Nothing can be cut out of a picture: where guards would, it is blocked.
"""

import asyncio
import base64
import binascii
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import groupby
from urllib.parse import unquote_to_bytes

from stepladder.core import Action, Addresses, BadRequest, GuardFailed, Remark, Shown
from stepladder.knowledge import PictureReader, PictureRefused, PictureUnread
from stepladder.safety.judging import NOTHING, Judgement
from stepladder.safety.watch import Watch, severer

_NAME = "pictures"
_MOST = 20
_MOST_JOINED = 16_000
_PATIENCE = 120.0  # seconds for all pictures of a question, and for those of others before them


class Eyes:
    """One reader for all questions. It works beside the event loop, one picture at a time."""

    def __init__(self, reader: PictureReader | None = None, patience: float = _PATIENCE) -> None:
        self._reader = reader or PictureReader()
        self._patience = patience
        self._pool = ThreadPoolExecutor(1, "stepladder-pictures")

    def close(self) -> None:
        """End the reader's process."""
        self._pool.shutdown(wait=False, cancel_futures=True)
        self._reader.close()

    async def look(self, watch: Watch, shown: Sequence[Shown]) -> Judgement:
        """What guards say of a question's pictures, each of which counts once, and of each message read as one with them.

        A picture that cannot be read is remarked; where any guard is enforced, it raises BadRequest (another picture may do)
        or GuardFailed (another time may). Raises GuardFailed and TooMany as judging any text does.
        """
        severest, until = NOTHING, asyncio.get_running_loop().time() + self._patience
        said: dict[Shown, str] = {}
        for at, picture in enumerate(dict.fromkeys(shown)):
            try:
                if at >= _MOST:
                    raise _refused(f"The question has more than {_MOST} pictures.", "Send fewer.")
                text = await self._text(picture, watch.policy.addresses, until)
            except (BadRequest, PictureUnread) as error:
                _unread(watch, error)
                continue
            if text:
                said[picture] = text
                watch.pictures += (text,)
                severest = severer(severest, await watch.look(picture.role, text))
        for one, whole in _wholes(shown, said):
            if severest.action is not Action.BLOCK:
                severest = severer(severest, await watch.join(one.role, whole, last=one.last))
        return severest

    async def _text(self, picture: Shown, addresses: Addresses, until: float) -> str:
        """What is written in it. Raises BadRequest, PictureUnread."""
        if picture.url[:5].lower() != "data:":
            if addresses is Addresses.PASS:
                return ""
            raise _refused(
                "A picture is sent as an address, which is not fetched.",
                "Send it in the request, as data:image/png;base64,....",
            )
        data = await asyncio.to_thread(_data, picture.url)
        known = self._reader.known(data)
        if known is not None:
            return known
        loop = asyncio.get_running_loop()
        reading = loop.run_in_executor(self._pool, self._reader.read, data)
        try:
            return await asyncio.wait_for(reading, max(until - loop.time(), 0.0))
        except TimeoutError as error:
            raise PictureUnread(
                f"Pictures could not be read within {self._patience:g} s.",
                remedy="Send fewer, or ask again.",
            ) from error


def _wholes(shown: Sequence[Shown], said: Mapping[Shown, str]) -> Iterator[tuple[Shown, str]]:
    """Each message in which a picture says something beside words, another picture or earlier talk: one of its pictures, and
    all that can be read in it, in the order of reading.

    Every piece has been judged in full by itself, so of long ones only what stands next to others is taken: `_MOST_JOINED`
    characters in all.
    """
    for number, group in groupby(shown, key=lambda one: one.message):
        pictures = list(group)
        if number < 0 or not any(one in said for one in pictures):
            continue
        pieces = [piece for one in pictures for piece in (one.before, said.get(one, ""), one.after)]
        pieces = [piece for piece in pieces if piece.strip()]
        if len(pieces) > 1 or pictures[0].last:  # the last one is judged with the talk before it
            side = max(_MOST_JOINED // (2 * len(pieces)), 1)
            yield pictures[0], "\n".join(_ends(piece, side) for piece in pieces)


def _ends(piece: str, side: int) -> str:
    return piece if len(piece) <= 2 * side else f"{piece[:side]}\n{piece[-side:]}"


def _unread(watch: Watch, error: BadRequest | PictureUnread) -> None:
    """Remark that a picture was not read. Raises what the asker is told, where any guard is enforced."""
    enforced = any(ruling.enforced for ruling in watch.ins.all)
    watch.remarks.append(
        Remark(_NAME, "picture", Action.BLOCK.value, ("unread",), 1.0, observed=not enforced)
    )
    if not enforced:
        return
    if isinstance(error, BadRequest):
        raise error
    raise GuardFailed(_NAME, error.message, remedy=error.remedy) from error


def _data(url: str) -> bytes:
    """The bytes in a data URL. Raises PictureRefused."""
    head, comma, said = url.partition(",")
    if not comma:
        raise _broken()
    if not head.lower().rstrip().endswith(";base64"):
        return unquote_to_bytes(said)
    said = "".join(said.split())
    try:
        return base64.b64decode(said + "=" * (-len(said) % 4), validate=True)
    except (binascii.Error, ValueError) as error:
        raise _broken() from error


def _broken() -> PictureRefused:
    return _refused(
        "A picture's data URL is broken.", "Send data:image/png;base64, and the picture in base64."
    )


def _refused(message: str, remedy: str) -> PictureRefused:
    return PictureRefused(message, param="messages", remedy=remedy)
