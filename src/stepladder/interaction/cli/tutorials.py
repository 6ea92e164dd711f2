"""stepladder tutorial: one command each, which does for real what a user would do step by step."""

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from stepladder.interaction.cli.shown import drawn

if TYPE_CHECKING:
    from rich.console import Console

    from stepladder.interaction.tutorial.lifecycle import Tell

app = typer.Typer(help="One command each, that does it all for real.", no_args_is_help=True)


@app.callback()
def root() -> None:
    """One command each, that does it all for real."""


@app.command()
def lifecycle(
    data: Annotated[
        Path | None, typer.Option(help="Your own log: JSONL with input and answer, 1,000 rows or more.")
    ] = None,
    folder: Annotated[Path, typer.Option(help="Where everything is kept; it must not exist.")] = Path(
        "lifecycle"
    ),
    rows: Annotated[int, typer.Option(help="Answers of the log that train.")] = 400,
    epochs: Annotated[float, typer.Option(help="How often each is learned.")] = 1.0,
    target: Annotated[float, typer.Option(help="The promise: share of all answers that must agree.")] = 0.9,
) -> None:
    """From a log to a tuned small language model in service, and back: clean, train, certify, canary, live, roll back."""
    from rich.console import Console

    from stepladder.core import BadRequest
    from stepladder.interaction.tutorial.lifecycle import run
    from stepladder.interaction.tutorial.page import report, stands_table, steps_table
    from stepladder.interaction.tutorial.place import Plan
    from stepladder.training.language import require

    require()
    if folder.exists():
        raise BadRequest(f"{folder} is there already.", param="--folder", remedy="Give a new folder.")
    folder.mkdir(parents=True)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that the server is ended too
    console = Console()
    with _shown(console) as tell:
        found = run(folder.resolve(), Plan(rows=rows, epochs=epochs, target=target), data, tell)
    for table in (stands_table(found), steps_table(found)):
        console.print(drawn(table))
    console.print(
        f"After the promotion {found.low_share:.0%} of {len(found.after)} questions were answered by the tuned model, and "
        f"{found.agreement:.1%} of all answers were the log's. Tuning gained {100 * found.gain:.1f} points over zero-shot.",
        highlight=False,
    )
    console.print(f"Report: {report(found).write(folder / 'report.html')}", highlight=False)


@contextmanager
def _shown(console: "Console") -> "Iterator[Tell]":
    """A bar for each step, one after the other; those that are over stay."""
    from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

    columns = [
        TextColumn("[bold]{task.description:<10}"),
        BarColumn(bar_width=24),
        TextColumn("{task.completed:.0f}/{task.total:.0f}"),
        TimeElapsedColumn(),
        TextColumn("{task.fields[what]}"),
    ]
    bars: dict[str, TaskID] = {}
    with Progress(*columns, console=console) as progress:

        def tell(step: str, done: int, total: int, what: str) -> None:
            if step not in bars:
                for known in bars.values():
                    progress.stop_task(known)
                bars[step] = progress.add_task(step, total=max(1, total), what="")
            progress.update(bars[step], completed=done, total=max(1, total), what=what[:60])

        yield tell
