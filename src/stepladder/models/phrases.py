"""Entries that a question contains: phrases, and patterns with `*` for anything in between.

Every entry is filed under its longest piece, and that under the piece's first word, or its first characters where they
are no letters or of a script without words. Finding looks each place of a text up once, so its time grows with the text and
not with the number of entries; adding and removing touch one place, so an edit is in force at once. (An Aho-Corasick
automaton would have to be built anew: seconds for a million.)
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from stepladder.text import LETTERS, dictionary_key, find_whole, is_whole, normalise

_HEAD = 3  # characters by which pieces without words are filed; shorter ones are filed under all they have
STAR = "*"
_WORD = re.compile(f"{LETTERS}+")


@dataclass(frozen=True, slots=True)
class Pattern:
    """Pieces in normal form that stand in a text in this order, without overlapping, the first and the last as wholes
    of words. With `starts` nothing stands before the first, with `ends` nothing after the last."""

    pieces: tuple[str, ...]
    starts: bool
    ends: bool

    @classmethod
    def phrase(cls, key: str) -> "Pattern":
        """A phrase, wherever it stands."""
        return cls((dictionary_key(key),), False, False)

    @classmethod
    def of(cls, key: str) -> "Pattern":
        """A pattern such as "where is my * order": the whole question, with anything for each star."""
        parts = key.split(STAR)
        pieces = tuple(piece for piece in (normalise(part) for part in parts) if piece)
        return cls(pieces, bool(parts[0].strip()), bool(parts[-1].strip()))

    @property
    def longest(self) -> str:
        """The piece by which it is filed."""
        return max(self.pieces, key=len)

    def fits(self, text: str) -> bool:
        """Whether a text in normal form (`dictionary_key`) is one of those that are meant."""
        at = 0
        for place, piece in enumerate(self.pieces):
            first, last = place == 0, place == len(self.pieces) - 1
            if first and self.starts:
                if not (text.startswith(piece) and is_whole(text, 0, len(piece))):
                    return False
                at = len(piece)
                if not (last and self.ends):
                    continue
            if last and self.ends:
                start = len(text) - len(piece)
                fits = start >= (0 if first else at) and text.endswith(piece)
                return fits and not (first and self.starts and start) and is_whole(text, start, len(text))
            found = find_whole(text, piece, at)
            if found < 0:
                return False
            at = found + len(piece)
        return True


@dataclass(slots=True)
class Phrases:
    """Answers of phrases and patterns by their keys. Reading while one thread edits is safe."""

    _patterns: dict[str, tuple[Pattern, str]] = field(default_factory=dict)
    _filed: dict[str, tuple[str, ...]] = field(default_factory=dict)  # piece -> keys
    _words: dict[str, tuple[int, ...]] = field(default_factory=dict)  # first word -> lengths of pieces
    _heads: dict[str, tuple[int, ...]] = field(default_factory=dict)  # first characters -> the same
    _sizes: tuple[int, ...] = ()  # of heads
    _plain: bool = True  # no head is ASCII: an ASCII text has words alone

    def __len__(self) -> int:
        return len(self._patterns)

    def put(self, key: str, pattern: Pattern, answer: str) -> None:
        """Add, or replace what has this key."""
        self.remove(key)
        piece = pattern.longest
        self._patterns[key] = (pattern, answer)
        self._filed[piece] = (*self._filed.get(piece, ()), key)
        word = _WORD.match(piece)
        head, lengths = (word[0], self._words) if word else (piece[:_HEAD], self._heads)
        if len(piece) not in lengths.get(head, ()):
            lengths[head] = (*lengths.get(head, ()), len(piece))
        if not word:
            self._plain &= not head[0].isascii()
            self._sizes = self._sizes if len(head) in self._sizes else (*self._sizes, len(head))

    def remove(self, key: str) -> None:
        """Take it out, if it is there. (Lengths stay: they cost a look, and answer nothing.)"""
        found = self._patterns.pop(key, None)
        if found is None:
            return
        piece = found[0].longest
        kept = tuple(one for one in self._filed[piece] if one != key)
        if kept:
            self._filed[piece] = kept
        else:
            del self._filed[piece]

    def find(self, text: str) -> str | None:
        """The answer of the longest entry that a text in normal form holds; of equals, of the first key."""
        found = self.best(text)
        return None if found is None else found[1]

    def best(self, text: str) -> tuple[str, str] | None:
        """Key and answer of that entry."""
        best: tuple[int, str] | None = None
        answer = None
        for key in self._candidates(text):
            found = self._patterns.get(key)
            if found is None or not found[0].fits(text):
                continue
            rank = (-sum(map(len, found[0].pieces)), key)
            if best is None or rank < best:
                best, answer = rank, found[1]
        return None if best is None or answer is None else (best[1], answer)

    def held(self, text: str) -> list[tuple[str, str]]:
        """(key, answer) of every entry that a text in normal form holds, the longest first."""
        keys = dict.fromkeys(self._candidates(text))
        found = [(key, self._patterns[key]) for key in keys if key in self._patterns]
        fitting = [(key, answer) for key, (pattern, answer) in found if pattern.fits(text)]
        return sorted(fitting, key=lambda one: (-len(one[0]), one[0]))

    def replaced(self, text: str) -> str:
        """A text in normal form with its phrases' answers in their places, longer phrases first, nothing twice."""
        answers = {key: answer for key, answer in self.held(text) if normalise(answer) not in text}
        if not answers:
            return text
        either = "|".join(map(re.escape, answers))
        return re.sub(either, lambda at: self._said(at, answers), text)

    @staticmethod
    def _said(at: re.Match[str], answers: dict[str, str]) -> str:
        return answers[at[0]] if is_whole(at.string, at.start(), at.end()) else at[0]

    def _candidates(self, text: str) -> Iterator[str]:
        """Keys whose longest piece stands somewhere in the text, some of them more than once."""
        filed, of_word, of_head = self._filed.get, self._words.get, self._heads.get
        places = [(word.start(), found) for word in _WORD.finditer(text) if (found := of_word(word[0]))]
        if not (self._plain and text.isascii()):
            for size in self._sizes:
                heads = enumerate([text[start : start + size] for start in range(len(text))])
                places += [(start, found) for start, head in heads if (found := of_head(head))]
        for start, lengths in places:
            for length in lengths:
                yield from filed(text[start : start + length], ())
