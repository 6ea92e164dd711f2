"""Is a run going well? Read from its losses alone, so that it is the same for every trainer.

It tells a person what to try, and stops what only wastes time: a loss that is no number, that runs away, or that goes on
falling on the rows it learns while it has long been rising on those it does not see.
"""

import math
from dataclasses import dataclass, field

_SMOOTH = 0.1  # weight of the newest loss in the running mean
_WARM = 10  # losses before anything is judged
_AWAY = 2.0  # times the best running mean: it diverges
_RISES = 3  # held-out losses in a row above the best one: it learns its rows by heart
_REPEATS, _MORE = 0.5, 0.3  # share of repeated trigrams, and how much more it is than the base's
_SURPRISE = 2.0  # nats a token: a perplexity seven times the base's
_FLAT = 0.01  # share of the first running mean; less progress in half a run is none


@dataclass(frozen=True, slots=True)
class Advice:
    """What is wrong (`kind`: nan, diverged, overfitting, stalled, away, repeating, forgetting), what to try, and whether the
    run stops for it."""

    kind: str
    message: str
    remedy: str
    stops: bool


@dataclass(frozen=True, slots=True)
class Drifted:
    """An aligned model beside its base: nats a token `away`, the share of its words that `repeats`, the `surprise` (nats a
    token) at good answers; `repeated` and `surprised` are the base's own."""

    away: float
    repeats: float = 0.0
    repeated: float = 0.0
    surprise: float = 0.0
    surprised: float = 0.0


@dataclass(slots=True)
class Watch:
    """Sees every loss of a run of `steps` steps; each kind of trouble is told once.

    Where losses do not `fall` (those of methods that are rewarded stay near nought), only a number that is none is trouble.
    """

    steps: int
    fall: bool = True
    _mean: float = math.nan
    _best: float = math.inf
    _seen: int = 0
    _marks: list[float] = field(default_factory=list)
    _held_best: float = math.inf
    _held_rises: int = 0
    _told: set[str] = field(default_factory=set)

    def loss(self, step: int, value: float) -> Advice | None:
        """A loss on rows that are learned."""
        if not math.isfinite(value):
            return self._once(
                "nan",
                f"The loss is {value} at step {step}.",
                "Lower `rate` (try a tenth), and look for empty or broken rows.",
                stops=True,
            )
        if not self.fall:
            return None
        self._mean = value if self._seen == 0 else self._mean + _SMOOTH * (value - self._mean)
        self._seen += 1
        self._marks.append(self._mean)
        if self._seen >= _WARM:
            self._best = min(self._best, self._mean)
            if self._mean > _AWAY * self._best + 0.5:
                return self._once(
                    "diverged",
                    f"The loss rose from {self._best:.2f} to {self._mean:.2f} by step {step}.",
                    "Lower `rate` (try a third), or raise `batch` or `accumulate`.",
                    stops=True,
                )
        return self._stalled(step)

    def held(self, step: int, value: float) -> Advice | None:
        """A loss on rows that are not learned."""
        if value < self._held_best:
            self._held_best, self._held_rises = value, 0
            return None
        self._held_rises += 1
        if self._held_rises < _RISES:
            return None
        return self._once(
            "overfitting",
            f"The loss on unseen rows was best at {self._held_best:.3f} and is {value:.3f} at step {step}.",
            "Fewer `epochs`, more rows, a smaller `rank`, or `dropout`. The best checkpoint is kept.",
            stops=True,
        )

    def drifted(self, step: int, now: Drifted, limit: float) -> Advice | None:
        """How far an aligned model has gone from its base; `limit` in nats a token."""
        if now.away > limit:
            return self._once(
                "away",
                f"By step {step} the model is {now.away:.2f} nats a token away from its base.",
                "Raise `beta`, lower `rate`, or raise `kl_limit` where that is wanted.",
                stops=True,
            )
        if now.repeats > _REPEATS and now.repeats > now.repeated + _MORE:
            return self._once(
                "repeating",
                f"By step {step} {now.repeats:.0%} of what it writes repeats itself, {now.repeated:.0%} before.",
                "Lower `rate`, raise `beta`, and look whether the reward likes length or one word.",
                stops=True,
            )
        if now.surprise > now.surprised + _SURPRISE:
            return self._once(
                "forgetting",
                f"By step {step} the perplexity of good answers is {math.exp(now.surprise):.1f}, "
                f"{math.exp(now.surprised):.1f} before.",
                "Lower `rate`, raise `beta`, or mix in rows of plain fine-tuning.",
                stops=True,
            )
        return None

    def _stalled(self, step: int) -> Advice | None:
        """Judged once, halfway: what has not moved by then will not."""
        half = max(2 * _WARM, self.steps // 2)
        if self._seen != half:
            return None
        first = self._marks[_WARM - 1]
        if first - self._mean > _FLAT * first:
            return None
        return self._once(
            "stalled",
            f"The loss is {self._mean:.3f} at step {step} and was {first:.3f} at step {_WARM}.",
            "Raise `rate` (try three times), see whether the labels can be told from the texts, or stop.",
            stops=False,
        )

    def _once(self, kind: str, message: str, remedy: str, *, stops: bool) -> Advice | None:
        if kind in self._told:
            return None
        self._told.add(kind)
        return Advice(kind, message, remedy, stops)
