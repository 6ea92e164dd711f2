"""Guards are ladders too: a classifier answers where it is sure, and a safety model is asked where it is not."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any, Self
from urllib.parse import urlsplit

from stepladder.core import Action, ConfigError, Guard, Turn, UpstreamFailed, Verdict, config
from stepladder.safety.asking import SafetyModel
from stepladder.safety.attacks import AttacksGuard, AttacksSettings
from stepladder.safety.closer import Closer
from stepladder.safety.dialects import DIALECTS
from stepladder.safety.harm import HarmGuard, HarmSettings

# The safety model is what looks closer here.
_LOWER: dict[str, Callable[[str], Guard]] = {
    "attacks": lambda name: AttacksGuard(name, AttacksSettings(closer=Closer.NEVER)),
    "harm": lambda name: HarmGuard(name, HarmSettings(closer=Closer.NEVER)),
}


class Fail(StrEnum):
    """What counts where the safety model cannot be asked."""

    CLOSE = "close"
    """The guard has failed: the question is answered 503."""
    LOWER = "lower"
    """What the classifier says."""


@dataclass(frozen=True, slots=True)
class LadderSettings:
    """`lower` is the classifier ("attacks" or "harm"); the model is asked where its score is within `band`.

    `key` is a reference to a secret. `controversial` is the action for what the model is not sure of itself. `price_in` and
    `price_out` are those of a million tokens, `timeout` is in seconds. Only a `private` model is told what is confidential.
    """

    base_url: str
    model: str
    dialect: str = "qwen3guard"
    lower: str = "attacks"
    band: tuple[float, ...] = (0.03, 0.9)
    key: str = ""
    controversial: Action = Action.HOLD
    fail: Fail = Fail.CLOSE
    timeout: float = 1.5
    price_in: float = 0.0
    price_out: float = 0.0
    private: bool = False


class LadderGuard:
    """Two rungs. It waits for a server, so it is not quick, and `window` is None: both judge whole texts."""

    window = None
    quick = False

    def __init__(self, name: str, settings: LadderSettings, lower: Guard, upper: SafetyModel) -> None:
        self.name = name
        self.side = lower.side
        self.digest = f"{settings.model} {settings.dialect} {getattr(lower, 'digest', '')}"
        self._settings = settings
        self._lower = lower
        self._upper = upper

    @property
    def private(self) -> Guard:
        """What may judge a confidential text: itself, or only its lower rung."""
        return self if self._settings.private else self._lower

    @classmethod
    def open(cls, name: str, settings: Mapping[str, Any]) -> Self:
        """Check the settings and resolve the key; nothing is asked yet. Raises ConfigError naming the key."""
        where = f"guards.{name}"
        chosen = config.settings(settings, LadderSettings, where)
        _check(chosen, where)
        key = config.secret(chosen.key, f"{where}.key") if chosen.key else ""
        upper = SafetyModel(
            chosen.base_url,
            chosen.model,
            DIALECTS[chosen.dialect],
            key=key,
            timeout=chosen.timeout,
            prices=(chosen.price_in, chosen.price_out),
        )
        return cls(name, chosen, _LOWER[chosen.lower](name), upper)

    def most(self, text: str, turns: Sequence[Turn] = ()) -> float:
        """What a judgement may cost."""
        return self._upper.most(text, turns)

    def check(self, text: str, turns: Sequence[Turn] = ()) -> Verdict:
        """Judge; within the band the model's word counts. Raises UpstreamFailed where it cannot be had and `fail` closes."""
        below = self._lower.check(text, turns)
        low, high = self._settings.band
        if not low <= below.score <= high:
            return below
        try:
            said, cost = self._upper.ask(text, turns)
        except UpstreamFailed as error:
            if self._settings.fail is Fail.CLOSE:
                raise
            return replace(below, reason=f"{below.reason} ({error.message})".strip())
        action = Action.PASS if said.score == 0 else Action.BLOCK
        if 0 < said.score < 1:
            action = self._settings.controversial
        return Verdict(
            action,
            said.categories,
            said.score,
            reason=f"{self._upper.model} says {said.word}",
            by=self._upper.model,
            cost=cost,
        )


def _check(chosen: LadderSettings, where: str) -> None:
    address = urlsplit(chosen.base_url)
    wrong = {
        "base_url": ("Write http(s)://HOST/v1.", address.scheme in ("http", "https") and address.hostname),
        "dialect": (f"Known: {', '.join(DIALECTS)}.", chosen.dialect in DIALECTS),
        "lower": (f"Known: {', '.join(_LOWER)}.", chosen.lower in _LOWER),
        "band": (
            "Write two scores, as [0.03, 0.9].",
            len(chosen.band) == 2 and 0 <= chosen.band[0] <= chosen.band[1] <= 1,
        ),
        "timeout": ("Give seconds above 0, 60 at most.", 0 < chosen.timeout <= 60),
        "controversial": (
            "Write pass, hold or block: there is nothing to redact.",
            chosen.controversial is not Action.REDACT,
        ),
        "price_in": ("Give what a million tokens cost.", min(chosen.price_in, chosen.price_out) >= 0),
    }
    for key, (remedy, right) in wrong.items():
        if not right:
            raise ConfigError(
                f"{where}.{key} is {getattr(chosen, key)!r}.", param=f"{where}.{key}", remedy=remedy
            )
