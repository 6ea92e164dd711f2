"""What an answer takes: a release is asked one question at a time; of a file's answers what their rows say."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter

import numpy as np

from stepladder.core import Learned, Question

_ASKED = 200
_WARM = 3


@dataclass(frozen=True, slots=True)
class Spent:
    """Milliseconds of an answer (median, and that of the slowest twentieth) and the money for a thousand; None: not told."""

    median: float | None = None
    slow: float | None = None
    money: float | None = None

    @classmethod
    def of(cls, milliseconds: Sequence[float], money: float | None) -> "Spent":
        """Of single answers."""
        if not milliseconds:
            return cls(money=money)
        middle, slow = np.percentile(milliseconds, [50, 95])
        return cls(float(middle), float(slow), money)


def of_release(rung: Learned, questions: Sequence[Question], price: float) -> Spent:
    """Ask up to 200 questions one by one; the money is the machine's, at so much an hour."""
    asked = questions[:_ASKED]
    for question in asked[:_WARM]:
        rung.predict([question])
    times = []
    for question in asked:
        began = perf_counter()
        rung.predict([question])
        times.append((perf_counter() - began) * 1000)
    return Spent.of(times, float(np.mean(times)) / 3_600 * price if price else None)


def of_file(path: Path) -> Spent:
    """What rows say under `latency_ms` and `cost`."""
    from stepladder.data import open_log

    times: list[float] = []
    costs: list[float] = []
    with open_log(path) as stream:
        for line in stream:
            try:
                row = json.loads(line)
            except ValueError:
                continue  # whoever reads the answers has counted it
            for key, found in (("latency_ms", times), ("cost", costs)):
                value = row.get(key) if isinstance(row, dict) else None
                if isinstance(value, int | float) and not isinstance(value, bool):
                    found.append(float(value))
    return Spent.of(times, float(np.mean(costs)) * 1_000 if costs else None)
