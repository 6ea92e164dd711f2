"""Lists of sensitive words: what a line means, and how a list is read and written.

A line is `TEXT`, `TEXT<tab>CATEGORY` or `TEXT<tab>CATEGORY<tab>TAG,TAG`; `#` begins a comment. `a+b` is an AND-rule: it
counts where both stand near each other. Tags: `homophone` (also by pinyin and initials), `context` (counts only beside
another word), `allow` (an allowed phrase: what lies inside it is no match), `redact`, `hold` or `block` (the action).
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from stepladder.core import Action, DataError

TAGS = frozenset({"homophone", "context", "allow", "redact", "hold", "block"})
LONGEST = 48
"""Longest word in characters: with separators between its characters a match stays small enough for a stream."""


@dataclass(frozen=True, slots=True)
class Word:
    """One entry. `text` may be an AND-rule; an entry's name is its text."""

    text: str
    category: str = "sensitive"
    tags: frozenset[str] = field(default_factory=frozenset)

    @property
    def parts(self) -> tuple[str, ...]:
        """The texts that all have to be there."""
        parts = tuple(part.strip() for part in self.text.split("+"))
        return parts if len(parts) > 1 and all(parts) else (self.text.strip(),)

    @property
    def action(self) -> Action | None:
        """The action that this entry asks for; None leaves it to the guard."""
        named = [Action(tag) for tag in ("block", "hold", "redact") if tag in self.tags]
        return named[0] if named else None


@dataclass(frozen=True, slots=True)
class Lexicon:
    """Words by their text. Changing it gives a new one."""

    words: dict[str, Word]

    @classmethod
    def of(cls, words: Iterable[Word]) -> "Lexicon":
        """Gather words; of two with one text the later one holds."""
        return cls({word.text: word for word in words})

    def put(self, *words: Word) -> "Lexicon":
        """With these words as well."""
        return Lexicon({**self.words, **{word.text: word for word in words}})

    def remove(self, *texts: str) -> "Lexicon":
        """Without these words."""
        return Lexicon({text: word for text, word in self.words.items() if text not in texts})

    def __len__(self) -> int:
        return len(self.words)


def parse_line(line: str, where: str) -> Word | None:
    """Read one line; None for a comment or an empty one. Raises DataError naming the line."""
    line = (
        line.split("#", 1)[0].strip("\r\n \ufeff")
        if line.lstrip().startswith("#")
        else line.strip("\r\n \ufeff")
    )
    if not line:
        return None
    text, _, rest = line.partition("\t")
    category, _, tags = rest.partition("\t")
    found = frozenset(tag.strip() for tag in tags.split(",") if tag.strip())
    if not found <= TAGS:
        unknown = ", ".join(sorted(found - TAGS))
        raise DataError(f"{where}: unknown tag {unknown}.", remedy=f"Tags: {', '.join(sorted(TAGS))}.")
    if len(text) > LONGEST:
        raise DataError(f"{where}: a word of {len(text)} characters.", remedy=f"At most {LONGEST}.")
    return Word(text.strip(), category.strip() or "sensitive", found)


def read_lexicon(path: Path) -> Lexicon:
    """Read a list in UTF-8. Raises DataError naming file and line."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(
            f"Cannot read {path}: {error}.", remedy="Give a UTF-8 text file, a word a line."
        ) from error
    words = (parse_line(line, f"{path.name} line {number}") for number, line in enumerate(lines, 1))
    return Lexicon.of(word for word in words if word)


def write_lexicon(lexicon: Lexicon, path: Path) -> None:
    """Write a list, sorted, so that two versions can be compared."""
    lines = [
        f"{word.text}\t{word.category}\t{','.join(sorted(word.tags))}".rstrip("\t")
        for word in sorted(lexicon.words.values(), key=lambda word: (word.category, word.text))
    ]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
