"""The guard on what an answer tells of strangers: bank cards and identity numbers that the asker did not give.

It watches answers only, out of the box, and only numbers that prove themselves by a check digit: whoever writes about order
numbers is left alone. What the asker's own conversation holds, however it is written there, may be said back.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

from stepladder.core import Action, Side, Span, Turn, Verdict, config
from stepladder.privacy import Finding, Kind, canonical, find
from stepladder.safety.spans import mask

KINDS = (Kind.BANK_CARD, Kind.ID_NUMBER)
_WINDOW = 64
_BETWEEN = "[ \\-\u00a0\u2000-\u2014\u202f\u2212\u3000\ufe63]?"
_MANY = re.compile(rf"\d(?:{_BETWEEN}\d){{11}}")  # the shortest card
_END = re.compile(rf"\d(?:{_BETWEEN}\d)*{_BETWEEN}\Z")
_OLD_ID = 15  # characters; it has no check digit
_NOTHING = Verdict()


def may_hold(text: str) -> bool:
    """Whether a text has digits enough in a row for such a number; they count in every script."""
    return _MANY.search(text) is not None


def begins(text: str) -> bool:
    """Whether a text's end may be the beginning of such a number."""
    if not (text[-1:].isdecimal() or text[-2:-1].isdecimal()):
        return False
    return _END.search(text, max(0, len(text) - _WINDOW)) is not None


def given_in(texts: Iterable[str]) -> tuple[str, ...]:
    """Those of an asker's texts that may hold such a number, without what people write between digits."""
    return tuple(canonical(text) for text in texts if may_hold(text))


@dataclass(frozen=True, slots=True)
class NumbersSettings:
    """What becomes of a number: "redact" (default), "hold" or "block"."""

    action: Action = Action.REDACT


class NumbersGuard:
    """Finds them in a window: no card is written in more than 64 characters."""

    window = _WINDOW
    quick = True
    side = Side.OUT

    def __init__(self, name: str, settings: NumbersSettings | None = None) -> None:
        self.name = name
        self._action = (settings or NumbersSettings()).action
        self._given: Callable[[], tuple[str, ...]] = tuple

    @classmethod
    def open(cls, name: str, settings: Mapping[str, Any]) -> Self:
        """Open with a configuration's settings. Raises ConfigError naming the key."""
        return cls(name, config.settings(settings, NumbersSettings, f"guards.{name}"))

    @property
    def redacts(self) -> bool:
        """Whether what it finds is cut out, and the rest goes on."""
        return self._action is Action.REDACT

    def knowing(self, given: Callable[[], tuple[str, ...]]) -> Self:
        """The same guard for an asker who gave these texts (see `given_in`); they are only called for if there is a number."""
        fresh = type(self).__new__(type(self))  # for every answer, and `copy` takes ten times as long
        fresh.name, fresh._action, fresh._given = self.name, self._action, given
        return fresh

    def tail(self, text: str) -> int:
        """How many characters of the text's end may be the beginning of a number; they wait for what follows."""
        found = _END.search(text, max(0, len(text) - _WINDOW))
        return 0 if found is None else len(text) - found.start()

    def check(self, text: str, turns: Sequence[Turn] = ()) -> Verdict:
        """Find the numbers that nobody gave."""
        if not may_hold(text):
            return _NOTHING
        given = self._given()
        spans = tuple(
            Span(one.start, one.end, str(one.kind), one.text)
            for one in find(text, KINDS)
            if _proven(one) and not any(canonical(one.text) in said for said in given)
        )
        if not spans:
            return _NOTHING
        categories = tuple(dict.fromkeys(span.kind for span in spans))
        redacted = mask(text, spans) if self._action is Action.REDACT else None
        return Verdict(
            self._action, categories, 1.0, spans, f"{len(spans)} numbers that nobody gave", redacted
        )


def _proven(found: Finding) -> bool:
    return found.kind is Kind.BANK_CARD or len(canonical(found.text)) != _OLD_ID
