"""The guard that an owner teaches: a `linear` model fitted on the owner's own lines, in the place of our classifiers.

What it looks for is what it was taught: offence in one's own trade, or what is no matter of the task (off-topic). The model
is what `stepladder guard fit` writes, or any release of the recipe `linear`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import Any, Self

from stepladder.core import Action, ConfigError, DataError, Side, Turn, Verdict, config
from stepladder.models import LinearModel

BAD, FINE = "flag", "pass"
"""The labels that `stepladder guard fit` teaches."""


@dataclass(frozen=True, slots=True)
class LinearGuardSettings:
    """`model` is a folder; `bad` are the labels of its that are objected to, by `threshold` (0 to 1) or more together."""

    model: str
    bad: tuple[str, ...] = (BAD,)
    threshold: float = 0.5
    action: Action = Action.BLOCK
    side: Side = Side.BOTH


class LinearGuard:
    """Judges one whole text, so `window` is None; the conversation before it does not count."""

    window = None
    quick = True

    def __init__(self, name: str, settings: LinearGuardSettings, model: LinearModel, digest: str) -> None:
        _check(settings, model, f"guards.{name}")
        self.name = name
        self.side = settings.side
        self.digest = digest
        self._settings = settings
        self._model = model
        self._columns = [model.classes.index(label) for label in settings.bad]

    @classmethod
    def open(cls, name: str, settings: Mapping[str, Any]) -> Self:
        """Read the model. Raises ConfigError naming the key, and DataError where the folder holds no such model."""
        wanted = config.settings(settings, LinearGuardSettings, f"guards.{name}")
        folder = Path(wanted.model)
        model = LinearModel.load(folder)
        try:
            files = sorted(file for file in folder.iterdir() if file.is_file())
            said = blake2b(b"".join(file.read_bytes() for file in files), digest_size=8)
        except OSError as error:
            raise DataError(f"Cannot read {folder}: {error.strerror}.", remedy="Check the path.") from error
        return cls(name, wanted, model, said.hexdigest())

    def check(self, text: str, turns: Sequence[Turn] = ()) -> Verdict:
        """Judge a text by the labels that are objected to; an empty one passes."""
        if not text.strip():
            return Verdict()
        chances = self._model.probabilities(text)
        score = float(sum(chances[column] for column in self._columns))
        if score < self._settings.threshold:
            return Verdict(score=score)
        likeliest = self._model.classes[max(self._columns, key=lambda column: float(chances[column]))]
        category = self.name if likeliest == BAD else likeliest
        return Verdict(self._settings.action, (category,), score, reason=f"looks like {category}")


def _check(settings: LinearGuardSettings, model: LinearModel, where: str) -> None:
    unknown = [label for label in settings.bad if label not in model.classes]
    if unknown or not settings.bad:
        raise ConfigError(
            f"{where}.bad is {list(settings.bad)!r}.",
            param=f"{where}.bad",
            remedy=f"Labels of the model: {', '.join(model.classes)}.",
        )
    if not 0 < settings.threshold <= 1:
        raise ConfigError(
            f"{where}.threshold is {settings.threshold!r}.",
            param=f"{where}.threshold",
            remedy="Choose above 0, at most 1.",
        )
    if settings.action is Action.REDACT:
        raise ConfigError(
            f"{where}.action is 'redact'.",
            param=f"{where}.action",
            remedy="Write pass, hold or block: it judges a whole text and names no part of it.",
        )
