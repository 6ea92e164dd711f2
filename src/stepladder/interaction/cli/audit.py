"""stepladder audit: the journal, whether anybody has tampered with it, and a copy for elsewhere."""

import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from stepladder.interaction.cli.options import ConfigOption, caller, opened

app = typer.Typer(
    help="Who did what: a journal whose lines are chained, so that no change goes unseen.",
    no_args_is_help=True,
)
AnchorOption = Annotated[
    list[str] | None,
    typer.Option("--anchor", help="NUMBER:DIGEST that an earlier verify or export printed; may be repeated."),
]


@app.command("list")
def list_lines(
    lines: Annotated[int, typer.Option(min=1, help="How many, the newest first.")] = 50,
    what: Annotated[str, typer.Option(help="Only lines about this, such as `rollout`.")] = "",
    config: ConfigOption = None,
) -> None:
    """Show who did what: keys, accounts, modes, roll backs, promotions, erasures, readings of texts, the configuration."""
    from rich.console import Console

    from stepladder.interaction.cli.shown import sheet

    table = sheet("line", "when (UTC)", "who", "what", "detail")
    with opened(config) as place:
        for link in place.store.journal.newest(lines, what):
            when = datetime.fromtimestamp(link.at, UTC).strftime("%Y-%m-%d %H:%M:%S")
            table.add_row(str(link.number), when, link.who, link.what, link.detail)
    Console().print(table)


@app.command()
def verify(
    file: Annotated[
        Path | None, typer.Option("--file", help="An exported journal, instead of the store's.")
    ] = None,
    anchor: AnchorOption = None,
    config: ConfigOption = None,
) -> None:
    """Check every line against the chain; exit code 1 and the first line that is wrong where one is.

    A line that was changed, put in, taken out or moved breaks the chain; lines cut off the end are missed by the head
    that the store keeps. Whoever rewrites the whole database can forge the whole chain, so keep the anchor that this
    prints somewhere else, and give it to a later verify.
    """
    from stepladder.store import Anchor, first_fault, read_journal

    anchors = [Anchor.parse(word) for word in anchor or ()]
    if file is not None:
        links = list(read_journal(file))
        end = Anchor(links[-1].number, links[-1].digest) if links else Anchor()
        fault = first_fault(links, head=None, anchors=anchors)
    else:
        with opened(config) as place:
            end, fault = place.store.journal.head(), place.store.journal.verify(anchors)
    if fault is not None:
        typer.echo(f"The journal was tampered with. {fault}", err=True)
        raise typer.Exit(1)
    typer.echo(f"{end.number} lines, every one as it was written.")
    if end.number:
        typer.echo(f"Anchor, to be kept elsewhere: {end}")


@app.command()
def export(
    to: Annotated[
        Path | None, typer.Option("--to", help="The file; without it the lines go to standard output.")
    ] = None,
    config: ConfigOption = None,
) -> None:
    """Write the journal as JSON lines, with what `verify --file` needs. That it was exported is written into it."""
    import msgspec

    with opened(config) as place:
        place.store.journal.note(caller(), "audit export", str(to.name) if to else "standard output")
        rows = (msgspec.json.encode(link) + b"\n" for link in place.store.journal.links())
        count = _write(rows, to)
        head = place.store.journal.head()
    if to is not None:
        typer.echo(f"{count} lines to {to}. Anchor, to be kept elsewhere: {head}")


def _write(rows: Iterator[bytes], to: Path | None) -> int:
    from stepladder.core import DataError

    if to is None:
        return sum(sys.stdout.write(row.decode()) > 0 for row in rows)
    try:
        with to.open("wb") as file:
            return sum(file.write(row) > 0 for row in rows)
    except OSError as error:
        raise DataError(f"Cannot write {to}: {error.strerror}.", remedy="Check the folder.") from error
