"""Figures of many runs: mean and spread, a verdict against a published figure, a plot."""

from collections.abc import Sequence
from pathlib import Path
from statistics import mean, stdev
from typing import NamedTuple

import pygal


class Series(NamedTuple):
    """A named line of (x, y)."""

    name: str
    points: list[tuple[float, float]]


def spread(values: Sequence[float]) -> str:
    """Mean ± standard deviation, in per cent."""
    if len(values) < 2:
        return f"{values[0]:.2%}"
    return f"{100 * mean(values):.2f} ± {100 * stdev(values):.2f} %"


def against(values: Sequence[float], published: float) -> str:
    """ "above", "below" or "tie" (under two standard errors) beside one published figure."""
    if len(values) < 2:
        return "one run"
    error = stdev(values) / len(values) ** 0.5
    difference = mean(values) - published
    if abs(difference) < 2 * error:
        return f"tie ({100 * difference:+.2f})"
    return f"{'above' if difference > 0 else 'below'} ({100 * difference:+.2f})"


def plot(folder: Path, name: str, title: str, lines: Sequence[Series]) -> str:
    """Write an SVG beside the runs; returns its file name."""
    chart = pygal.XY(title=title, show_dots=False, js=[], disable_xml_declaration=True)
    for line in lines:
        chart.add(line.name, line.points)
    file = folder / f"{name}.svg"
    file.write_text(chart.render(), encoding="utf-8")
    return file.name
