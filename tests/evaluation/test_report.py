"""A report must stand alone and must not let a caller's text become markup."""

import re
from pathlib import Path

from stepladder.evaluation import Chart, Figure, Report, Table


def report() -> Report:
    lines = Chart(
        "Avoided 避免",
        series={"avoided": [(0, 0.0), (10, 0.7)], "promise": [(0, 0.9), (10, 0.9)]},
        percent=True,
    )
    bars = Chart("Latency", categories=["linear", "top"], bars={"p50": [0.4, 420.0], "p99": [1.2, 450.0]})
    return Report(
        title="Demo <b>",
        lead=["The top rung is a <script>alert(1)</script> file."],
        figures=[Figure("Calls avoided", "71 %", "of all")],
        charts=[lines, bars],
        tables=[Table("Promotions", ["release", "why"], [["L1", "a < b & c"]])],
    )


def test_report_needs_nothing_from_outside_and_runs_no_script() -> None:
    page = report().html()
    addresses = set(re.findall(r"(?:src|href)=\"([^\"#]+)\"", page)) | set(
        re.findall(r"url\(([^)#]+)\)", page)
    )
    assert not {address for address in addresses if "w3.org" not in address}
    assert "<script" not in page


def test_text_is_escaped_in_every_place() -> None:
    page = report().html()
    assert "Demo &lt;b&gt;" in page
    assert "a &lt; b &amp; c" in page


def test_each_series_is_drawn_and_named() -> None:
    page = report().html()
    assert page.count("<svg") == 2
    for name in ("avoided", "promise", "p50", "p99", "避免"):
        assert name in page


def test_an_empty_chart_says_so_instead_of_failing() -> None:
    assert "no data" in Chart("Nothing yet").svg().lower()


def test_write_makes_the_folder(tmp_path: Path) -> None:
    path = report().write(tmp_path / "new" / "report.html")
    assert path.read_text(encoding="utf-8").startswith("<!doctype html>")
