"""See what is written in code: base64, hex, percent signs, binary, Morse, ROT13, backwards, leetspeak, spaced letters.

Whoever encodes an attack wants the model to decode it. Each view is a text that the guards judge like any other. One
look with a regular expression tells the few texts that need this from the many that do not.
"""

import base64
import binascii
import codecs
import re
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import unquote

from stepladder.text import fold

_BASE64 = re.compile(r"(?<![A-Za-z0-9+/_-])(?:[A-Za-z0-9+/_-]{4}){4,}(?:[A-Za-z0-9+/_-]{2,3})?={0,2}")
_HEX = re.compile(r"(?:(?:\\x|0x|%)?[0-9a-fA-F]{2}[ :,]?){8,}")
_BINARY = re.compile(r"(?:[01]{8}[ ,]?){4,}")
_MORSE = re.compile(r"(?:[.\-·—]{1,5}(?: ?/ ?| +)){6,}[.\-·—]{1,5}")
_ROT13 = re.compile(
    r"\b(?:vtaber|vafgehpgvbaf?|flfgrz|cebzcg|cerivbhf|lbhe|ubj gb|gur|cyrnfr|erirny|cnffjbeq|znxr)\b", re.I
)
_BACKWARDS = re.compile(
    r"\b(?:erongi|snoitcurtsni|metsys|tpmorp|suoiverp|ruoy|laever|drowssap|ekam ot|tcaretni)\b|略忽|令指|词示提|则规|作制",
    re.I,
)
_SPACED = re.compile(r"(?:(?<![^\W_])[^\W_][ .\-_*|/]{1,2}){5,}[^\W_](?![^\W_])")
_LEET_TOKEN = re.compile(r"(?<![\w@$!|])(?=\S*[a-z])(?=\S*[0-9@$!|])[a-z0-9@$!|]{3,}(?![\w@$])", re.I)
_LEET = str.maketrans("013457@$!|+", "oieastasiil")
_TAGS = re.compile("[\U000e0020-\U000e007e]{4,}")
_OTHER_SCRIPT = re.compile(
    "[a-zA-Z][\u0370-\u052f\u1d00-\u1dbf]|[\u0370-\u052f\u1d00-\u1dbf][a-zA-Z]|[\U0001d400-\U0001d7ff\u24b6-\u24e9]"
)
_ANY = re.compile(
    r"[A-Za-z0-9+/_-]{16}|(?:[0-9a-fA-F]{2}[ :,]?){8}|(?:\\x[0-9a-fA-F]{2}){4}|(?:[.\-·—]{1,5} ){3}"
    r"|[a-zA-Z][0-9@$!|][a-zA-Z]|[0-9@$][a-zA-Z]{2}|(?:\b\w[ .\-_*|/]{1,2}){5}"
    f"|{_TAGS.pattern}|{_OTHER_SCRIPT.pattern}"
)
_MORSE_CODE = ".- -... -.-. -.. . ..-. --. .... .. .--- -.- .-.. -- -. --- .--. --.- .-. ... - ..- ...- .-- -..- -.-- --.."
_MORSE_LETTERS = dict(zip(_MORSE_CODE.split(" "), "abcdefghijklmnopqrstuvwxyz", strict=True))
_SHORTEST = 8
_MOST = 4


@dataclass(frozen=True, slots=True)
class View:
    """What `text[start:end]` says when decoded, and in what code it was written."""

    code: str
    text: str
    start: int
    end: int


def views(text: str) -> list[View]:
    """Return what is written in code in `text`: none for nearly every text, and never more than a few."""
    found: list[View] = []
    if _ANY.search(text):
        found += _runs(text)
    found += _whole(text)
    return found[:_MOST]


def _runs(text: str) -> Iterator[View]:
    for code, pattern, decode in (
        ("base64", _BASE64, _from_base64), ("hex", _HEX, _from_hex), ("binary", _BINARY, _from_binary),
        ("morse", _MORSE, _from_morse), ("tags", _TAGS, _from_tags), ("spaced", _SPACED, _from_spaced),
    ):  # fmt: skip
        for match in pattern.finditer(text):
            decoded = decode(match.group())
            if decoded and len(decoded) >= _SHORTEST and _is_text(decoded):
                yield View(code, text[: match.start()] + decoded + text[match.end() :], *match.span())
    if _OTHER_SCRIPT.search(text):
        yield View("lookalikes", fold(text).text, 0, len(text))
    if len(_LEET_TOKEN.findall(text)) > 1:
        plain = _LEET_TOKEN.sub(lambda match: match.group().translate(_LEET), text)
        yield View("leetspeak", plain, 0, len(text))


def _whole(text: str) -> Iterator[View]:
    if len(_ROT13.findall(text)) > 1:
        yield View("rot13", codecs.decode(text, "rot13"), 0, len(text))
    if _BACKWARDS.search(text):
        yield View("backwards", text[::-1], 0, len(text))


def _is_text(decoded: str) -> bool:
    good = sum(character.isprintable() or character.isspace() for character in decoded)
    letters = sum(character.isalpha() or character == " " for character in decoded)
    return good == len(decoded) and letters > 0.6 * len(decoded)


def _from_base64(run: str) -> str:
    body = run.rstrip("=").replace("-", "+").replace("_", "/")
    try:
        return base64.b64decode(body + "=" * (-len(body) % 4)).decode("utf-8")
    except (binascii.Error, UnicodeDecodeError):
        return ""


def _from_hex(run: str) -> str:
    try:
        return bytes.fromhex(re.sub(r"\\x|0x|%|[ :,]", "", run)).decode("utf-8")
    except (ValueError, UnicodeDecodeError):
        return unquote(run) if "%" in run else ""


def _from_binary(run: str) -> str:
    codes = [int(part, 2) for part in re.findall("[01]{8}", run)]
    return bytes(codes).decode("utf-8", "replace")


def _from_morse(run: str) -> str:
    words = re.split(r" ?/ ?|  +", run.replace("·", ".").replace("—", "-"))
    return " ".join("".join(_MORSE_LETTERS.get(letter, "") for letter in word.split()) for word in words)


def _from_tags(run: str) -> str:
    return "".join(chr(ord(character) - 0xE0000) for character in run)


def _from_spaced(run: str) -> str:
    """Join letters that stand apart; two blanks or more part words."""
    return " ".join(re.sub(r"[\W_]", "", word) for word in re.split(r"  +", run))
