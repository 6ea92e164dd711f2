"""stepladder knowledge: what its commands share."""

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from stepladder.core import Progress
    from stepladder.knowledge import Knowledge, Refused, SearchMode

app = typer.Typer(help="Documents that answers come from.", no_args_is_help=True)
CollectionOption = Annotated[str, typer.Option("--collection", help="Which documents: a name of yours.")]
TenantOption = Annotated[
    str, typer.Option("--tenant", help="Whose collection; without it, one that every tenant may search.")
]
ModeOption = Annotated[str, typer.Option("--mode", help="lexical (words), vector (meaning) or hybrid.")]
GroupsOption = Annotated[
    list[str] | None,
    typer.Option("--group", help="A group of the asker's: its documents are found too. Again for more."),
]
TopOption = Annotated[int, typer.Option("--top", help="How many documents at most.")]
MOST_SHOWN = 20


@contextmanager
def opened(config: Path | None, *, embedding: bool = False) -> Iterator["Knowledge"]:
    """Open the knowledge of a configuration; with its embedder only where that is needed: loading it takes time."""
    from stepladder.interaction.knowing import open_knowledge
    from stepladder.interaction.settings import Settings

    settings = Settings(config)
    knowledge = open_knowledge(settings, settings.load(), embedding=embedding)
    try:
        yield knowledge
    finally:
        knowledge.close()


def tell_refused(refused: "Sequence[Refused]") -> None:
    """What was not taken, and why, on standard error."""
    for one in refused[:MOST_SHOWN]:
        typer.echo(f"  {'skipped' if one.harmless else 'REFUSED'} {one.where}: {one.reason}", err=True)
    if len(refused) > MOST_SHOWN:
        typer.echo(f"  ... and {len(refused) - MOST_SHOWN} more.", err=True)


@contextmanager
def bar() -> Iterator["Progress"]:
    """A progress line on standard error, where somebody looks at it."""
    from rich.console import Console
    from rich.markup import escape
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
    from rich.progress import Progress as Bar

    columns = (TextColumn("{task.description}"), BarColumn(20), MofNCompleteColumn(), TimeElapsedColumn())
    with Bar(*columns, console=Console(stderr=True), transient=True, disable=not sys.stderr.isatty()) as bar:
        task = bar.add_task("", total=None)
        yield lambda done, total, what: bar.update(
            task, completed=done, total=total or None, description=escape(what)
        )


def mode_of(mode: str) -> "SearchMode":
    """A way of searching. Raises BadRequest."""
    from stepladder.core import BadRequest
    from stepladder.knowledge import SearchMode

    if mode not in list(SearchMode):
        raise BadRequest(f"--mode is {mode!r}.", param="mode", remedy=f"Modes: {', '.join(SearchMode)}.")
    return SearchMode(mode)
