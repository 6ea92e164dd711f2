"""Pictures with words in them, drawn for tests."""

import base64
import io
from pathlib import Path

import pytest

CHINESE = (
    Path("/usr/share/fonts/opentype/noto/NotoSansCJK-Regular.ttc"),
    Path("/usr/share/fonts/truetype/wqy/wqy-zenhei.ttc"),
    Path("/System/Library/Fonts/PingFang.ttc"),
)


def chinese_font():
    found = next((font for font in CHINESE if font.exists()), None)
    if found is None:
        pytest.skip("There is no Chinese font to draw with.")
    return found


def drawn(*lines, kind="PNG", mode="RGB", ground="white", ink="black", size=None):
    """The bytes of a picture of these lines."""
    from PIL import Image, ImageDraw, ImageFont

    font = ImageFont.load_default(26)
    if not all(line.isascii() for line in lines):
        font = ImageFont.truetype(str(chinese_font()), 26)
    picture = Image.new(mode, size or (560, 20 + 44 * len(lines)), ground)
    pen = ImageDraw.Draw(picture)
    for at, line in enumerate(lines):
        pen.text((12, 10 + 44 * at), line, fill=ink, font=font)
    held = io.BytesIO()
    picture.save(held, kind)
    return held.getvalue()


def data_url(picture, mime="image/png"):
    return f"data:{mime};base64,{base64.b64encode(picture).decode()}"
