"""Names in Latin, Greek and Cyrillic script: runs of capitalised words, weighed by spelling and by what is around them.

What announces a name ("my name is", "Dr.") counts most, then how the words are spelled, how many there are and whether an
initial is among them, then the words before ("in", "at": a place) and after ("Inc": a firm; "said": a person).
"""

import re
from collections.abc import Iterator

from stepladder.privacy.finding import Kind, Span
from stepladder.privacy.names_latin import NAMES, PLACE_OR_FIRM_AFTER, PLAIN, TITLES
from stepladder.privacy.spelling import like_a_name

_UP = "A-Z\u00c0-\u00d6\u00d8-\u00de\u0386-\u03ab\u0400-\u042f"
_UPPER = _UP + "".join(chr(code) for code in range(0x100, 0x250) if chr(code).isupper())
_LETTER = "A-Za-z\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u024f\u0370-\u03ff\u0400-\u04ff"
_WORD = f"(?:[{_UPPER}](?:[{_LETTER}]*['’-](?=[{_UPPER}]))?[{_LETTER}]*(?:-[{_LETTER}]+)?|[{_UPPER}]\\.)"
_PARTICLE = "(?:de la|de los|de|del|della|di|da|dos|do|du|van der|van den|van de|van|von der|von|zu|ter|ten|bin|ibn|al|el|la|le|y|af|av)"
_RUN = re.compile(
    f"[{_UPPER}](?<![{_LETTER}0-9_@#/.’'-].)(?:(?:[{_LETTER}]*['’-](?=[{_UPPER}]))*[{_LETTER}]*(?:-[{_LETTER}]+)?|(?<=Dr|Mr)\\.|\\.)"
    f"(?: (?:{_PARTICLE} )?{_WORD}\\.?(?![{_LETTER}@])){{0,5}}"
)
_TITLE = re.compile(f"{TITLES}\\.?$")
_INITIAL = re.compile(f"[{_UPPER}]\\.?$")
_SUFFIX = re.compile(r"(?:Jr|Sr|II|III|IV|PhD|MD|DDS|DVM|Esq)\.?$")
_ANNOUNCED = re.compile(
    r"(?:\b(?:(?:my|his|her|their|your|full|maiden|first|last|middle|given|family|the|whose) )?(?:sur)?name(?: is| was|'s)?|\bnamed|\bcalled|\bcalls?(?: me| him| her)|"
    r"\bi am|\bi'm|\bthis is|\bdear|\bhi|\bhello|\bhey|\bsigned|\bsincerely,|\bregards,|\bname(?: on the account)?\?(?: user)?|\bunder(?: the name)?|\bcontact(?: person)?|\battn|"
    r"\b(?:mr|mrs|ms|miss|dr|prof|rev|sir)\.?|\b(?:beneficiary|recipient|customer|patient|employee|passenger|applicant|cardholder|account holder|author|director|directed by|written by|starring|founder|ceo|"
    r"husband|wife|son|daughter|kid|brother|sister|mother|father|uncle|aunt|friend|partner|colleague|boss|neighbou?r|boyfriend|girlfriend|nephew|niece|cousin|roommate|guardian|singer|producer|singer|"
    r"actor|actress|songwriter|president|senator|officer|user))[ ]?[:,]?\s{0,6}[\"“(]?$",
    re.IGNORECASE,
)
_NEAR = re.compile(r"\b(?:by|with|and|to|told|asked|says|said|met|meet|saw|for|tell|ask|speak to|call|thanks?|than|add|remove|is|was|or|had|has|from|of|heard)[ ]?[:,]? [\"“]?$", re.IGNORECASE)
_PLACE_BEFORE = re.compile(r"\b(?:in|at|near|into|across|around|visit|visiting|visited|throughout|outside|city of|town of|state of|university of|lives in|moved to|travel(?:l?ing)? to|flew to|trip to|go to|going to|went to|originally from|moved here from|works? for|working for|worked for|work at|from the|the)\s+$", re.IGNORECASE)
_PERSON_AFTER = re.compile(
    r"(?:'s|’s)? ?(?:,? ?(?:said|says|told|asked|lives|lived|works|worked|wrote|writes|listed|shouted|replied|explained|spent|began|points|is (?:a|an|the|very|my|from|so|not)|was (?:a|an|the|born|influenced|very)|has|had|will be|who|and I|and [A-Z]|flew|called|phoned|"
    r"thinks|born|aged|joined|left|married|died|age \d|\(\d|\d{2},|at [0-9])|[:,] ?(?:[A-Z\"“]|please|can|could|who|the|a|an)|'s (?:mother|father|wife|husband|son|daughter|kid|address|phone|email|account|birthday|house|song|friend|killers|name|office|car|card|passport|number|novel|book))",
)
_NUMBERED_BEFORE = re.compile(r"[0-9],? $|(?:\b(?:Apt|Suite|Unit|Box|Floor)\.? ?#?[0-9]+|[0-9]{2,}\.?)[ ,]{0,2}\n[> ]*$|corner of $")
_NUMBERED_AFTER = re.compile(r",? [0-9]{1,5}\b(?!-year| year)|\n?[, ]{1,3}[A-Z]{2}[ \n]+[0-9]{4,5}\b|(?: [a-z]+\.?| str)? [0-9]{1,3}\.? ")
_START = re.compile(r"(?:^|[.!?:;\n>\"“”*•|-]\s*|\n\s*)$")
_LOWER_ANNOUNCED = re.compile(
    r"[mniadfM](?:y name is|y name's|s\.|r\.|rs\.|r\. )(?<![A-Za-z][a-zA-Z].) ?(?=[a-z])|(?<=[Nn]ame: )(?=[a-z])|(?<=call me )(?=[a-z])|(?<=ollow up with )(?=[a-z])"
)
_LOWER_NAME = re.compile(f"[{_LETTER}]{{2,}}(?: [{_LETTER}]{{2,}}){{0,2}}")


