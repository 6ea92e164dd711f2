"""What several commands show alike: a bar of progress, a table, a share, the rows of a log that are skipped."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import Console

    from stepladder.core import Progress as Reported
    from stepladder.data import Log
    from stepladder.evaluation import Table


def warn_of_skipped(console: "Console", log: "Log") -> None:
    """Say which rows cannot be used, by line."""
    if log.skipped:
        console.print(f"[yellow]{log.skipped} broken rows were skipped; the first of them:")
        for row in log.first_skipped:
            console.print(f"  line {row.line}: {row.reason}", highlight=False)


@contextmanager
def bar(total: int) -> "Iterator[Reported]":
    """A bar of progress on standard error, gone when it is over."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = [
        TextColumn("{task.description:<40.40}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    ]
    with Progress(*columns, console=Console(stderr=True), transient=True) as drawn_bar:
        shown = drawn_bar.add_task("reading", total=total)
        yield lambda done, total, what: drawn_bar.update(shown, completed=done, total=total, description=what)


@contextmanager
def moving_bar() -> "Iterator[Reported]":
    """The same where the total is told on the way."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    columns = [TextColumn("{task.description:<40.40}"), BarColumn(), TimeElapsedColumn()]
    with Progress(*columns, console=Console(stderr=True), transient=True) as shown:
        task = shown.add_task("reading", total=None)
        yield lambda done, total, what: shown.update(task, completed=done, total=total, description=what)


def drawn(table: "Table") -> Any:
    """A table for the terminal."""
    from rich.table import Table as Drawn

    drawn = Drawn(*table.head, title=table.title, title_justify="left")
    for row in table.rows:
        drawn.add_row(*row)
    return drawn


def share(value: float | None) -> str:
    """A share for a person."""
    return "not known" if value is None else f"{value:.2%}"
