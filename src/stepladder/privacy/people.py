"""Names in Latin, Greek and Cyrillic script: runs of capitalised words, weighed by spelling and by what is around them.

What announces a name ("my name is", "Dr.") counts most, then how the words are spelled, how many there are and whether an
initial is among them, then the words before ("in", "at": a place) and after ("Inc": a firm; "said": a person).
"""

import re
from collections.abc import Iterator
from functools import lru_cache

from stepladder.privacy.finding import Kind, Span
from stepladder.privacy.gazetteer import lines, words
from stepladder.privacy.spelling import like_a_name

NAMES = frozenset(words("names_latin"))
PLAIN = frozenset(words("plain_latin"))
PLACE_OR_FIRM_AFTER = frozenset(words("firms_latin"))

_UP = "A-Z\u00c0-\u00d6\u00d8-\u00de\u0386-\u03ab\u0400-\u042f"
_UPPER = _UP + "".join(chr(code) for code in range(0x100, 0x250) if chr(code).isupper())
_LETTER = "A-Za-z\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u024f\u0370-\u03ff\u0400-\u04ff"
_WORD = f"(?:[{_UPPER}](?:[{_LETTER}]*['’-](?=[{_UPPER}]))?[{_LETTER}]*(?:-[{_LETTER}]+)?|[{_UPPER}]\\.)"
_PARTICLE = (
    "(?:de la|de los|de|del|della|di|da|dos|do|du|van der|van den|van de|van|"
    "von der|von|zu|ter|ten|bin|ibn|al|el|la|le|y|af|av)"
)
_RUN = re.compile(
    f"[{_UPPER}](?<![{_LETTER}0-9_@#/.’'-].)(?:(?:[{_LETTER}]*['’-](?=[{_UPPER}]))*[{_LETTER}]*"
    f"(?:-[{_LETTER}]+)?|(?<=Dr|Mr)\\.|\\.)"
    f"(?: (?:{_PARTICLE} )?{_WORD}\\.?(?![{_LETTER}@])){{0,5}}"
)
_TITLES = (
    "(?:Mr|Mrs|Ms|Miss|Mx|Dr|Prof|Professor|Doctor|Sir|Madam|Lady|Lord|Rev|Fr|Capt|Captain|Sgt|Lt|Col|Gen|Judge|Senator|Rep|"
    "Uncle|Aunt|Herr|Frau|Monsieur|Madame|Señor|Señora|Sr|Sra)"
)
_TITLE = re.compile(f"{_TITLES}\\.?$")
_INITIAL = re.compile(f"[{_UPPER}]\\.?$")
_SUFFIX = re.compile(r"(?:Jr|Sr|II|III|IV|PhD|MD|DDS|DVM|Esq)\.?$")
# The last one or two words before a name, in lower case; sets, since a pattern that ends in `$` is ten times slower.
_ANNOUNCING = frozenset(lines("announcing_latin"))
_PLACING = frozenset(lines("placing_latin"))
_NEAR = frozenset(words("near_latin"))
_PERSON_AFTER = re.compile(
    r"(?:'s|’s)? ?(?:,? ?(?:said|says|told|asked|lives|lived|works|worked|wrote|writes|"
    r"listed|shouted|replied|explained|spent|began|points|"
    r"is (?:a|an|the|very|my|from|so|not)|was (?:a|an|the|born|influenced|very)|has|had|will be|who|and I|and [A-Z]|"
    r"flew|called|phoned|"
    r"thinks|born|aged|joined|left|married|died|age \d|\(\d|\d{2},|at [0-9])"
    r"|[:,] ?(?:[A-Z\"“]|please|can|could|who|the|a|an)"
    r"|'s (?:mother|father|wife|husband|son|daughter|kid|address|phone|email|account|"
    r"birthday|house|song|friend|killers|name|office|car|card|passport|number|novel|book))",
)
_NUMBERED_BEFORE = re.compile(
    r"[0-9],? $|(?:\b(?:Apt|Suite|Unit|Box|Floor)\.? ?#?[0-9]+|[0-9]{2,}\.?)[ ,]{0,2}\n[> ]*$|corner of $"
)
_NUMBERED_AFTER = re.compile(
    r",? [0-9]{1,5}\b(?!-year| year)|\n?[, ]{1,3}[A-Z]{2}[ \n]+[0-9]{4,5}\b|(?: [a-z]+\.?| str)? [0-9]{1,3}\.? "
)
_FOLLOWING = re.compile(r" ?([A-Za-z]+)")
_ABBREVIATED = frozenset(["mr", "mrs", "ms", "mx", "dr", "prof", "rev", "attn"])
_MOST = 4.8  # what the surroundings can add to a weight


