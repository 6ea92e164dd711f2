"""Text that was read in the wrong code is turned back, and characters that nobody can see are taken out.

Only what is certain is mended: bytes that make strict UTF-8 once the mistaken code is undone hardly ever do so by chance.
"""

import codecs
import re
import unicodedata

_HAN = "\u3000-\u303f\u3400-\u4dbf\u4e00-\u9fff\uff00-\uffef"
_HAN_RUN = re.compile(f"[{_HAN}]+")
_GB_RUN = re.compile(
    "[\u0370-\u04ff\u2010-\u2642\u3000-\u30ff\u3105-\u312f\u3220-\u33ff\u4e00-\u9fff\ue000-\uf8ff\uff00-\uffef]{4,}\ufffd*"
)
_UNSEEN = re.compile(
    "[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f\u0080-\u009f\u00ad\u200b\u200e\u200f\u202a-\u202e\u2060-\u2064\ufeff\ufff9-\ufffb\ufffe\uffff]"
)
"""Controls, marks of direction and of zero width. The joiners U+200C and U+200D stay: emoji and some scripts need them."""
_SURROGATE = re.compile("[\ud800-\udfff]")


def _bytes_of_characters() -> dict[str, int]:
    """Character -> its byte in windows-1252; a control of Latin-1 is the byte that it would be there."""
    windows = {bytes([byte]).decode("cp1252", "ignore"): byte for byte in range(0x80, 0x100)}
    return {chr(byte): byte for byte in range(0x80, 0xA0)} | {
        sign: byte for sign, byte in windows.items() if sign
    }


_BYTES = _bytes_of_characters()
# A lead byte of UTF-8 and the bytes that go on from it, each as the character that windows-1252 has for it.
_LEAD = "".join(re.escape(character) for character, byte in _BYTES.items() if 0xC2 <= byte <= 0xF4)
_FOLLOWING = "".join(re.escape(character) for character, byte in _BYTES.items() if byte < 0xC0)
_LATIN_RUN = re.compile(f"(?:[{_LEAD}][{_FOLLOWING}]{{1,3}})+")


def repair(text: str) -> str:
    """The text as it was meant: mojibake undone (twice, where it happened twice), unseen characters out, NFC.

    Undone are UTF-8 read as windows-1252 ("cafÃ©") and UTF-8 read as GBK ("浣犲ソ"). Half a surrogate pair becomes U+FFFD.
    """
    for _ in range(2):
        mended = _LATIN_RUN.sub(_latin, text)
        if mended == text:
            break
        text = mended
    if not text.isascii():
        text = _GB_RUN.sub(_chinese, text)
        text = _SURROGATE.sub("\ufffd", text)
    return unicodedata.normalize("NFC", _UNSEEN.sub("", text))


def _latin(found: re.Match[str]) -> str:
    data = bytes(_BYTES[character] for character in found[0])
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return found[0]


def _chinese(found: re.Match[str]) -> str:
    """Chinese that is no Chinese: its GBK bytes are UTF-8 of nothing but Chinese. By chance that hardly happens."""
    try:
        data = found[0].rstrip("\ufffd").encode("gbk")
        meant, read = codecs.utf_8_decode(data, "strict", False)
    except UnicodeError:
        return found[0]
    lost = "\ufffd" if read < len(data) or found[0].endswith("\ufffd") else ""
    return meant + lost if _HAN_RUN.fullmatch(meant) else found[0]
