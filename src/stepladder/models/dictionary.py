"""The dictionary rung: the owner's word for questions that are known, certain or silent."""

from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass, field

from stepladder.core import Answer, BadRequest, Part, Question, RungFailed, Task
from stepladder.models.contract import parse_answer
from stepladder.models.phrases import Pattern, Phrases
from stepladder.store import WORD, Entry
from stepladder.text import dictionary_key


@dataclass(frozen=True, slots=True)
class Known:
    """The entry that answers a question: its kind and its key, and the question in the words that it was found by."""

    kind: str
    key: str
    asked: str


@dataclass(slots=True)
class Entries:
    """A task's entries: answers by the text to the letter, by its normal form, and by what the text holds.

    `synonyms` are what askers call a thing -> what the documents call it, `facts` the name of a thing -> what is so,
    `terms` names that count as a whole, as they are written.

    `put` and `remove` change it in place, so that an edit is in force for the next question; questions are answered
    meanwhile. `edits` counts the changes: what was answered before one of them is not to be said again.
    """

    exact: dict[str, str] = field(default_factory=dict)
    normalised: dict[str, str] = field(default_factory=dict)
    patterns: Phrases = field(default_factory=Phrases)
    phrases: Phrases = field(default_factory=Phrases)
    synonyms: Phrases = field(default_factory=Phrases)
    facts: Phrases = field(default_factory=Phrases)
    terms: Phrases = field(default_factory=Phrases)
    edits: int = 0

    @classmethod
    def of(cls, rows: Iterable[Entry]) -> "Entries":
        """From the store's rows, whose keys are in the form that `entry_key` gives."""
        found = cls()
        for row in rows:
            found.put(row.kind, row.key, row.answer)
        return found

    def put(self, kind: str, key: str, answer: str) -> None:
        """Add an entry, or replace the one with this kind and key."""
        held = self._held(kind)
        if held is not None:
            held.put(key, Pattern.of(key) if kind == "pattern" else Pattern.phrase(key), answer)
        else:
            (self.exact if kind == "exact" else self.normalised)[key] = answer
        self.edits += 1

    def remove(self, kind: str, key: str) -> None:
        """Take an entry out, if it is there."""
        held = self._held(kind)
        if held is not None:
            held.remove(key)
        else:
            (self.exact if kind == "exact" else self.normalised).pop(key, None)
        self.edits += 1

    def variants(self, text: str) -> tuple[str, ...]:
        """The text, and where it holds synonyms, the same in the documents' words."""
        if not self.synonyms:
            return (text,)
        key = dictionary_key(text)
        said = self.synonyms.replaced(key)
        return (text,) if said == key else (text, said)

    def facts_on(self, text: str) -> list[tuple[str, str]]:
        """(name, what is so) of the things that a text names, in its own words or in the documents'."""
        if not self.facts:
            return []
        named = [one for said in self.variants(text) for one in self.facts.held(dictionary_key(said))]
        return list(dict.fromkeys(named))

    def terms_in(self, text: str) -> list[Pattern]:
        """The terms that a text names, in its own words or in the documents': what else names them, they fit."""
        if not self.terms:
            return []
        keys = [key for said in self.variants(text) for key, _ in self.terms.held(dictionary_key(said))]
        return [Pattern.phrase(key) for key in dict.fromkeys(keys)]

    def _held(self, kind: str) -> Phrases | None:
        kinds = {
            "pattern": self.patterns,
            "phrase": self.phrases,
            "synonym": self.synonyms,
            "fact": self.facts,
            "term": self.terms,
        }
        return kinds.get(kind)

    def find(self, text: str) -> str | None:
        """The answer to this text, None where no entry knows it.

        To the letter goes before normalised, that before a pattern, and that before a phrase; of several the longest. Where
        none knows it, the text is looked up with its synonyms replaced.
        """
        found = self.exact.get(text)
        if found is not None or not (self.normalised or self.patterns or self.phrases):
            return found
        key = dictionary_key(text)
        found = self._find(key)
        if found is None and self.synonyms and (said := self.synonyms.replaced(key)) != key:
            found = self._find(said)
        return found

    def known(self, text: str) -> Known | None:
        """The entry that `find` answers with, None where there is none."""
        if text in self.exact:
            return Known("exact", text, text)
        for said in self.variants(dictionary_key(text)):
            if said in self.normalised:
                return Known("normalised", said, said)
            for kind, held in (("pattern", self.patterns), ("phrase", self.phrases)):
                if (best := held.best(said)) is not None:
                    return Known(kind, best[0], said)
        return None

    def _find(self, key: str) -> str | None:
        found = self.normalised.get(key)
        if found is None and self.patterns:
            found = self.patterns.find(key)
        if found is None and self.phrases:
            found = self.phrases.find(key)
        return found


def entry_key(kind: str, text: str) -> str:
    """The key under which an entry of this kind is kept. Raises BadRequest where it would mean nothing or everything."""
    if kind == "exact":
        return text
    key = dictionary_key(text) if kind != "pattern" else text.strip()
    pieces = Pattern.of(key).pieces if kind == "pattern" else (key,)
    if not any(pieces):
        raise BadRequest(f"key {text!r} would match everything.", param="key", remedy="Give it some words.")
    if kind == "pattern" and "*" not in key:
        raise BadRequest(
            f"key {text!r} is no pattern.",
            param="key",
            remedy="Write * for what may differ, or kind normalised.",
        )
    return key


TERM = "term"
OF_THINGS = ("synonym", "fact", TERM)
"""Kinds of entries that are no answers."""


def checked_entry(task: Task, kind: str, text: str, answer: str) -> tuple[str, str]:
    """An entry's key, and its answer as the task's contract writes it. Raises BadRequest."""
    if not text.strip():
        raise BadRequest("key is empty.", param="key", remedy="Give the question that it answers.")
    if kind == WORD:
        raise BadRequest(
            "A word is for all tasks.",
            param="kind",
            remedy="PUT /admin/words, or stepladder dictionary word.",
        )
    key = entry_key(kind, text)
    if kind != TERM and not answer.strip():
        raise BadRequest("answer is empty.", param="answer", remedy=f"Give what the {kind} entry says.")
    if kind in OF_THINGS:
        if kind == TERM and answer.strip():
            raise BadRequest("A term has no answer.", param="answer", remedy="Leave it empty.")
        return key, answer.strip()
    try:
        return key, parse_answer(task, answer)
    except RungFailed as error:
        raise BadRequest(f"answer: {error.message}", param="answer", remedy=error.remedy) from error


class DictionaryRung:
    """Answers what its entries know.

    A question that no entry knows is answered with an empty text at confidence 0, which no ladder believes.
    """

    __slots__ = ("_entries",)

    name = "dictionary"
    release = ""

    def __init__(self, entries: Entries) -> None:
        self._entries = entries

    async def answer(self, question: Question) -> AsyncIterator[Part]:
        """Look it up."""
        found = self._entries.find(question.text)
        yield Answer(found or "", 0.0 if found is None else 1.0, self.name)

    def explain(self, question: Question, limit: int = 5) -> list[Known]:
        """The entry that answers."""
        found = self._entries.known(question.text)
        return [] if found is None else [found][:limit]
