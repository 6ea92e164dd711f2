"""stepladder ledger: how large it is, its rows in a file, and old ones out of it."""

import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from stepladder.interaction.cli.options import ConfigOption, PurposeOption, caller, opened, reading

app = typer.Typer(help="Measure, export and prune the ledger.", no_args_is_help=True)

_DAY = 86400.0
Since = Annotated[datetime | None, typer.Option(help="From this moment on (UTC).")]
Until = Annotated[datetime | None, typer.Option(help="Before this moment (UTC).")]


@app.command()
def size(config: ConfigOption = None) -> None:
    """Show how many rows there are, since when, and what they take up."""
    with opened(config) as place:
        found = place.store.retention.size()
        days = place.config.ledger.retention_days
    room = f", {found.bytes / 1e6:,.1f} MB" if found.bytes is not None else ""
    since = (
        f", since {datetime.fromtimestamp(found.oldest, UTC):%Y-%m-%d}" if found.oldest is not None else ""
    )
    typer.echo(f"{found.rows:,} rows{room}{since}. Kept {f'for {days:g} days' if days else 'for ever'}.")


@app.command()
def export(
    destination: Annotated[Path, typer.Argument(help="The file to write; .jsonl.gz is packed.")],
    parquet: Annotated[
        bool | None,
        typer.Option("--parquet/--jsonl", help="Without either, the file's name decides."),
    ] = None,
    since: Since = None,
    until: Until = None,
    purpose: PurposeOption = "",
    config: ConfigOption = None,
) -> None:
    """Write rows into a file: JSON lines, or Parquet (pip install 'stepladder[data]'). The journal says who did, and why."""
    from stepladder.interaction.ledger_export import export as write

    chosen = destination.suffix == ".parquet" if parquet is None else parquet
    with opened(config) as place:
        reading(place, purpose, f"ledger export to {destination.name}")
        count = write(
            place.store.ledger,
            destination,
            parquet=chosen,
            since=_seconds(since) or 0.0,
            until=_seconds(until),
        )
    typer.echo(f"Wrote {count:,} rows to {destination}.")


@app.command()
def show(
    request: Annotated[str, typer.Argument(help="The id in the answer's header x-stepladder-request-id.")],
    purpose: PurposeOption = "",
    config: ConfigOption = None,
) -> None:
    """Print one row as JSON, with its texts. The journal says who read it, and why."""
    import msgspec

    from stepladder.core import BadRequest

    with opened(config) as place:
        reading(place, purpose, f"ledger show {request}")
        row = place.store.ledger.get(request)
    if row is None:
        raise BadRequest(f"There is no request {request!r}.", param="request", remedy="See: ledger export.")
    typer.echo(msgspec.json.format(msgspec.json.encode(row), indent=1).decode())


@app.command()
def prune(
    days: Annotated[
        float | None, typer.Option(help="Keep this many days; without it, ledger.retention_days.")
    ] = None,
    compact: Annotated[bool, typer.Option("--compact", help="Give the space back to the disk.")] = False,
    dry: Annotated[bool, typer.Option("--dry-run", help="Only count.")] = False,
    config: ConfigOption = None,
) -> None:
    """Take old rows out, with their audits and feedback. What a live release's promise rests on stays, and so does the bill."""
    from rich.progress import Progress

    from stepladder.core import BadRequest

    with opened(config) as place:
        kept = place.config.ledger.retention_days if days is None else days
        if kept <= 0:
            raise BadRequest(
                "There is nothing to go by.", remedy="Give --days, or set ledger.retention_days."
            )
        before, retention = time.time() - kept * _DAY, place.store.retention
        if dry:
            typer.echo(f"{retention.old(before):,} rows are older than {kept:g} days.")
            return
        with Progress(transient=True) as bar:
            job = bar.add_task("old rows")
            count = retention.prune(
                before, lambda done, total, what: bar.update(job, completed=done, total=total)
            )
        place.store.journal.note(caller(), "ledger prune", f"{count} rows older than {kept:g} days")
        if compact:
            retention.compact()
    typer.echo(f"Took out {count:,} rows.")


def retention(config: ConfigOption = None) -> None:
    """Take out now what [retention], [conversations] and [ledger] say is over. A running server does it every hour."""
    from stepladder.core import SystemClock
    from stepladder.interaction.retaining import retain
    from stepladder.interaction.settings import Settings

    with opened(config) as place:
        done = retain(place.store, Settings(config), place.config, SystemClock(), lambda: True, caller())
    said = ", ".join(f"{name} {count:,}" for name, count in done.items())
    typer.echo(f"Taken out: {said}." if done else "Nothing is over.")


def _seconds(moment: datetime | None) -> float | None:
    return None if moment is None else moment.replace(tzinfo=moment.tzinfo or UTC).timestamp()
