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
            console.print(f"  line {row.line}: {row.reason}", highlight=False, markup=False)


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
    drawn = sheet(*table.head, title=table.title)
    for row in table.rows:
        drawn.add_row(*row)
    return drawn


def sheet(*head: str, title: str | None = None) -> Any:
    """A rich table whose cells are what they say: callers' texts and names are no markup, and move no cursor.

    As markup a key called "[/x]" would be an error that hides the whole journal, and "[link=…]" a link.
    """
    from rich.table import Table as Drawn
    from rich.text import Text

    class Sheet(Drawn):
        def add_row(self, *cells: Any, **how: Any) -> None:
            super().add_row(*(Text(plain(one)) if isinstance(one, str) else one for one in cells), **how)

    drawn = Sheet(title=Text(plain(title)) if title else None, title_justify="left")
    for one in head:
        drawn.add_column(Text(plain(one)), overflow="fold")
    return drawn


def plain(text: str) -> str:
    """A text for the terminal: what would steer it is U+FFFD."""
    return text if text.isprintable() else "".join(map(_shown, text))


def _shown(character: str) -> str:
    return character if character.isprintable() or character == "\n" else "\ufffd"


def share(value: float | None) -> str:
    """A share for a person."""
    return "not known" if value is None else f"{value:.2%}"
