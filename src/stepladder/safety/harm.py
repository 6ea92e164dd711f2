"""The guard against harm: requests and texts of the categories of `taxonomy`, in Chinese and English."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

from stepladder.core import Action, Side, Turn, Verdict, config
from stepladder.safety.classifier import Classifier, grams, shipped
from stepladder.safety.conversation import together
from stepladder.safety.decode import views

_FEW = 10  # n-grams; a word or a mark alone says little, unless it says it loudly
_SURE = 0.9


@dataclass(frozen=True, slots=True)
class HarmSettings:
    """`threshold` None takes the one that was set in training; `categories`, where given, are the only ones that count."""

    action: Action = Action.BLOCK
    threshold: float | None = None
    categories: tuple[str, ...] = ()
    side: Side = Side.BOTH


class HarmGuard:
    """Judges by a trained classifier; `window` is None, because harm is seen in a whole text."""

    window = None
    quick = True

    def __init__(
        self, name: str, settings: HarmSettings | None = None, model: Classifier | None = None
    ) -> None:
        settings = settings or HarmSettings()
        self.name = name
        self.side = settings.side
        self._settings = settings
        self._model = model or shipped("harm")
        self._threshold = settings.threshold

    @classmethod
    def open(cls, name: str, settings: Mapping[str, Any]) -> Self:
        """Open with a configuration's settings. Raises ConfigError naming the key."""
        return cls(name, config.settings(settings, HarmSettings, f"guards.{name}"))

    def check(self, text: str, turns: Sequence[Turn] = ()) -> Verdict:
        """Judge the text, what it says in code, and the conversation that it ends."""
        first = 0.0
        for number, view in enumerate(self._ways(text, turns)):
            score = self._model.score(view)
            enough = self._enough(view) if self._threshold is None else self._threshold
            if score >= enough:
                category = self._model.category(view)
                if not self._settings.categories or category in self._settings.categories:
                    return Verdict(self._settings.action, (category,), score, reason=f"looks like {category}")
            first = first if number else score
        return Verdict(score=first)

    def strain(self, text: str, turns: Sequence[Turn] = ()) -> float:
        """Return the highest threshold at which the text would be flagged."""
        return max(map(self._model.score, self._ways(text, turns)))

    @staticmethod
    def _ways(text: str, turns: Sequence[Turn]) -> list[str]:
        return [text, *(view.text for view in views(text)), *([together(turns, text)] if turns else [])]

    def _enough(self, text: str) -> float:
        """Return the score from which a text counts as harmful: few words must say it clearly."""
        enough = self._model.threshold(text)
        return max(enough, _SURE) if grams(text).buckets.size < _FEW else enough