def people(text: str) -> Iterator[Span]:
    """Names of people, without their titles."""
    for match in _RUN.finditer(text):
        if " " not in match[0] and _single(match[0]) + _MOST <= 0:
            continue  # most capitalised words of prose end here
        for start, end in _pieces(text, match):
            if text[end : end + 1].isdigit() and " " not in text[start:end]:
                continue  # IPv6
            score = _weigh(text, start, end)
            if score > 0:
                yield Span(start, end, Kind.PERSON, min(0.9, 0.5 + score / 12))


@lru_cache(maxsize=1 << 14)
def _single(word: str) -> float:
    """Return the weight of a word that stands alone, without what is around it."""
    low = word.lower()
    return -_MOST if low in PLAIN and low not in NAMES else _spelled([word.rstrip(".")], word)


def _pieces(text: str, match: re.Match[str]) -> Iterator[tuple[int, int]]:
    """Yield the runs of words of ``match`` between titles and words that are no part of a name."""
    start = end = -1
    for word in re.finditer(r"[^ ]+", match[0]):
        raw = word[0]
        bare = raw.rstrip(".").lower()
        inside = start >= 0 and (raw[0].islower() or _INITIAL.match(raw) or _SUFFIX.match(raw))
        cut = not inside and _cuts(raw, bare, start)
        if cut:
            if start >= 0:
                yield start, end
            start = -1
            continue
        if start < 0:
            if raw[0].islower() or (match.end() - match.start() > 2 * len(raw) + 2 and _opens(raw)):
                continue
            start = match.start() + word.start()
        end = match.start() + word.end()
        if raw.endswith(".") and not _INITIAL.match(raw) and not _SUFFIX.match(raw):
            yield start, end - 1
            start = -1
    if start >= 0:
        yield start, end


def _opens(word: str) -> bool:
    """Whether a word before two others is rather a sentence's first word than a given name ("Telephone Mary Smith")."""
    return word.lower() not in NAMES and len(word) > 2 and like_a_name(word) < -1.0


def _cuts(raw: str, bare: str, start: int) -> bool:
    """Whether a word is a title or one that is no part of a name."""
    if _TITLE.match(raw) or (bare in PLAIN and not (bare in NAMES and start >= 0)):
        return True
    stem = re.split("['’]", bare)[0]
    return stem in PLAIN and stem not in NAMES


def _weigh(text: str, start: int, end: int) -> float:
    """Return the weight of evidence that ``text[start:end]`` is a person; above 0 it is taken for one."""
    words = [
        word
        for word in text[start:end].split()
        if word[0].isupper() and not _INITIAL.match(word) and not _SUFFIX.match(word)
    ]
    if not words or (len(words) == 1 and len(words[0]) < 2):
        return -1.0
    weight = _spelled(words, text[start:end])
    return weight + _around(text, start, end, words) if weight + _MOST > 0 else weight


def _spelled(words: list[str], whole: str) -> float:
    """Return what the words themselves say."""
    scores = [4.0 if word.lower() in NAMES else max(-3.0, min(3.0, like_a_name(word))) for word in words]
    weight = sum(scores) / len(scores) - 1.2
    if len(words) >= 2:
        weight += 1.0 if len(words) <= 3 else -1.5
        weight += 0.8 if min(scores) > 0 else 0.0
    if re.search(rf" [{_UPPER}]\.? ", whole):
        weight += 2.5
    if any(word.isupper() and len(word) > 1 for word in words):
        weight -= 3.0
    return weight


def _around(text: str, start: int, end: int, words: list[str]) -> float:
    """Return what stands on either side says."""
    before, after = text[max(0, start - 32) : start], text[end : end + 24]
    weight = _led(before, len(words))
    if _NUMBERED_AFTER.match(after) or (
        (any(map(str.isdigit, before)) or "corner of" in before) and _NUMBERED_BEFORE.search(before)
    ):
        weight -= 3.0
    following = _FOLLOWING.match(after)
    if words[-1].lower() in PLACE_OR_FIRM_AFTER or (
        following and following[1].lower() in PLACE_OR_FIRM_AFTER
    ):
        weight -= 4.0
    if _PERSON_AFTER.match(after):
        weight += 1.3
    return weight


def _led(before: str, count: int) -> float:
    """Return what the words before say of a name of ``count`` words."""
    bare = before.rstrip(" \t\r\n>")
    if not bare:
        return -0.8 if count == 1 else 0.5
    tail = bare.rstrip('"“(:,.?').lower().split()[-2:]
    last, pair = tail[-1] if tail else "", " ".join(tail)
    if bare[-1] not in ".?" or last in _ABBREVIATED:
        if last in _ANNOUNCING or pair in _ANNOUNCING:
            return 3.5
        if bare[-1].isalpha() and (last in _PLACING or pair in _PLACING):
            return -2.5
        if last in _NEAR:
            return 0.7
    elif last in ("name", "user"):
        return 3.5
    opens = bare[-1] in '.!?:;>"“”*•|-' or "\n" in before[len(bare) :]
    return 0.0 if not opens else -0.8 if count == 1 else 0.5
