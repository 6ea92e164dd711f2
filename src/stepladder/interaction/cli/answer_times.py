"""What an answer takes: a release is asked one question at a time, or many at once; of a file's answers what their rows say."""

import asyncio
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from time import perf_counter

import numpy as np

from stepladder.core import Learned, Question

_ASKED = 200
_WARM = 3


@dataclass(frozen=True, slots=True)
class Spent:
    """Milliseconds of an answer (median, and that of the slowest twentieth), the money for a thousand, and answers
    a second; None: not told."""

    median: float | None = None
    slow: float | None = None
    money: float | None = None
    a_second: float | None = None

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


def under_load(rung: Learned, questions: Sequence[Question], price: float, at_once: int) -> Spent:
    """Have so many ask as a server is asked, each anew once it is answered: 200 questions, and ten for each who asks."""
    return asyncio.run(_load(rung, questions, price, at_once))


async def _load(rung: Learned, questions: Sequence[Question], price: float, at_once: int) -> Spent:
    wanted = max(_ASKED, 10 * at_once)
    waiting = iter([questions[k % len(questions)] for k in range(wanted + _WARM)])
    times: list[float] = []

    async def asks() -> None:
        for question in waiting:
            began = perf_counter()
            async for _ in rung.answer(question):
                pass
            times.append((perf_counter() - began) * 1000)

    for _ in range(_WARM):
        async for _ in rung.answer(next(waiting)):
            pass
    began = perf_counter()
    await asyncio.gather(*(asks() for _ in range(at_once)))
    seconds = perf_counter() - began
    money = seconds / wanted * 1_000 / 3_600 * price if price else None
    return replace(Spent.of(times, money), a_second=wanted / seconds)


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
