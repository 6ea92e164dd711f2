"""The arms of a split side by side: what each was like, and whether one is shown to be worse, by tests for any time.

People were drawn, not questions, so people are compared: of each only the first answer counts, or the first that has a
score. Two people make a pair, one of each arm, who came next to each other: so neither the hour nor a change of the shares
makes a difference between arms. Measures for money and time are fixed by those who came first, who are then left out.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from stepladder.promise import Contest, contest
from stepladder.store import ArmAnswer, Store

_MEASURED_BY = 50
"""So many people fix what is much money, and much time."""
_MUCH = 4.0
_FIGURES = 6
"""That there may be, whichever there are by now: the risk is divided once and for all."""
_ENDED = ("ok", "partial", "failed")


@dataclass(frozen=True, slots=True)
class ArmFigures:
    """All answers of an arm: counts, money and milliseconds for an answer that was made anew, and the mean of the scores."""

    arm: str
    people: int
    answers: int
    cached: int
    failed: int
    elsewhere: int
    left: int
    remarked: int
    cost: float
    p50_ms: float
    p90_ms: float
    scores: int
    score: float | None


@dataclass(frozen=True, slots=True)
class ArmsCompared:
    """One figure of `arm` beside `against`, more being worse. `worse` and `better` are the two contests."""

    figure: str
    arm: str
    against: str
    worse: Contest
    better: Contest
    risk: float

    @property
    def shown(self) -> str:
        """ "worse" or "better" where that is shown, else ""."""
        return (
            "worse" if self.worse.refuted(self.risk) else "better" if self.better.refuted(self.risk) else ""
        )


@dataclass(frozen=True, slots=True)
class ArmsReport:
    """The arms, and the figures of each beside the one that they are compared with."""

    arms: tuple[ArmFigures, ...]
    compared: tuple[ArmsCompared, ...]


def compare_arms(
    store: Store,
    split: str,
    arms: Sequence[str],
    *,
    since: float = 0.0,
    margin: float = 0.0,
    risk: float = 0.05,
) -> ArmsReport:
    """Each of the `arms`, and whoever else was one, beside the first.

    That any of the statements is wrong has probability at most `risk`, however often one looks; `margin` is by how much
    an arm may be worse. Raises InvalidPromiseInput for either outside of its span.
    """
    answers = store.trials.arms(split, since=since)
    names = list(dict.fromkeys([*arms, *(one.arm for one in answers)]))
    against, each = names[0], risk / (2 * _FIGURES * max(len(names) - 1, 1))
    compared = []
    for name, (measure, people) in _figures(answers).items():
        for arm in names[1:]:
            first, second = _pairs(people, against, arm, measure)
            worse, better = contest(first, second, margin), contest(second, first, margin)
            compared.append(ArmsCompared(name, arm, against, worse, better, each))
    return ArmsReport(tuple(_told(arm, answers) for arm in names), tuple(compared))


Measure = Callable[[ArmAnswer], float]


def _figures(answers: Sequence[ArmAnswer]) -> dict[str, tuple[Measure, Sequence[ArmAnswer]]]:
    """What is compared, each from 0 to 1 where more is worse, with the answers that count for it."""
    people = _first(answers)
    ended = [one for one in people if one.status in _ENDED]
    anew = _first(one for one in answers if not one.cached and one.status == "ok")
    scored = sorted(_first(sorted((one for one in answers if one.scored), key=_scored)), key=_scored)
    found: dict[str, tuple[Measure, Sequence[ArmAnswer]]] = {
        "could not answer": (lambda one: float(one.status == "failed" or _elsewhere(one)), ended),
        "left before its end": (lambda one: float(one.status == "partial"), ended),
        "stopped or remarked on by guards": (lambda one: float(one.remarked), people),
    }
    early, late = anew[:_MEASURED_BY], anew[_MEASURED_BY:]
    for name, of in (("money", _money), ("time", _time)):
        much = _MUCH * float(np.median([of(one) for one in early])) if early else 0.0
        much = much or max(map(of, early), default=0.0)
        if much > 0:
            said = f"{name}, of {much:.4g}{' ms' if name == 'time' else ''}"
            found[said] = (_share(of, much), late)
    if scored:
        low, high = _span([float(one.score or 0.0) for one in scored[:_MEASURED_BY]])
        rest = scored if (low, high) == (0.0, 1.0) else scored[_MEASURED_BY:]
        found[f"score, of {low:g} to {high:g}"] = (_bad(low, high), rest)
    return found


def _money(one: ArmAnswer) -> float:
    return one.cost


def _time(one: ArmAnswer) -> float:
    return one.latency_ms


def _share(of: Measure, much: float) -> Measure:
    return lambda one: min(of(one) / much, 1.0)


def _bad(low: float, high: float) -> Measure:
    return lambda one: min(max((high - float(one.score or 0.0)) / (high - low), 0.0), 1.0)


def _span(scores: Sequence[float]) -> tuple[float, float]:
    low, high = min(scores), max(scores)
    return (0.0, 1.0) if low >= 0 and high <= 1 else (low, high if high > low else low + 1.0)


def _scored(one: ArmAnswer) -> int:
    return one.scored


def _elsewhere(one: ArmAnswer) -> bool:
    """Whether a fallback answered. The models within a routed one are named after it."""
    return one.rung != one.arm and not one.rung.startswith(f"{one.arm}.")


def _first(answers: Iterable[ArmAnswer]) -> list[ArmAnswer]:
    """One answer a person: a person's answers are like each other, and would count as if many had been drawn."""
    people: dict[str, ArmAnswer] = {}
    for one in answers:
        people.setdefault(one.who, one)
    return list(people.values())


def _pairs(
    people: Sequence[ArmAnswer], against: str, arm: str, measure: Measure
) -> tuple[list[float], list[float]]:
    """The figures of pairs: whoever came last of the other arm and has no pair yet. The figures themselves decide nothing."""
    waiting: dict[str, ArmAnswer] = {}
    first, second = [], []
    for one in people:
        if one.arm not in (against, arm):
            continue
        waiting[one.arm] = one
        if len(waiting) == 2:
            first.append(measure(waiting[against]))
            second.append(measure(waiting[arm]))
            waiting.clear()
    return first, second


def _told(arm: str, answers: Sequence[ArmAnswer]) -> ArmFigures:
    own = [one for one in answers if one.arm == arm]
    anew = [one for one in own if not one.cached and one.status == "ok"]
    times = sorted(one.latency_ms for one in anew)
    scores = [one.score for one in own if one.score is not None]
    count: Mapping[str, int] = {
        "cached": sum(one.cached for one in own),
        "failed": sum(one.status == "failed" for one in own),
        "elsewhere": sum(_elsewhere(one) for one in own),
        "left": sum(one.status == "partial" for one in own),
        "remarked": sum(one.remarked for one in own),
    }
    return ArmFigures(
        arm=arm,
        people=len({one.who for one in own}),
        answers=len(own),
        **count,
        cost=sum(one.cost for one in anew) / len(anew) if anew else 0.0,
        p50_ms=_nearest(times, 50),
        p90_ms=_nearest(times, 90),
        scores=len(scores),
        score=sum(scores) / len(scores) if scores else None,
    )


def _nearest(values: Sequence[float], percent: int) -> float:
    return values[(len(values) * percent + 99) // 100 - 1] if values else 0.0
