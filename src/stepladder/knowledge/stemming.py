"""Porter's stemmer for English (M. F. Porter, "An algorithm for suffix stripping", Program 14(3), 1980).

With the author's later two departures (-bli and -logi). "relational" and "relate" become one term, and no library
decides how a text was indexed: an index read on another machine finds what was written on this one.
"""

import re
from functools import lru_cache

_RULES_2 = (
    "ational:ate tional:tion enci:ence anci:ance izer:ize bli:ble alli:al entli:ent eli:e ousli:ous ization:ize "
    "ation:ate ator:ate alism:al iveness:ive fulness:ful ousness:ous aliti:al iviti:ive biliti:ble logi:log"
)
_RULES_3 = "icate:ic ative: alize:al iciti:ic ical:ic ful: ness:"
_SUFFIXES_4 = "al ance ence er ic able ible ant ement ment ent ion ou ism ate iti ous ive ize"
_STEPS_2_3 = tuple([rule.split(":") for rule in rules.split()] for rules in (_RULES_2, _RULES_3))
_STEP_4 = tuple(_SUFFIXES_4.split())


@lru_cache(maxsize=1 << 16)
def stem(word: str) -> str:
    """The stem of a lower-case English word; what is not all ASCII letters, or is short, is given back."""
    if len(word) < 3 or not (word.isascii() and word.isalpha()):
        return word
    return _step_5(_step_4(_steps_2_3(_step_1(word))))


@lru_cache(maxsize=1 << 14)
def _pattern(part: str) -> str:
    """The part's letters as consonants (c) and vowels (v); y is a vowel after a consonant."""
    kinds = ""
    for index, letter in enumerate(part):
        vowel = letter in "aeiou" or (letter == "y" and index > 0 and kinds[-1] == "c")
        kinds += "v" if vowel else "c"
    return kinds


def _measure(part: str) -> int:
    """How many times vowels are followed by consonants: Porter's m."""
    return len(re.findall("v+c+", _pattern(part)))


def _short_end(part: str) -> bool:
    """Consonant, vowel, consonant other than w, x, y at the end: Porter's *o."""
    return _pattern(part)[-3:] == "cvc" and part[-1] not in "wxy"


def _step_1(word: str) -> str:
    if word.endswith(("sses", "ies")):
        word = word[:-2]
    elif word.endswith("s") and not word.endswith("ss"):
        word = word[:-1]
    if not word.endswith("eed"):
        word = _without_ed_ing(word)
    elif _measure(word[:-3]) > 0:
        word = word[:-1]
    if word.endswith("y") and "v" in _pattern(word[:-1]):
        word = word[:-1] + "i"
    return word


def _without_ed_ing(word: str) -> str:
    part = word[:-2] if word.endswith("ed") else word[:-3] if word.endswith("ing") else word
    if part == word or "v" not in _pattern(part):
        return word
    if part.endswith(("at", "bl", "iz")):
        return part + "e"
    if len(part) > 1 and part[-1] == part[-2] and _pattern(part)[-1] == "c" and part[-1] not in "lsz":
        return part[:-1]
    return part + "e" if _measure(part) == 1 and _short_end(part) else part


def _steps_2_3(word: str) -> str:
    for rules in _STEPS_2_3:
        for suffix, instead in rules:
            if word.endswith(suffix):
                part = word[: -len(suffix)]
                word = part + instead if _measure(part) > 0 else word
                break
    return word


def _step_4(word: str) -> str:
    for suffix in _STEP_4:
        if word.endswith(suffix):
            part = word[: -len(suffix)]
            allowed = suffix != "ion" or part.endswith(("s", "t"))
            return part if allowed and _measure(part) > 1 else word
    return word


def _step_5(word: str) -> str:
    if word.endswith("e"):
        part = word[:-1]
        measure = _measure(part)
        if measure > 1 or (measure == 1 and not _short_end(part)):
            word = part
    return word[:-1] if word.endswith("ll") and _measure(word) > 1 else word
