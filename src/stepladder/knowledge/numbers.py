"""The numbers that a text names, in figures or in words, in one form: 1,000 is 1000, 七 and seven are 7, 两百万 is 200万."""

import re
from decimal import Decimal, InvalidOperation

from stepladder.text import normalise

_FIGURES = re.compile(r"\d+(?:[.,]\d+)*")
_HAN = re.compile(
    r"[零〇一二三四五六七八九十百千两]*[二三四五六七八九十百千两][零〇一二三四五六七八九十百千两]*"
)
_DIGITS = {character: value for value, character in enumerate("零一二三四五六七八九")} | {"〇": 0, "两": 2}
_PLACES = {"十": 10, "百": 100, "千": 1000}
_GREAT = {"万": 10**4, "亿": 10**8}
_UNITS = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen "
    "eighteen nineteen"
)
_WORDS = {word: value for value, word in enumerate(_UNITS.split())}
_WORDS |= {
    word: value
    for value, word in zip(
        range(20, 100, 10),
        ["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"],
        strict=True,
    )
}
del _WORDS["one"], _WORDS["zero"]  # no number as often as one
_WORD = re.compile(r"\b(" + "|".join(_WORDS) + r")\b(?:-(one|two|three|four|five|six|seven|eight|nine)\b)?")


def numbers_of(text: str) -> frozenset[str]:
    """Every number in a text. A list's own "1." at its beginning is none."""
    said = normalise(text).lstrip("-*•# ")
    found = {_value(match[0].replace(",", ""), said, match.end()) for match in _FIGURES.finditer(said)}
    found |= {_value(str(_han(match[0])), said, match.end()) for match in _HAN.finditer(said)}
    for match in _WORD.finditer(said):
        ones = _UNITS.split().index(match[2]) if match[2] else 0
        found.add(str(_WORDS[match[1]] + ones))
    return frozenset(found)


def _value(number: str, text: str, end: int) -> str:
    try:
        value = Decimal(number)
    except InvalidOperation:  # a date or a version: 1.2.3
        return number
    scaled = value * _GREAT.get(text[end : end + 1], 1)
    return f"{scaled.normalize():f}"


def _han(word: str) -> int:
    if not any(character in _PLACES for character in word):  # 二〇二六
        return int("".join(str(_DIGITS[character]) for character in word))
    total, digit = 0, None
    for character in word:
        if character in _PLACES:
            total += (1 if digit is None else digit) * _PLACES[character]
            digit = None
        else:
            digit = _DIGITS[character]
    return total + (digit or 0)
