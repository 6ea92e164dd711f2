"""Text to search terms: one analyser for documents and queries, the same on every machine.

Scripts that write no spaces (Han, kana, Hangul, Thai ...) become overlapping pairs of characters, which find a word
wherever it stands; other words become their English stems, without accents, and file_name is two of them. Short
names with a sign in them, as AT&T and C++, are one: their letters alone would be everybody's.
A segmenter's words beside the pairs were tried: they change nDCG@10 by less than .001 (docs/decisions/0010).
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Collection, Iterator
from functools import lru_cache
from itertools import pairwise

from stepladder.knowledge.stemming import stem
from stepladder.text import normalise

_SPACELESS = (
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3005-\u3007\u3040-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff"
    "\uac00-\ud7a3\uf900-\ufaff\U00020000-\U000323af"
)
_RUN = re.compile(
    rf"([{_SPACELESS}]+)|((?<=<)[a-z]+(?:_[a-z]+)*_[0-9]+(?=>)"  # a placeholder of personal data is one word
    r"|[a-z]{1,2}(?:&[a-z]{1,2})+(?![a-z0-9])|[a-z](?:\+\+|#)"  # and so are AT&T, R&D, C++ and C#
    rf"|(?:(?![{_SPACELESS}])[^\W_])(?:(?![{_SPACELESS}])(?:[^\W_]|[\u0300-\u036f]))*)"
)
_MOST_LETTERS = 64  # of a word: longer ones are data, and are found by their beginning
_MOST_QUERY = 1000  # characters: beyond, a query is a document, and its beginning says what it is about

_STOP_WORDS = (
    "a about all also am an and any are as at be because been being both but by can could did do does doing each for "
    "from further had has have having he her here hers him his how i if in into is it its itself just may me might "
    "more most must my no nor not of on once only or other our out over own same shall she should so some such "
    "than that the their them then there these they this those through to too under up upon us very was we were what "
    "when where which while who whom whose why will with would you your"
)
_STOP = frozenset(_STOP_WORDS.split())
_CONTRACTED = re.compile(r"(?<=[^\W_])['’](?:d|ll|m|re|s|t|ve)(?![^\W_])", re.IGNORECASE)  # vitamin D is none


ANALYSER = 4
"""Changes with what the functions below give: an index that was written with another one is written anew."""


def document_terms(text: str) -> list[str]:
    """The terms of a document, in order and with repeats.

    Of every run of spaceless script the last character is a term of its own: with the pairs that begin with it, each
    single character is found too. Where a run and a word touch, as in 2008年, they are a term together.
    """
    found: list[str] = []
    for spaceless, word, joint in _runs(text):
        if spaceless:
            found += map("".join, pairwise(spaceless))
            found.append(spaceless[-1])
        else:
            found.append(_word(word))
        if joint:
            found.append(joint)
    return found


def query_terms(text: str) -> Counter[str]:
    """The terms of a query and how often it says them. A term of one spaceless character means every place of it.

    Words that every text has are left out, unless the query has no others. Of the text, the first 1,000 characters count.
    """
    found: Counter[str] = Counter()
    idle: Counter[str] = Counter()
    for spaceless, word, joint in _runs(_CONTRACTED.sub(" ", text[:_MOST_QUERY])):
        if not spaceless:
            (idle if word in _STOP else found)[_word(word)] += 1
        elif len(spaceless) == 1:
            found[spaceless] += 1
        else:
            found.update(map("".join, pairwise(spaceless)))
        if joint:
            found[joint] += 1
    return found or idle


def in_order(text: str, *, keep: Collection[str] = ()) -> list[str]:
    """Each character of spaceless scripts and each word's stem, in order, without stop words but for those to `keep`."""
    found: list[str] = []
    for spaceless, word, _ in _runs(_CONTRACTED.sub(" ", text)):
        found += spaceless
        if word and (word not in _STOP or word in keep):
            found.append(_word(word))
    return found


def is_character(term: str) -> bool:
    """Whether a query's term stands for every place of one spaceless character."""
    return len(term) == 1 and re.match(f"[{_SPACELESS}]", term) is not None


def _runs(text: str) -> Iterator[tuple[str, str, str]]:
    """(spaceless run, "", joint) or ("", word, joint): `joint` is how it hangs together with the one before it."""
    end, before, was_spaceless = -1, "", False
    for match in _RUN.finditer(normalise(text)):
        spaceless, word = match.groups("")
        joint = ""
        if match.start() == end and bool(spaceless) is not was_spaceless:
            joint = (before[-1] if was_spaceless else before) + (spaceless[:1] or word)
        yield spaceless, word, joint[:_MOST_LETTERS]
        end, before, was_spaceless = match.end(), spaceless or word, bool(spaceless)


@lru_cache(maxsize=1 << 16)
def _word(word: str) -> str:
    if not word.isascii():
        word = "".join(c for c in unicodedata.normalize("NFD", word) if not "\u0300" <= c <= "\u036f")
    return stem(word[:_MOST_LETTERS])
