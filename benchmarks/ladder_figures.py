"""Figures of many runs: mean and spread, a verdict against a published figure, a plot."""

import math
from collections.abc import Sequence
from pathlib import Path
from statistics import mean, stdev
from typing import NamedTuple

import pygal


class Series(NamedTuple):
    """A named line of (x, y)."""

    name: str
    points: list[tuple[float, float]]


class Axes(NamedTuple):
    """What a plot shows, of what; `x` is even or logarithmic, y is a share."""

    title: str
    x: str
    logarithmic: bool = False


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


def plot(folder: Path, name: str, axes: Axes, lines: Sequence[Series]) -> str:
    """Write an SVG beside the runs; returns its file name."""
    chart = pygal.XY(
        title=axes.title,
        x_title=axes.x,
        show_dots=axes.logarithmic,
        dots_size=2,
        legend_at_bottom=True,
        truncate_legend=-1,
        js=[],
        disable_xml_declaration=True,
    )
    chart.uuid = name  # else every drawing of the same figures differs
    chart.value_formatter = "{:.1%}".format
    chart.x_value_formatter = "{:,.0f}".format
    scale = math.log10 if axes.logarithmic else float
    if axes.logarithmic:
        chart.x_labels = [scale(x) for x in sorted({x for line in lines for x, _ in line.points})]
        chart.x_value_formatter = lambda value: f"{10**value:,.0f}"
    for line in lines:
        chart.add(line.name, [(scale(x), y) for x, y in line.points])
    file = folder / f"{name}.svg"
    file.write_text(chart.render(), encoding="utf-8")
    return file.name
