"""stepladder key: who may ask, and who may change things."""

from typing import Annotated

import typer

from stepladder.interaction.cli.options import ConfigOption, opened

app = typer.Typer(help="Make, list and revoke keys.", no_args_is_help=True)


@app.command()
def create(
    name: Annotated[str, typer.Argument(help="Whose key it is; the ledger shows this name.")],
    admin: Annotated[bool, typer.Option("--admin", help="May also use /admin.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print the key alone.")] = False,
    config: ConfigOption = None,
) -> None:
    """Make a key. It is shown once; only its hash is kept."""
    with opened(config) as place:
        secret = place.store.keys.create(name, admin=admin)
    if quiet:
        typer.echo(secret)
        return
    typer.echo(f"Key of {name}{' (admin)' if admin else ''}, shown only now:\n\n  {secret}\n")


@app.command("list")
def list_keys(config: ConfigOption = None) -> None:
    """List the keys: names and last four characters."""
    from datetime import UTC, datetime

    from rich.console import Console
    from rich.table import Table

    with opened(config) as place:
        table = Table("name", "kind", "ends in", "made", "state")
        for key in place.store.keys.list():
            made = datetime.fromtimestamp(key.created_at, UTC).strftime("%Y-%m-%d %H:%M")
            state = "active" if key.revoked_at is None else "revoked"
            table.add_row(key.name, "admin" if key.admin else "client", key.last4, made, state)
    Console().print(table)


@app.command()
def revoke(name: Annotated[str, typer.Argument(help="The key's name.")], config: ConfigOption = None) -> None:
    """Revoke a key; a running server refuses it within a second."""
    from stepladder.core import BadRequest

    with opened(config) as place:
        if not place.store.keys.revoke(name):
            raise BadRequest(f"There is no active key named {name!r}.", remedy="See: stepladder key list")
    typer.echo(f"Revoked the key of {name}.")
