"""The program of the process that reads pictures. `pictures.PictureReader` runs this file; nothing imports it.

It reads a picture from standard input (its length in 4 bytes, then its bytes) and writes {"text", "refused"} as JSON the
same way, again and again, and leaves when its input ends. The libraries' models lie beside them: nothing is fetched.
"""

import io
import json
import os
import signal
import struct
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

_FORMATS = ("PNG", "JPEG", "WEBP", "GIF")
_MOVING = ("PNG", "WEBP", "GIF")  # a JPEG's further frames are previews
_LONGEST = 1600  # pixels: what models that see make of a picture too
_SHORTEST = 400
_PIECES = 12
_HEAD = struct.Struct(">I")


class Refused(Exception):
    """Why a picture is not read."""


def main(memory: str, pixels: str) -> None:
    """Read pictures until the input ends."""
    out = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # whatever a library may print is no answer
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    with suppress(ImportError):  # where there is no such module, the parent's limit on time is all there is
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (int(memory), int(memory)))
    engine = _engine()
    while data := _taken(sys.stdin.buffer):
        try:
            said = {"text": _text(engine, data, int(pixels)), "refused": ""}
        except Refused as error:
            said = {"text": "", "refused": str(error)}
        answer = json.dumps(said).encode()
        out.write(_HEAD.pack(len(answer)) + answer)
        out.flush()


def _taken(stream: IO[bytes]) -> bytes:
    head = stream.read(_HEAD.size)
    return stream.read(_HEAD.unpack(head)[0]) if len(head) == _HEAD.size else b""


def _engine() -> Any:
    import rapidocr

    models = Path(rapidocr.__file__).with_name("models")
    told: dict[str, Any] = {"Global.log_level": "critical", "Det.limit_side_len": 320}
    for name in ("det", "cls", "rec"):
        told[f"{name.capitalize()}.model_path"] = str(next(models.glob(f"*_{name}_*.onnx")))
    for kind in ("intra", "inter"):
        told[f"EngineConfig.onnxruntime.{kind}_op_num_threads"] = 1
    return rapidocr.RapidOCR(params=told)


def _text(engine: Any, data: bytes, pixels: int) -> str:
    """The lines of a picture, from top to bottom; each once where it is seen twice."""
    import numpy

    lines: dict[str, None] = {}
    for picture in _seen(data, pixels):
        for piece in _pieces(picture):
            found = engine(numpy.asarray(piece)[:, :, ::-1])
            lines.update(dict.fromkeys(found.txts or ()))
    return "\n".join(lines)


def _seen(data: bytes, pixels: int) -> Iterator[Any]:
    """The picture as it looks: where one sees through it, on white and on black, since nobody knows what is put behind it."""
    from PIL import Image, ImageOps, UnidentifiedImageError

    Image.MAX_IMAGE_PIXELS = None  # it is counted here
    try:
        with Image.open(io.BytesIO(data), formats=_FORMATS) as opened:
            if opened.width * opened.height > pixels:
                raise Refused(
                    f"it has {opened.width} x {opened.height} pixels; {pixels} in all are read: make it smaller"
                )
            if opened.format in _MOVING and getattr(opened, "n_frames", 1) > 1:
                raise Refused("it moves: send single pictures")
            picture = ImageOps.exif_transpose(opened)
            if not picture.has_transparency_data:
                yield picture.convert("RGB")
                return
            layered = picture.convert("RGBA")
    except UnidentifiedImageError:
        raise Refused("it is broken, or no PNG, JPEG, WebP or GIF") from None
    except (OSError, ValueError, SyntaxError, EOFError) as error:
        raise Refused(f"it is broken ({type(error).__name__})") from None
    lowest: Any = layered.getchannel("A").getextrema()[0]
    for ground in ("white", "black") if lowest < 255 else ("white",):
        yield Image.alpha_composite(Image.new("RGBA", layered.size, ground), layered).convert("RGB")


def _pieces(picture: Any) -> Iterator[Any]:
    """What is long for its width in pieces that overlap, each small enough to be looked at."""
    short, long = sorted(picture.size)
    length = 2 * max(short, _SHORTEST)
    step = length - length // 10
    starts = [0, *range(step, long - length // 10, step)] if long > length * 3 // 2 else [0]
    if len(starts) > _PIECES:
        raise Refused("it is too long for its width: cut it into several")
    for start in starts:
        end = start + length if len(starts) > 1 else long
        box = (0, start, picture.width, min(end, picture.height))
        if picture.width > picture.height:
            box = (start, 0, min(end, picture.width), picture.height)
        piece = picture.crop(box)
        piece.thumbnail((_LONGEST, _LONGEST))
        yield piece


if __name__ == "__main__":
    main(*sys.argv[1:])
