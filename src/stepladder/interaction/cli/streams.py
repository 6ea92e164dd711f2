"""stepladder backtest --stream: tables and files of a stream's figures."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from stepladder.interaction.cli.shown import bar, drawn, share, warn_of_skipped

if TYPE_CHECKING:
    from rich.console import Console

    from stepladder.data import Log
    from stepladder.evaluation import Report, Table
    from stepladder.interaction.streaming import Streamed, StreamTerms


def run_stream(
    console: "Console", log: "Log", file: Path, terms: "StreamTerms", out: tuple[Path | None, Path | None]
) -> None:
    """Run it, print the table, and write the report and the figures (`out`: HTML, JSON) that were asked for."""
    from stepladder.interaction.streaming import stream

    warn_of_skipped(console, log)
    with bar(len(log.rows)) as update:
        found = stream(log, terms, update)
    table = _table(found)
    console.print(drawn(table))
    html, figures = out
    if html is not None:
        console.print(f"Report: {_report(found, table, file).write(html)}")
    if figures is not None:
        figures.write_text(json.dumps(asdict(found), indent=1), encoding="utf-8")


def terms(run: tuple[int, int, bool], take: str, positive: str | None, embedder: str) -> "StreamTerms":
    """The options as terms; `run` is calls, seed and whether the order is kept. Raises BadRequest naming the option."""
    from stepladder.core import BadRequest
    from stepladder.interaction.streaming import StreamTerms, embedding

    calls, seed, ordered = run

    if take not in ("all", "half"):
        raise BadRequest(f"--take is {take!r}.", param="--take", remedy="Give all or half.")
    half, embed = take == "half", embedding(embedder)
    return StreamTerms(calls, seed=seed, half=half, ordered=ordered, positive=positive, embed=embed)


def _table(found: "Streamed") -> "Table":
    from stepladder.evaluation import Table

    low = found.stream_rows - found.calls
    figures = [
        ["calls", f"{found.calls:,}", f"of {found.stream_rows:,} rows; {found.drawn:,} without looking"],
        [
            "agreement",
            f"{found.agreement:.2%}",
            f"{share(found.agreement_low)} of the {low:,} without a call",
        ],
        [
            "accuracy against gold",
            share(found.accuracy_gold),
            f"the log's own answers: {share(found.top_accuracy_gold)}",
        ],
        [
            "balanced accuracy",
            share(found.balanced_accuracy_gold),
            f"the log's own answers: {share(found.top_balanced_accuracy_gold)}",
        ],
    ]
    if found.positive is not None:
        figures.append(["recall", share(found.recall_gold), f"of {found.positive!r}"])
    figures.append(["seconds", f"{found.seconds:.1f}", f"{found.skipped:,} broken rows skipped"])
    return Table("Stream", ["figure", "value", "note"], figures)


def _report(found: "Streamed", table: "Table", file: Path) -> "Report":
    from stepladder.evaluation import Chart, Figure, Report

    points = found.series
    accuracy = [(point.row, point.accuracy_gold) for point in points if point.accuracy_gold is not None]
    return Report(
        title=f"Stream of {file.name}",
        lead=[
            "Every row is answered once, in order: by the log's answer where a call was spent, else by a student."
        ],
        figures=[
            Figure("Calls", f"{found.calls:,}", f"of {found.stream_rows:,} rows"),
            Figure("Agreement", f"{found.agreement:.2%}", "with the log's answers"),
            Figure(
                "Accuracy against gold", share(found.accuracy_gold), f"top: {share(found.top_accuracy_gold)}"
            ),
        ],
        charts=[
            Chart(
                "Agreement and accuracy so far",
                "rows",
                series={
                    "agreement": [(point.row, point.agreement) for point in points],
                    "accuracy": accuracy,
                },
                percent=True,
            ),
            Chart("Calls so far", "rows", series={"calls": [(point.row, point.calls) for point in points]}),
        ],
        tables=[table],
    )
