"""Whether a draft is, by itself, what was asked for."""

from functools import lru_cache

from stepladder.core import Passage
from stepladder.data.cleaning import Length, Repetition, language_of
from stepladder.data.rowfile import RowFile
from stepladder.data.synthesis.drafts import Draft
from stepladder.data.synthesis.wish import How
from stepladder.knowledge import Evidence
from stepladder.text import normalise, sentences

_TOLD_BY = 12  # shorter texts do not show their language


class Soundness:
    """Looks at one draft after the other, those of one request together."""

    def __init__(self, seeds: RowFile, how: How) -> None:
        self._seeds, self._how = seeds, how

    def fault(self, draft: Draft) -> str:
        """Why it is left out, or nothing."""
        seed = draft.request["passage"] if self._how is How.DOCUMENTS else self._seeds[draft.seed]
        if any(_misshapen(text, seed, 1 if at else 2) for at, text in enumerate(draft.said)):
            return "form"
        if any(_foreign(text, seed) for text in draft.said):
            return "another language"
        if self._how is How.DOCUMENTS and not carried(draft.said[1], seed, draft.request["over"]):
            return "not in the passage"
        if self._how is How.PREFERENCES and normalise(draft.said[0]) == normalise(draft.said[1]):
            return "no difference"
        return ""


def carried(answer: str, passage: str, over: str = "") -> bool:
    """Whether a passage carries an answer: word for word, or each of its sentences by one of the passage's.

    `over` are the passage's title and headings. A sentence without words that tell something carries nothing.
    """
    if (asked := normalise(answer)) and _stands_in(asked, normalise(passage)):
        return True
    evidence = _evidence(passage, over)
    spans = sentences(answer)
    return bool(spans) and all(evidence.support(answer[start:end]) is not None for start, end in spans)


def _stands_in(answer: str, passage: str) -> bool:
    """As whole words: 5 does not stand in 15."""
    at = passage.find(answer)
    while at >= 0:
        around = passage[at - 1 : at + 1] if at else "", passage[at + len(answer) - 1 : at + len(answer) + 1]
        if not any(_one_word(pair) for pair in around):
            return True
        at = passage.find(answer, at + 1)
    return False


def _one_word(pair: str) -> bool:
    return len(pair) == 2 and all(letter.isascii() and letter.isalnum() for letter in pair)


@lru_cache(maxsize=1)
def _evidence(passage: str, over: str) -> Evidence:
    return Evidence([Passage(0, "", "", passage, heading=over)])


def _misshapen(text: str, seed: str, least: int) -> bool:
    """Empty, endless or repetitive."""
    rules = (Length(least, 4 * len(seed) + 400), Repetition())
    return any(rule.look([text])[0].text is None for rule in rules)


def _foreign(text: str, seed: str) -> bool:
    told = len(text) > _TOLD_BY and len(seed) > _TOLD_BY
    return told and language_of(text) != language_of(seed)
