"""The guard on personal data: what `stepladder.privacy` finds, replaced by its kind.

A name or an address alone is no secret (encyclopaedias are full of them): it is redacted where it stands beside
something that identifies a person, or always, if the settings say so; looking for it takes most of the time, so that a
text that identifies nobody is done with first.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

from stepladder.core import Action, ConfigError, Side, Span, Turn, Verdict, config
from stepladder.privacy import Finding, Kind, PresidioFinder, find, identifies
from stepladder.safety.spans import mask

_WEAK = frozenset({"person", "address", "birth_date", "url", "organization", "ip_address"})
_NAMES = ("beside", "reported", "always")
_ENGINES = ("own", "presidio")
_WINDOW = 64
_NOTHING = Verdict()
Finder = Callable[[str, Collection[Kind | str] | None], list[Finding]]
"""Finds the kinds asked for (None: all) in a text, as `stepladder.privacy.find` does."""


@dataclass(frozen=True, slots=True)
class PersonalSettings:
    """`kinds`: only these (all by default).

    `names`: redacted "beside" an identifying thing (and not looked for without one), likewise but "reported" where they
    stand alone, or "always" redacted. `engine`: "own", or "presidio" (extra `presidio`), which reads `language`.
    """

    kinds: tuple[str, ...] = ()
    names: str = "beside"
    engine: str = "own"
    language: str = "en"
    action: Action = Action.REDACT
    side: Side = Side.BOTH


class PersonalGuard:
    """Finds personal data in a window: the longest is an address. Presidio is not quick, and waits for whole answers."""

    window = _WINDOW

    def __init__(
        self, name: str, settings: PersonalSettings | None = None, finder: Finder | None = None
    ) -> None:
        """`finder` in the place of the settings' engine. Raises ConfigError naming the key, MissingExtra."""
        settings = settings or PersonalSettings()
        _check(settings, f"guards.{name}")
        self.name = name
        self.side = settings.side
        self.quick = settings.engine == "own"
        self._settings = settings
        self._find: Finder = find
        if not self.quick:
            self._find = finder or PresidioFinder(language=settings.language)

    @classmethod
    def open(cls, name: str, settings: Mapping[str, Any]) -> Self:
        """Open with a configuration's settings. Raises ConfigError naming the key."""
        return cls(name, config.settings(settings, PersonalSettings, f"guards.{name}"))

    def check(self, text: str, turns: Sequence[Turn] = ()) -> Verdict:
        """Find the personal data in a text."""
        if self.quick and self._settings.names == "beside" and not identifies(text):
            return _NOTHING
        found = self._find(text, self._settings.kinds or None)
        if not found:
            return _NOTHING
        spans = tuple(Span(one.start, one.end, str(one.kind), one.text) for one in found)
        score = max(one.score for one in found)
        if self._settings.names != "always" and all(span.kind in _WEAK for span in spans):
            return Verdict(score=0.0, spans=spans)
        categories = tuple(dict.fromkeys(span.kind for span in spans))
        action = self._settings.action
        redacted = mask(text, spans) if action is Action.REDACT else None
        return Verdict(action, categories, score, spans, f"{len(spans)} pieces of personal data", redacted)


def _check(settings: PersonalSettings, where: str) -> None:
    unknown = [kind for kind in settings.kinds if kind not in list(Kind)]
    wrong = {
        "kinds": (unknown[:1], f"Kinds: {', '.join(Kind)}."),
        "names": ([settings.names] * (settings.names not in _NAMES), f"Names: {', '.join(_NAMES)}."),
        "engine": ([settings.engine] * (settings.engine not in _ENGINES), f"Engines: {', '.join(_ENGINES)}."),
    }
    for key, (values, remedy) in wrong.items():
        for value in values:
            raise ConfigError(
                f"{where}.{key}: {value!r} is not known.", param=f"{where}.{key}", remedy=remedy
            )
