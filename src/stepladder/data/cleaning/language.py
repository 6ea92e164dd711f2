"""Which language a text is in, as far as this project minds: Chinese, English, another, or too little to say."""

import re
from enum import StrEnum

_FEW_LETTERS = 8
_SAMPLE = 4_000
# The commonest words of English. Half of running English is made of words like these; other languages share a few.
_ENGLISH = frozenset(
    re.findall(
        r"\S+",
        "the of and to a in is it you that he was for on are with as i his they be at one have this from or had by but not "
        "what all were we when your can said there use an each which she do how their if will up other about out many then "
        "them these so some her would make like him into time has look two more go see no way could my than been who its "
        "now did get come may me over new just any very after our good please want need help am don't isn't i'm it's why where "
        "does because too also much here only back off",
    )
)
# Words of other languages in Latin letters that English does not have.
_OTHER = frozenset(
    re.findall(
        r"\S+",
        "der die das und ist nicht ich mit ein eine für auf den von zu dem sich les des une est pas que pour dans qui sur avec "
        "vous nous je el los las una por con para más como pero del que não uma com para os mais mas il di che non per sono "
        "della het een niet van ik och att det som inte på jag nie się jest że bir ve için bu",
    )
)
_WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)?")


class Language(StrEnum):
    """What a text is in. UNKNOWN: numbers, marks and a few letters only."""

    ZH = "zh"
    EN = "en"
    OTHER = "other"
    UNKNOWN = "unknown"


def language_of(text: str) -> Language:
    """The language of a text's first 4,000 characters, by its script, and within Latin letters by its small words.

    Chinese and English mixed is Chinese from a tenth of Chinese characters on: each of them says more than a letter does.
    """
    letters = [character for character in text[:_SAMPLE] if character.isalpha()]
    han = sum("\u3400" <= letter <= "\u9fff" for letter in letters)
    kana = sum("\u3040" <= letter <= "\u30ff" or "\uac00" <= letter <= "\ud7a3" for letter in letters)
    latin = sum(letter < "\u0250" for letter in letters)
    if han and han >= 0.1 * len(letters) and kana <= 0.2 * han:
        return Language.ZH
    if latin < 0.7 * len(letters):
        return Language.OTHER
    return _latin(text, latin)


def _latin(text: str, letters: int) -> Language:
    words = [word.casefold().replace("’", "'") for word in _WORD.findall(text[:_SAMPLE])]
    strange = sum(letter.isalpha() and not letter.isascii() for letter in text[:_SAMPLE])
    english = sum(word in _ENGLISH for word in words)
    other = sum(word in _OTHER for word in words)
    if english > other and strange <= 0.04 * letters:
        return Language.EN
    if other > english or strange > 0.04 * letters:
        return Language.OTHER if letters >= _FEW_LETTERS else Language.UNKNOWN
    return Language.EN if letters >= _FEW_LETTERS and len(words) < 8 else Language.UNKNOWN
