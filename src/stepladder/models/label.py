"""Reading the one label that a model's words mean, and never guessing it."""

import re
from collections.abc import Mapping, Sequence

from stepladder.text import normalise

_SHORT = 200
"""A longer answer is searched for its label no more: it reasons, and may take back what it said."""

_MARKS = " *_`\"'“”‘’「」『』【】《》<>[]()"
_STOPS = ".,;:!。、"
_NAMED = re.compile(r"(?:[:=]|\b(?:is|be|as)|[是为])$")
"""What may stand before a label that ends the answer: "Label:", "The answer is", "答案是"."""
_DENIED = re.compile(r"\b(?:not|no|never|neither|nor|cannot|without|or)\b|n['’]t\b|[不非没无未否莫勿别或?]")
_ENDED = re.compile(
    r"""[*_`"'”’」』】》>\])]*(?:\s*[.,;:!](?![a-z0-9])|[。、]|\s[-\u2013\u2014(]\s?|(?<![a-z0-9])\(|\s*$)"""
)
"""What may stand behind a label that begins the answer: the end of a clause. Its reasons may follow."""


def find_label(labels: Sequence[str], text: str) -> str | None:
    """The label that `text` is, names at its end ("Label: good", "答案是好。") or begins with ("Good. It ..."), else None.

    Width, case, simplified or traditional writing, quotes and closing stops carry no meaning, unless a label is written
    with them ("-1", "C#"). Nothing is read out of the middle of a sentence, nothing where another label is named too, and
    nothing where what leads to the label denies it: "It is not good" does not mean good.
    """
    said = text.strip()
    if said in labels:
        return said
    keys: dict[str, list[str]] = {}
    for label in labels:
        keys.setdefault(normalise(label), []).append(label)
    own = set("".join(keys))
    marks = "".join(mark for mark in _MARKS if mark == " " or mark not in own)
    stops = "".join(stop for stop in _STOPS if stop not in own)
    words = normalise(said.replace("\n", "; "))
    key = words.strip(marks + stops)
    if key not in keys and len(said) <= _SHORT:
        key = _named(keys, words, marks, stops)
    found = keys.get(key, [])
    return found[0] if len(found) == 1 else None


def _named(keys: Mapping[str, object], words: str, marks: str, stops: str) -> str:
    """The one key that the words name, "" for none or several."""
    end, begin = words.rstrip(marks + stops), words.lstrip(marks + stops)
    ends = [key for key in keys if end.endswith(key) and _leads(end.removesuffix(key).rstrip(marks + ";"))]
    begins = [key for key in keys if begin.startswith(key) and _ENDED.match(begin, len(key))]
    named = {max(found, key=len) for found in (ends, begins) if found}
    if len(named) != 1:
        return ""
    (key,) = named
    rest = words.replace(key, "\0", 1)
    return "" if any(_occurs(other, rest) for other in keys) else key


def _leads(words: str) -> bool:
    return bool(_NAMED.search(words)) and not _DENIED.search(words)


def _occurs(key: str, text: str) -> bool:
    """Whether it is there: as a word of its own, where its script sets words apart."""
    left = r"(?<![a-z0-9])" if re.match("[a-z0-9]", key) else ""
    right = r"(?![a-z0-9])" if re.search("[a-z0-9]$", key) else ""
    return re.search(left + re.escape(key) + right, text) is not None
