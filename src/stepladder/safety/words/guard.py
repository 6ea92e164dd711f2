"""The guard over sensitive words. The list can be changed while it is asked: a change is one swapped reference."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from importlib.resources import files
from pathlib import Path
from typing import Any, Self

from stepladder.core import Action, Side, Span, Turn, Verdict, config
from stepladder.safety.spans import mask
from stepladder.safety.words.importer import parse_words
from stepladder.safety.words.lexicon import Lexicon, Word, read_lexicon
from stepladder.safety.words.matcher import Match, Matcher

_REACH = 60  # characters within which a context word counts beside another one
_WINDOW = 64


@dataclass(frozen=True, slots=True)
class WordsSettings:
    """`lists` are files of words; without any, the small list that ships. `action` is for words that name none."""

    lists: tuple[str, ...] = ()
    action: Action = Action.BLOCK
    side: Side = Side.BOTH


class WordsGuard:
    """Looks for the words of a lexicon (see `lexicon` for what a line means)."""

    quick = True

    def __init__(
        self, name: str, lexicon: Lexicon, *, action: Action = Action.BLOCK, side: Side = Side.BOTH
    ) -> None:
        self.name = name
        self.side = side
        self._action = action
        self._listed = self._kept = lexicon
        self._owners: frozenset[str] = frozenset()
        self._removed: frozenset[str] = frozenset()
        self._matchers: tuple[Matcher, ...] = (Matcher(lexicon),)

    @classmethod
    def open(cls, name: str, settings: Mapping[str, Any]) -> Self:
        """Open with a configuration's settings. Raises ConfigError, and DataError naming a list's bad line."""
        wanted = config.settings(settings, WordsSettings, f"guards.{name}")
        lexicon = shipped_words()
        if wanted.lists:
            lexicon = Lexicon.of(
                word for path in wanted.lists for word in read_lexicon(Path(path)).words.values()
            )
        return cls(name, lexicon, action=wanted.action, side=wanted.side)

    @property
    def window(self) -> int:
        """Longest match, separators between characters included."""
        return _WINDOW

    @property
    def digest(self) -> str:
        """Changes with the words in force."""
        rows = sorted((one.text, one.category, *sorted(one.tags)) for one in self._kept.words.values())
        return blake2b(repr(rows).encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()

    @property
    def lexicon(self) -> Lexicon:
        """The words in force."""
        return self._kept

    def put(self, *words: Word) -> None:
        """Add or replace words, at once: only a small second automaton is built."""
        added = self._kept.words.keys() - self._matchers[0].words.keys()
        self._kept = self._kept.put(*words)
        fresh = {word.text for word in words} | set(added)
        replaced = frozenset(fresh & self._matchers[0].words.keys())
        delta = Matcher(Lexicon({text: self._kept.words[text] for text in fresh if text in self._kept.words}))
        self._removed = self._removed | replaced
        self._matchers = (self._matchers[0], delta)

    def remove(self, *texts: str) -> None:
        """Take words out, at once."""
        self._kept = self._kept.remove(*texts)
        self._removed = self._removed | frozenset(texts)
        first = self._matchers[0].words.keys() - self._removed
        later = {text: word for text, word in self._kept.words.items() if text not in first}
        self._matchers = (self._matchers[0], Matcher(Lexicon(later))) if later else self._matchers[:1]

    def let_owner_say(self, words: Sequence[Word]) -> None:
        """Let the words of the live dictionary be these, at once, beside and before the lists'."""
        gone = self._owners - {word.text for word in words}
        back = [self._listed.words[text] for text in gone if text in self._listed.words]
        if gone:
            self.remove(*gone)
        if back or words:
            self.put(*back, *words)
        self._owners = frozenset(word.text for word in words)

    def check(self, text: str, turns: Sequence[Turn] = ()) -> Verdict:
        """Judge a text by the words in it."""
        found = self._counted(self._found(text))
        if not found:
            return Verdict()
        actions = [match.word.action or self._action for match in found]
        action = max(actions, key=lambda one: one.severity)
        spans = tuple(
            Span(match.start, match.end, match.word.category, text[match.start : match.end])
            for match in sorted(found, key=lambda match: (match.start, -match.end))
        )
        categories = tuple(dict.fromkeys(span.kind for span in spans))
        redacted = mask(text, spans) if action is Action.REDACT else None
        return Verdict(action, categories, 1.0, spans, f"{len(spans)} listed words", redacted)

    def _found(self, text: str) -> list[Match]:
        first, *later = self._matchers
        found = [match for match in first.find(text) if match.word.text not in self._removed]
        return found + [match for matcher in later for match in matcher.find(text)]

    @staticmethod
    def _counted(found: list[Match]) -> list[Match]:
        """Leave context words out that have no word of their own weight near them."""
        strong = [match for match in found if "context" not in match.word.tags]
        weak = [match for match in found if "context" in match.word.tags]
        near = [one for one in weak if any(abs(one.start - other.start) <= _REACH for other in strong)]
        return strong + near


def shipped_words() -> Lexicon:
    """Return the small list of ours."""
    lines = (files("stepladder.safety") / "data" / "words.txt").read_text(encoding="utf-8").splitlines()
    return parse_words(lines)
