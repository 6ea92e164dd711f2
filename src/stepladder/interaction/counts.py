"""What happened, counted in plain numbers: quick to add to, and easy to add up over several workers."""

import json
import os
from bisect import bisect_left
from collections.abc import Iterable
from pathlib import Path

SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)
OVERHEAD = (0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.1)

Key = tuple[str, ...]
"""The kind of what is counted, then its labels."""

ANSWERS, COST, READ, WRITTEN, LATENCY, OVERHEAD_SUM = range(6)
_LATENCIES = 6
_OVERHEADS = _LATENCIES + len(SECONDS) + 1
WIDTH = _OVERHEADS + len(OVERHEAD) + 1


class Counts:
    """Series by key. An "answer" has many numbers, everything else has one."""

    def __init__(self) -> None:
        self.series: dict[Key, list[float]] = {}

    def add(self, key: Key, by: float = 1) -> None:
        """Count something."""
        found = self.series.get(key)
        if found is None:
            found = self.series[key] = [0]
        found[0] += by

    def answer(self, key: Key, seconds: float, overhead: float) -> list[float]:
        """Count an answer; its series, for what else there is to add."""
        found = self.series.get(key)
        if found is None:
            found = self.series[key] = [0] * WIDTH
        found[ANSWERS] += 1
        found[LATENCY] += seconds
        found[OVERHEAD_SUM] += overhead
        found[_LATENCIES + bisect_left(SECONDS, seconds)] += 1
        found[_OVERHEADS + bisect_left(OVERHEAD, overhead)] += 1
        return found

    def save(self, file: Path) -> None:
        """Leave the numbers for the other workers, and for whoever takes this one's place."""
        partial = file.with_name(f"{file.name}.{os.getpid()}")
        partial.write_text(
            json.dumps([[*key, values] for key, values in self.series.items()]), encoding="utf-8"
        )
        partial.replace(file)

    @classmethod
    def load(cls, files: Iterable[Path]) -> "Counts":
        """What is in these files, added up; a file that is not there or not whole counts for nothing."""
        found = cls()
        for file in files:
            try:
                rows = json.loads(file.read_text(encoding="utf-8"))
            except (OSError, ValueError):
                continue
            for *key, values in rows:
                found.include(tuple(key), values)
        return found

    def include(self, key: Key, values: list[float]) -> None:
        """Add a series of another worker's."""
        mine = self.series.get(key)
        self.series[key] = (
            list(values) if mine is None else [a + b for a, b in zip(mine, values, strict=True)]
        )


def latencies(values: list[float]) -> list[tuple[str, float]]:
    """Upper bounds of an answer's latency and how many were within each, as Prometheus has it."""
    return _cumulated(SECONDS, values[_LATENCIES:_OVERHEADS])


def overheads(values: list[float]) -> list[tuple[str, float]]:
    """The same of our own overhead."""
    return _cumulated(OVERHEAD, values[_OVERHEADS:WIDTH])


def _cumulated(bounds: tuple[float, ...], counts: list[float]) -> list[tuple[str, float]]:
    found, total = [], 0.0
    for bound, count in zip((*map(float, bounds), float("inf")), counts, strict=True):
        total += count
        found.append(("+Inf" if bound == float("inf") else str(bound), total))
    return found
