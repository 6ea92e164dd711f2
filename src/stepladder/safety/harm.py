"""The guard against harm: requests and texts of the categories of `taxonomy`, in Chinese and English."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

from stepladder.core import Action, Side, Turn, Verdict, config
from stepladder.safety.classifier import Classifier, grams, shipped
from stepladder.safety.closer import Closer, Rungs, Scorer, look_of
from stepladder.safety.conversation import together
from stepladder.safety.decode import views

_FEW = 10  # n-grams; a word or a mark alone says little, unless it says it loudly
_SURE = 0.9


@dataclass(frozen=True, slots=True)
class HarmSettings:
    """`threshold` None takes the one that was set in training; `categories`, where given, are the only ones that count.

    `closer`: see `Closer`.
    """

    action: Action = Action.BLOCK
    threshold: float | None = None
    categories: tuple[str, ...] = ()
    closer: Closer = Closer.ENFORCED
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
        self.closer = settings.closer
        self._rungs = Rungs(self._model, look_of("harm", settings.closer) if model is None else None)

    @classmethod
    def open(cls, name: str, settings: Mapping[str, Any]) -> Self:
        """Open with a configuration's settings. Raises ConfigError naming the key."""
        return cls(name, config.settings(settings, HarmSettings, f"guards.{name}"))

    def check(self, text: str, turns: Sequence[Turn] = ()) -> Verdict:
        """Judge the text, what it says in code, and the conversation that it ends, by n-grams alone."""
        return self._judged(text, turns, self._rungs.quick)

    def closely(self, text: str, turns: Sequence[Turn] = ()) -> Verdict:
        """The same, and by meaning where n-grams leave doubt: what `check` calls unsure. Raises RungFailed."""
        return self._judged(text, turns, self._rungs.close)

    def _judged(self, text: str, turns: Sequence[Turn], look: Scorer) -> Verdict:
        first, unsure = 0.0, False
        for number, view in enumerate(self._ways(text, turns)):
            score, doubt = look(view)
            unsure = unsure or doubt
            enough = self._enough(view) if self._threshold is None else self._threshold
            if score >= enough:
                category = self._model.category(view)
                if not self._settings.categories or category in self._settings.categories:
                    why = f"looks like {category}"
                    return Verdict(self._settings.action, (category,), score, reason=why, unsure=unsure)
            first = first if number else score
        return Verdict(score=first, unsure=unsure)

    def strain(self, text: str, turns: Sequence[Turn] = ()) -> float:
        """Return the highest threshold at which the text would be flagged, by n-grams alone."""
        return max(map(self._model.score, self._ways(text, turns)))

    @staticmethod
    def _ways(text: str, turns: Sequence[Turn]) -> list[str]:
        return [text, *(view.text for view in views(text)), *([together(turns, text)] if turns else [])]

    def _enough(self, text: str) -> float:
        """Return the score from which a text counts as harmful: few words must say it clearly."""
        enough = self._model.threshold(text)
        return max(enough, _SURE) if grams(text).buckets.size < _FEW else enough
