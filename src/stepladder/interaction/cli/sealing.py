"""stepladder sealing: the keys that texts at rest are sealed with."""

from datetime import UTC, datetime
from typing import Annotated

import typer

from stepladder.interaction.cli.options import ConfigOption, caller, opened

app = typer.Typer(help="The keys that texts at rest are sealed with.", no_args_is_help=True)


@app.command()
def status(config: ConfigOption = None) -> None:
    """List the tenants' keys: under which master key each is wrapped, and since when it is used. No key is shown."""
    from rich.console import Console

    from stepladder.interaction.cli.shown import sheet

    table = sheet("key", "tenant", "wrapped by", "since", "state")
    with opened(config) as place:
        for key in place.store.data_keys.list():
            since = datetime.fromtimestamp(key.created_at, UTC).strftime("%Y-%m-%d %H:%M:%S")
            table.add_row(key.id, key.tenant, key.master, since, "live" if key.live else "erased")
        sealing = place.store.data_keys.sealing
    Console().print(table)
    typer.echo(
        "What is written is sealed." if sealing else "What is written is not sealed: see [privacy.sealing]."
    )


@app.command()
def rotate(
    tenant: Annotated[str | None, typer.Option("--tenant", "-t", help="Only this tenant's key.")] = None,
    config: ConfigOption = None,
) -> None:
    """Seal with new keys from now on. What older ones sealed stays readable."""
    with opened(config) as place:
        count = place.store.data_keys.rotate(tenant)
        place.store.journal.note(caller(), "sealing rotate", f"{count} data keys")
    typer.echo(f"New keys for {count} tenants.")


@app.command()
def rewrap(config: ConfigOption = None) -> None:
    """Wrap every key by privacy.sealing.key, so that the old master keys may go."""
    with opened(config) as place:
        count = place.store.data_keys.rewrap()
        place.store.journal.note(caller(), "sealing rewrap", f"{count} data keys")
    typer.echo(f"Wrapped {count} keys anew. privacy.sealing.old_keys may go.")


@app.command()
def apply(config: ConfigOption = None) -> None:
    """Seal what was written before texts were sealed; secrets are taken out of it as well."""
    from rich.progress import Progress

    with opened(config) as place, Progress(transient=True) as bar:
        job = bar.add_task("rows")
        count = place.store.resealing.run(
            lambda done, total, what: bar.update(job, completed=done, total=total)
        )
        place.store.journal.note(caller(), "sealing apply", f"{count} rows")
    typer.echo(f"Sealed {count:,} rows.")