def people(text: str) -> Iterator[Span]:
    """Names of people, without their titles."""
    for match in _RUN.finditer(text):
        for start, end in _pieces(text, match):
            score = _weigh(text, start, end)
            if score > 0:
                yield Span(start, end, Kind.PERSON, min(0.9, 0.5 + score / 12))


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
            if raw[0].islower():
                continue
            start = match.start() + word.start()
        end = match.start() + word.end()
        if raw.endswith(".") and not _INITIAL.match(raw) and not _SUFFIX.match(raw):
            yield start, end - 1
            start = -1
    if start >= 0:
        yield start, end


def _cuts(raw: str, bare: str, start: int) -> bool:
    """Whether a word is a title or one that is no part of a name."""
    if _TITLE.match(raw) or (bare in PLAIN and not (bare in NAMES and start >= 0)):
        return True
    stem = re.split("['’]", bare)[0]
    return stem in PLAIN and stem not in NAMES


def _weigh(text: str, start: int, end: int) -> float:
    """Return the weight of evidence that ``text[start:end]`` is a person; above 0 it is taken for one."""
    words = [word for word in text[start:end].split() if word[0].isupper() and not _INITIAL.match(word) and not _SUFFIX.match(word)]
    if not words or (len(words) == 1 and len(words[0]) < 2):
        return -1.0
    before, after = text[max(0, start - 40) : start], text[end : end + 24]
    return _spelled(words, text[start:end]) + _around(words, before, after)


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


def _around(words: list[str], before: str, after: str) -> float:
    """Return what stands on either side says."""
    weight = 0.0
    if _ANNOUNCED.search(before):
        weight += 3.5
    elif _PLACE_BEFORE.search(before):
        weight -= 2.5
    elif _NEAR.search(before):
        weight += 0.7
    elif _START.search(before):
        weight += -0.8 if len(words) == 1 else 0.5
    if _NUMBERED_BEFORE.search(before) or _NUMBERED_AFTER.match(after):
        weight -= 3.0
    following = re.match(r" ?([A-Za-z]+)", after)
    if words[-1].lower() in PLACE_OR_FIRM_AFTER or (following and following[1].lower() in PLACE_OR_FIRM_AFTER):
        weight -= 4.0
    if _PERSON_AFTER.match(after):
        weight += 1.3
    return weight
