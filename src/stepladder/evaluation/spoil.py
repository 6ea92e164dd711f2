"""Questions as people really type them: spoilt on purpose, to see how far answers depend on their writing.

Nothing here changes what a question asks for; each way of spoiling is drawn from a seed and the text alone.
"""

import random
import re
import unicodedata
from collections.abc import Callable, Mapping

_NEIGHBOURS = dict(
    zip(
        "qwertyuiopasdfghjklzxcvbnm",
        ("wa", "qe", "wr", "et", "ry", "tu", "yi", "uo", "ip", "ol", "sq", "ad", "sf", "dg", "fh", "gj", "hk", "jl", "ko",
         "xa", "zc", "xv", "cb", "vn", "bm", "nj"),
        strict=True,
    )
)  # fmt: skip


def typos(text: str, draw: random.Random) -> str:
    """One character in twenty, at least one, is swapped with the next, left out, doubled, or (a letter) its neighbour's."""
    letters = list(text)
    places = [at for at, letter in enumerate(letters) if letter.isalpha()]
    for at in sorted(draw.sample(places, min(len(places), max(1, len(places) // 20))), reverse=True):
        kind = draw.randrange(4)
        if kind == 0 and at + 1 < len(letters):
            letters[at], letters[at + 1] = letters[at + 1], letters[at]
        elif kind == 1 and len(letters) > 2:
            del letters[at]
        elif kind == 2 or letters[at].lower() not in _NEIGHBOURS:
            letters.insert(at, letters[at])
        else:
            letters[at] = draw.choice(_NEIGHBOURS[letters[at].lower()])
    return "".join(letters)


def upper(text: str, draw: random.Random) -> str:
    """All in capitals."""
    return text.upper()


def lower(text: str, draw: random.Random) -> str:
    """All in small letters."""
    return text.lower()


def spaces(text: str, draw: random.Random) -> str:
    """White space doubled, and around the text."""
    return f"  {text.replace(' ', '  ')}\n"


def bare(text: str, draw: random.Random) -> str:
    """Without punctuation."""
    kept = "".join(" " if unicodedata.category(letter).startswith("P") else letter for letter in text)
    return " ".join(kept.split()) or text


def wide(text: str, draw: random.Random) -> str:
    """Letters, digits and marks in full width, as Chinese keyboards can write them."""
    return "".join(chr(ord(letter) + 0xFEE0) if "!" <= letter <= "~" else letter for letter in text)


def order(text: str, draw: random.Random) -> str:
    """Sentences in another order, where there are several."""
    parts = [part for part in re.split(r"(?<=[.!?。！？])\s*", text) if part]
    shuffled = draw.sample(parts, len(parts))
    return ("" if re.search(r"[。！？]", text) else " ").join(shuffled) if len(parts) > 1 else text


def framed(text: str, draw: random.Random) -> str:
    """The same request, said more politely."""
    if re.search(r"[\u3400-\u9fff]", text):
        return draw.choice(("你好，请问{}谢谢！", "麻烦看一下：{}", "不好意思打扰了，{}拜托了。")).format(
            text
        )
    return draw.choice(
        ("Hello! {} Thanks.", "Sorry to bother you: {}", "Quick one for you. {} Cheers!")
    ).format(text)


def buried(text: str, draw: random.Random) -> str:
    """At the end of two thousand characters that say nothing."""
    filler = (
        "今天天气不错，一切照常。" if re.search(r"[\u3400-\u9fff]", text) else "It is a day like any other. "
    )
    return filler * (2000 // len(filler)) + text


WAYS: Mapping[str, Callable[[str, random.Random], str]] = {
    "typos": typos,
    "upper case": upper,
    "lower case": lower,
    "white space": spaces,
    "no punctuation": bare,
    "full width": wide,
    "sentence order": order,
    "politely": framed,
    "long context": buried,
}


def spoil(text: str, way: str, seed: int = 0) -> str:
    """The text, spoilt. Raises KeyError for a way that there is not."""
    return WAYS[way](text, random.Random(f"{seed} {way} {text}"))
