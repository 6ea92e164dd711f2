"""A report is one HTML file that needs nothing else: no scripts, no fonts, no network.

Plots are inline SVG by pygal.
"""

import html
import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path
from string import Template
from typing import Any

Point = tuple[float, float]

_COLOURS: dict[str, Any] = {
    "background": "transparent",
    "plot_background": "transparent",
    "foreground": "#475569",
    "foreground_strong": "#0f172a",
    "foreground_subtle": "#cbd5e1",
    "font_family": "system-ui, 'Noto Sans CJK SC', 'PingFang SC', 'Microsoft YaHei', sans-serif",
    "colors": ("#2563eb", "#dc2626", "#059669", "#d97706", "#7c3aed", "#0891b2"),
    "opacity": ".9",
    "title_font_size": 17,
    "label_font_size": 12,
    "major_label_font_size": 12,
    "legend_font_size": 13,
}

_LOOK = (
    "inline:.guide.line { stroke: #e2e8f0 !important; stroke-dasharray: none !important; } "
    ".series .line { stroke-width: 2.4 !important; fill: none !important; }"
)
"""Thicker lines and paler guides than pygal's own style sheet has."""

_PAGE = Template(resources.files(__package__).joinpath("page.html").read_text(encoding="utf-8"))


@dataclass(frozen=True, slots=True)
class Figure:
    """One number people look for first, with a note in small print."""

    label: str
    value: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class Chart:
    """Lines over a common x axis (`series`), or grouped bars (`bars`: name -> a value for each category).

    `percent` draws shares from `lowest` to 1; bars show their values; `dots` draws points and not lines.
    """

    title: str
    x_title: str = ""
    y_title: str = ""
    series: Mapping[str, Sequence[Point]] = field(default_factory=dict)
    categories: Sequence[str] = ()
    bars: Mapping[str, Sequence[float]] = field(default_factory=dict)
    percent: bool = False
    lowest: float = 0.0
    dots: bool = False

    def _axis(self) -> dict[str, Any]:
        if self.percent:
            tenths = range(round(self.lowest * 20), 21, 2 if self.lowest < 0.5 else 1)
            labels = [{"label": f"{number * 5} %", "value": number / 20} for number in tenths]
            return {"range": (self.lowest, 1.0), "y_labels": labels}
        if self.bars:
            return {"print_values": True, "print_values_position": "top"}
        return {}

    def svg(self) -> str:
        """The plot as an SVG element without scripts, comments or outside links."""
        pygal = _pygal()
        kind = pygal.Bar if self.bars else pygal.XY
        chart = kind(
            style=pygal.style.Style(**_COLOURS),
            js=(),
            css=["file://style.css", "file://graph.css", _LOOK],
            **self._axis(),
            width=620,
            height=360,
            title=self.title,
            x_title=self.x_title,
            y_title=self.y_title,
            show_dots=self.dots,
            stroke=not self.dots,
            dots_size=7,
            legend_at_bottom=True,
            disable_xml_declaration=True,
            formatter=_percent if self.percent else _number,
            no_data_text="no data",
            margin=12,
            truncate_label=-1,
        )
        if self.bars:
            chart.x_labels = list(self.categories)
        for name, values in (self.bars or self.series).items():
            chart.add(name, list(values))
        drawn = str(chart.render(is_unicode=True))
        return re.sub(r"<!--.*?-->|<script.*?</script>", "", drawn, flags=re.DOTALL)


@dataclass(frozen=True, slots=True)
class Table:
    """Rows under a head; cells are text."""

    title: str
    head: Sequence[str]
    rows: Sequence[Sequence[str]]

    def html(self) -> str:
        """The table as HTML, everything escaped."""
        head = "".join(f"<th>{html.escape(cell)}</th>" for cell in self.head)
        body = "".join(
            "<tr>" + "".join(f"<td>{html.escape(cell)}</td>" for cell in row) + "</tr>" for row in self.rows
        )
        return f"<h2>{html.escape(self.title)}</h2><table><tr>{head}</tr>{body}</table>"


@dataclass(frozen=True, slots=True)
class Report:
    """What to say (`lead`, plain paragraphs), the figures, the charts and the tables, in that order."""

    title: str
    lead: Sequence[str] = ()
    figures: Sequence[Figure] = ()
    charts: Sequence[Chart] = ()
    tables: Sequence[Table] = ()

    def html(self) -> str:
        """The whole page."""
        return _PAGE.substitute(
            title=html.escape(self.title),
            lead="".join(f"<p>{html.escape(text)}</p>" for text in self.lead),
            figures="".join(
                f'<div class="figure">{html.escape(item.label)}<b>{html.escape(item.value)}</b>'
                f"<small>{html.escape(item.note)}</small></div>"
                for item in self.figures
            ),
            charts="".join(f'<div class="chart">{chart.svg()}</div>' for chart in self.charts),
            tables="".join(table.html() for table in self.tables),
        )

    def write(self, path: Path) -> Path:
        """Write the page to `path`, making its folder. Returns the path."""
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(self.html(), encoding="utf-8")
        return path


def _pygal() -> Any:
    """pygal, without the import hook it installs: of a kind that Python has dropped, it warns at every later import."""
    import pygal
    import pygal.style

    sys.meta_path[:] = [hook for hook in sys.meta_path if type(hook).__module__ != "pygal"]
    return pygal


def _percent(value: object) -> str:
    number = value[-1] if isinstance(value, tuple) else value
    return f"{float(number):.1%}" if isinstance(number, int | float) else ""


def _number(value: object) -> str:
    number = value[-1] if isinstance(value, tuple) else value
    return f"{number:,.4g}" if isinstance(number, int | float) else ""
