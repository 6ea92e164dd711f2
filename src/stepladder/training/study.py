"""Studies: the settings of a recipe that do best on rows it does not learn, found by Optuna.

The next settings to try are drawn near those that did well (Bergstra et al. 2011, "Algorithms for Hyper-Parameter
Optimization"); a trial that does worse than half of the others did at the same point is pruned. All is in a journal in the
study's folder: the same command goes on where it was killed, with the very trial that was under way.
"""

import json
import re
import shutil
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any, Self

from stepladder.core import BadRequest, DataError, MissingExtra

_STATES = {"COMPLETE": "complete", "PRUNED": "pruned", "FAIL": "failed"}
_UNTRIED = 4  # trials before any is pruned
_WIDE = 50.0  # a span as wide as this is searched by its logarithm


class Pruned(Exception):
    """Raised by `report`: what is being tried will not win. It must pass through whatever is under way."""


Report = Callable[[int, float], None]
"""A trial's figure (less is better) after so much of it."""

Attempt = Callable[[Mapping[str, Any], Path, Report], float]
"""Tries settings in a folder of their own, and returns the figure (less is better). Raises DataError where they fail."""


@dataclass(frozen=True, slots=True)
class Choice:
    """One setting that is searched: one of `options`, or a number from `low` to `high`, a `whole` one or not."""

    name: str
    options: tuple[Any, ...] = ()
    low: float = 0.0
    high: float = 0.0
    whole: bool = False

    @classmethod
    def read(cls, text: str) -> Self:
        """`name=low..high` or `name=this,that`. Raises BadRequest."""
        name, equals, rest = text.partition("=")
        span = re.fullmatch(r"\s*([-+.\deE]+?)\s*\.\.\s*([-+.\deE]+)\s*", rest)
        try:
            if span:
                low, high = (float(end) for end in span.groups())
                if low < high:
                    whole = all(re.fullmatch(r"[-+]?\d+", end) for end in span.groups())
                    return cls(name.strip(), (), low, high, whole)
            elif equals and "," in rest:
                return cls(name.strip(), tuple(_value(word.strip()) for word in rest.split(",")))
        except ValueError:
            pass
        raise BadRequest(
            f"{text!r} is no choice.", param="--try", remedy="Write rate=1e-5..1e-3 or rank=4,8,16."
        )

    def ask(self, trial: Any) -> Any:
        """The value that a trial of Optuna's takes."""
        if self.options:
            return trial.suggest_categorical(self.name, self.options)
        log = self.low > 0 and self.high / self.low >= _WIDE
        if self.whole:
            return trial.suggest_int(self.name, int(self.low), int(self.high), log=log)
        return trial.suggest_float(self.name, self.low, self.high, log=log)


@dataclass(frozen=True, slots=True)
class Trial:
    """What came of one trial: `state` is complete, pruned or failed; `value` the last figure it told, if any."""

    number: int
    settings: Mapping[str, Any]
    state: str
    value: float | None


@dataclass(frozen=True, slots=True)
class Studied:
    """All trials, in order, and the number and folder of the best; None where none was completed."""

    trials: Sequence[Trial]
    best: Trial | None
    folder: Path | None


def study(
    folder: Path, space: Sequence[Choice], attempt: Attempt, *, trials: int, seed: int = 0
) -> Iterator[Studied]:
    """Try until `trials` are over, and tell how it stands after each. Raises MissingExtra, BadRequest for another study."""
    folder.mkdir(parents=True, exist_ok=True)
    _same(folder, space)
    with _optuna() as optuna:
        found = _open(optuna, folder, seed)
        _take_up(optuna, found)
        yield _stand(found, folder)
        while sum(one.state.is_finished() and one.state.name != "FAIL" for one in found.trials) < trials:
            _once(optuna, found, (folder, space, attempt))
            now = _stand(found, folder)
            _sweep(folder, now.folder)
            yield now


def _once(optuna: Any, found: Any, terms: tuple[Path, Sequence[Choice], Attempt]) -> None:
    """One trial; too many failures in a row end the study. Raises DataError."""
    folder, space, attempt = terms
    states = optuna.trial.TrialState
    trial = found.ask()
    settings = {choice.name: choice.ask(trial) for choice in space}
    place = _place(folder, settings)
    place.mkdir(exist_ok=True)

    def report(step: int, value: float) -> None:
        if step not in trial.storage.get_trial(trial._trial_id).intermediate_values:
            trial.report(value, step)
        if trial.should_prune():
            raise Pruned

    try:
        found.tell(trial, attempt(settings, place, report))
    except Pruned:
        found.tell(trial, state=states.PRUNED)
    except DataError:
        found.tell(trial, state=states.FAIL)
        if not any(one.state.name == "COMPLETE" for one in found.trials) and len(found.trials) >= _UNTRIED:
            raise


def _take_up(optuna: Any, found: Any) -> None:
    """What was under way when the study was killed is tried again, in its folder, first of all."""
    for one in found.trials:
        if one.state.name == "RUNNING":
            found.tell(one.number, state=optuna.trial.TrialState.FAIL)
            if one.params:
                found.enqueue_trial(one.params)


def _stand(found: Any, folder: Path) -> Studied:
    told = [
        Trial(one.number, dict(one.params), _STATES[one.state.name], _last(one))
        for one in found.trials
        if one.state.is_finished()
    ]
    complete = [one for one in told if one.state == "complete" and one.value is not None]
    best = min(complete, key=lambda one: one.value or 0.0, default=None)
    return Studied(told, best, _place(folder, best.settings) if best else None)


def _last(one: Any) -> float | None:
    if one.values:
        return float(one.values[0])
    told = one.intermediate_values
    return float(told[max(told)]) if told else None


def _place(folder: Path, settings: Mapping[str, Any]) -> Path:
    """The folder of these settings: the same settings go on in the same one."""
    return folder / f"trial-{sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest()[:10]}"


def _sweep(folder: Path, best: Path | None) -> None:
    """Keep the files of the best trial only."""
    for place in folder.glob("trial-*"):
        if place != best:
            shutil.rmtree(place)


def _same(folder: Path, space: Sequence[Choice]) -> None:
    told = json.dumps([[one.name, one.options, one.low, one.high] for one in space])
    note = folder / "space.json"
    if not note.exists():
        note.write_text(told, encoding="utf-8")
    elif note.read_text(encoding="utf-8") != told:
        raise BadRequest(
            f"{folder} holds a study of other choices.",
            param="--out",
            remedy="Give a new folder, or the same choices.",
        )


@contextmanager
def _optuna() -> Iterator[Any]:
    """Optuna, without its talk."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            import optuna
        except ImportError as error:
            raise MissingExtra("A study of settings", "tune") from error
        optuna.logging.set_verbosity(optuna.logging.ERROR)
        yield optuna


def _open(optuna: Any, folder: Path, seed: int) -> Any:
    from optuna.storages.journal import JournalFileBackend

    storage = optuna.storages.JournalStorage(JournalFileBackend(str(folder / "journal.log")))
    study = optuna.create_study(
        study_name="study",
        storage=storage,
        load_if_exists=True,
        pruner=optuna.pruners.MedianPruner(n_startup_trials=_UNTRIED),
    )
    # Otherwise a study that goes on would draw what it drew before.
    study.sampler = optuna.samplers.TPESampler(seed=seed + len(study.trials), n_startup_trials=_UNTRIED)
    return study


def _value(word: str) -> Any:
    """true, false, a whole number, a number, or a word."""
    if word in ("true", "false"):
        return word == "true"
    for kind in (int, float):
        try:
            return kind(word)
        except ValueError:
            continue
    return word
