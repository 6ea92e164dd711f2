"""The dictionary rung: the owner's word for exact or normalised questions, certain or silent."""

from collections.abc import AsyncIterator, Iterable, Mapping
from dataclasses import dataclass, field

from stepladder.core import Answer, Part, Question
from stepladder.store import Entry
from stepladder.text import dictionary_key


@dataclass(frozen=True, slots=True)
class Entries:
    """A frozen view of a task's entries: answers by the text to the letter, and by its normal form."""

    exact: Mapping[str, str] = field(default_factory=dict)
    normalised: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, rows: Iterable[Entry]) -> "Entries":
        """From the store's rows, whose normalised keys are in normal form already."""
        kept = list(rows)
        return cls(
            {entry.key: entry.answer for entry in kept if entry.kind == "exact"},
            {entry.key: entry.answer for entry in kept if entry.kind == "normalised"},
        )

    def find(self, text: str) -> str | None:
        """The answer to this text: to the letter goes before normalised; None where no entry knows it."""
        found = self.exact.get(text)
        if found is None and self.normalised:
            found = self.normalised.get(dictionary_key(text))
        return found


class DictionaryRung:
    """Answers what its entries know. An edit swaps the whole rung.

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
