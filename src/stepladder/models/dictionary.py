"""The dictionary rung: the owner's word for exact or normalised questions, certain or silent."""

from collections.abc import AsyncIterator, Iterable

from stepladder.core import Answer, Part, Question
from stepladder.store import Entry
from stepladder.text import dictionary_key


class DictionaryRung:
    """A frozen view of a task's entries; an edit swaps the whole rung. To the letter goes before normalised.

    A question that no entry knows is answered with an empty text at confidence 0, which no ladder believes.
    """

    __slots__ = ("_exact", "_normalised", "_version")

    name = "dictionary"

    def __init__(self, entries: Iterable[Entry], *, version: int = 0) -> None:
        kept = list(entries)
        self._exact = {entry.key: entry.answer for entry in kept if entry.kind == "exact"}
        self._normalised = {entry.key: entry.answer for entry in kept if entry.kind == "normalised"}
        self._version = version

    @property
    def release(self) -> str:
        """The version of the entries."""
        return f"dictionary-{self._version}"

    async def answer(self, question: Question) -> AsyncIterator[Part]:
        """Look it up."""
        found = self._exact.get(question.text)
        if found is None and self._normalised:
            found = self._normalised.get(dictionary_key(question.text))
        if found is None:
            yield Answer("", 0.0, self.name, self.release)
        else:
            yield Answer(found, 1.0, self.name, self.release)
