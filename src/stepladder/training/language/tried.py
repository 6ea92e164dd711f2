"""A method for language models, tried with settings of a study: stopped as soon as it will not win."""

import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from statistics import fmean
from typing import Any

from stepladder.training.language.job import HELD, ROWS, Job
from stepladder.training.language.process import Event, train

Attempt = Callable[[Mapping[str, Any], Path, Callable[[int, float], None]], float]


def language_attempt(job_of: Callable[[Mapping[str, Any]], Job], rows: Path) -> Attempt:
    """Train from the rows in the folder `rows`; what was interrupted goes on.

    The figure is the loss on the held rows; of methods that are rewarded, the reward below nought.
    """

    def attempt(settings: Mapping[str, Any], place: Path, report: Callable[[int, float], None]) -> float:
        for name in (ROWS, HELD):
            if (rows / name).exists() and not (place / name).exists():
                os.link(rows / name, place / name)
        job = job_of(settings)
        rewarded = job.kind.aligns and job.kind.writes
        seen: list[float] = []

        def tell(event: Event) -> None:
            if event["event"] == "held":
                report(int(event["step"]), float(event["loss"]))
            elif event["event"] == "step":
                seen.append(float(event.get("reward", 0.0)))
            elif event["event"] == "checkpoint" and rewarded:
                report(int(event["step"]), _lack(seen))

        made = train(job, place, tell)
        return (
            _lack(seen) if rewarded and seen else float(made.metrics.get("held_loss", made.metrics["loss"]))
        )

    return attempt


def _lack(rewards: Sequence[float]) -> float:
    """The mean of the last five, below nought."""
    return -fmean(rewards[-5:])
