"""See what is written in code: base64, hex, percent signs, escapes, binary, Morse, ROT13, backwards, leetspeak, spaced letters.

Whoever encodes an attack wants the model to decode it. Each view is a text that the guards judge like any other. One
look with a regular expression tells the few texts that need this from the many that do not.
"""

import base64
import binascii
import codecs
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import unquote

from stepladder.safety.shape import Literals, Pieces, shape
from stepladder.text import fold

_BASE64 = re.compile(r"(?<![A-Za-z0-9+/_-])(?:[A-Za-z0-9+/_-]{4}){4,}(?:[A-Za-z0-9+/_-]{2,3})?={0,2}")
_HEX = re.compile(r"(?:(?:\\x|0x|%)?[0-9a-fA-F]{2}[ :,]?){8,}")
_ESCAPE = re.compile(r"\\u([0-9a-fA-F]{4})|&#(?:([0-9]{2,7})|x([0-9a-fA-F]{2,6}));")
_ESCAPES = re.compile(rf"(?:(?:{_ESCAPE.pattern})[ ,]?){{6,}}")
_BINARY = re.compile(r"(?:[01]{8}[ ,]?){4,}")
_MORSE = re.compile(r"(?:[.\-·—]{1,5}(?: ?/ ?| +)){6,}[.\-·—]{1,5}")
# Common words as they look rotated and backwards; three of them are no accident.
_ROT13 = re.compile(
    r"\b(?:gur|naq|gb|bs|lbh|lbhe|zl|zr|jub|jbhyq|jvgu|guvf|gung|ubj|jung|pna|cyrnfr|nyy|grryy|ervq|abj|vtaber|cerivbhf|erirny"
    r"|vafgehpgvbaf?|flfgrz|cebzcg|cnffjbeq|znxr)\b",
    re.I,
)
_BACKWARDS = re.compile(
    r"\b(?:eht|dna|ot|fo|uoy|ruoy|ym|em|ohw|dluow|htiw|siht|taht|woh|tahw|nac|esaelp|lla|llet|won|erongi|suoiverp|laever"
    r"|s?noitcurtsni|metsys|tpmorp|drowssap|ekam)\b",
    re.I,
)
_ENOUGH = 3
_SPACED = re.compile(r"(?:(?<![^\W_])[^\W_][ .\-_*|/]{1,3}){5,}[^\W_](?![^\W_])")
_LEET_TOKEN = re.compile(r"(?<![\w@$!|])(?=\S*[a-z])(?=\S*[0-9@$!|])[a-z0-9@$!|]{3,}(?![\w@$])", re.I)
_LEET_SURE = re.compile(r"[a-z][0-9@$!|]+[a-z]|\b[0-9@$][a-z]{3}", re.I)
_LEET = str.maketrans("013457@$!|+", "oieastasiil")
_TAGS = re.compile("[\U000e0020-\U000e007e]{4,}")
_OTHER_SCRIPT = re.compile(
    "[a-zA-Z][\u0370-\u052f\u1d00-\u1dbf]|[\u0370-\u052f\u1d00-\u1dbf][a-zA-Z]|[\U0001d400-\U0001d7ff\u24b6-\u24e9]"
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


_TURNED = Literals(
    " gur ", " lbhe", " lbh ", " zl ", "cyrnfr", "vtaber", "vafgehpgvba", "cnffjbeq", " gb ", " naq ",
    " eht ", " ruoy", " uoy ", " ym ", "esaelp", "erongi", "snoitcurtsni", "drowssap", " ot ", " dna ",
    "略忽", "令指", "词示提", "则规", "作制", "号列序", "钥密", "码活激", "演扮", "奶奶我", "视无",
)  # fmt: skip
_ROTATED, _LATIN_TURNED = range(10), range(10, 20)
# Beyond what texts are written with: tags, letters in circles, mathematical ones, small capitals.
_SIGNS = re.compile("[\u1d00-\u1dbf\u24b6-\u24e9\U0001d400-\U0001d7ff\U000e0020-\U000e007e]")
_WORD_RUN = bytes.maketrans(b"a0@*-", b"wwwww")
_HEX_RUN = str.maketrans({chr(i): "x" if chr(i) in "0123456789abcdefABCDEF" else " " for i in range(128)})
# What the shape of a text holds where a code may be in it.
_SHAPES = Pieces(
    binary=(b"0" * 16, b"00000000 0", b"00000000.0"),
    morse=(b".- ", b"-. ", b"... -", b"--- ", b"-- -"),
    spaced=(b" a a a ", b"*a*a*a", b"-a-a-a", b".a.a.a", b" * * * ", b"** ** **"),
    leetspeak=(b"a0a", b" 0aaa", b"a@a", b" @aa"),
    lookalikes=(b"ag", b"ga"),
)


@lru_cache(maxsize=4)
def views(text: str) -> tuple[View, ...]:
    """Return what is written in code in `text`: none for nearly every text, and never more than a few."""
    found: list[View] = []
    codes = _codes(text)
    if codes:
        found += _runs(text, codes)
    turned = _TURNED.found(text.lower())
    if turned:
        if not turned.isdisjoint(_ROTATED) and len(_ROT13.findall(text)) >= _ENOUGH:
            found.append(View("rot13", codecs.decode(text, "rot13"), 0, len(text)))
        latin = not turned.isdisjoint(_LATIN_TURNED) and len(_BACKWARDS.findall(text)) >= _ENOUGH
        if latin or max(turned) >= _LATIN_TURNED.stop:
            found.append(View("backwards", text[::-1], 0, len(text)))
    return tuple(found[:_MOST])


def _codes(text: str) -> set[str]:
    """Return in which codes something may be written, by a look at the text's shape."""
    seen = shape(text)
    found = _SHAPES.found(seen)
    runs = seen.translate(_WORD_RUN)
    if b"wwwwwwwwwwwwwwww" in runs and _has_run(text):
        found |= {"base64", "hex"}
    if (b"ww" + b" ww" * 7 in runs or b"ww" + b".ww" * 7 in runs) and "xx xx xx xx" in text.translate(
        _HEX_RUN
    ):
        found.add("hex")
    if "\\u" in text or "&#" in text:
        found.add("escapes")
    if not text.isascii() and _SIGNS.search(text):
        found |= {"tags", "lookalikes"}
    return found


def _has_run(text: str) -> bool:
    """Whether a word of sixteen characters or more is no plain word: prose has those too, with hyphens and dashes."""
    words = [word for word in text.split() if len(word) >= 16]
    return any(_CODED_WORD.search(word) for word in words)


_CODED_WORD = re.compile(r"[a-z][A-Z]|[0-9]|[A-Z]{2}")


def _runs(text: str, codes: set[str]) -> Iterator[View]:
    for code, pattern, decode in (
        ("base64", _BASE64, _from_base64), ("hex", _HEX, _from_hex), ("escapes", _ESCAPES, _from_escapes),
        ("binary", _BINARY, _from_binary),
        ("morse", _MORSE, _from_morse), ("tags", _TAGS, _from_tags), ("spaced", _SPACED, _from_spaced),
    ):  # fmt: skip
        for match in pattern.finditer(text) if code in codes else ():
            decoded = decode(match.group())
            if decoded and len(decoded) >= _SHORTEST and _is_text(decoded):
                yield View(code, text[: match.start()] + decoded + text[match.end() :], *match.span())
    if "lookalikes" in codes and _OTHER_SCRIPT.search(text):
        yield View("lookalikes", fold(text).text, 0, len(text))
    if "leetspeak" in codes and len(_LEET_SURE.findall(text)) > 1:
        plain = _LEET_TOKEN.sub(lambda match: match.group().translate(_LEET), text)
        yield View("leetspeak", plain, 0, len(text))


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


def _from_escapes(run: str) -> str:
    """Characters written as JSON's or HTML's numbers of them."""
    codes = [int(match[2]) if match[2] else int(match[1] or match[3], 16) for match in _ESCAPE.finditer(run)]
    found = "".join(chr(code) for code in codes if code <= 0x10FFFF)
    return found.encode("utf-16", "surrogatepass").decode("utf-16", "replace")  # pairs become one


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
