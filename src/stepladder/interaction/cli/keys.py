"""stepladder key: who may ask, and who may change things."""

from typing import Annotated

import typer

from stepladder.interaction.cli.options import ConfigOption

app = typer.Typer(help="Make, list and revoke keys.", no_args_is_help=True)


@app.command()
def create(
    name: Annotated[str, typer.Argument(help="Whose key it is; the ledger shows this name.")],
    admin: Annotated[bool, typer.Option("--admin", help="May also use /admin.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print the key alone.")] = False,
    config: ConfigOption = None,
) -> None:
    """Make a key. It is shown once; only its hash is kept."""
    from stepladder.interaction.installation import Installation

    store = Installation.find(config).open_store()
    try:
        secret = store.keys.create(name, admin=admin)
    finally:
        store.close()
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

    from stepladder.interaction.installation import Installation

    store = Installation.find(config).open_store()
    try:
        table = Table("name", "kind", "ends in", "made", "state")
        for key in store.keys.list():
            made = datetime.fromtimestamp(key.created_at, UTC).strftime("%Y-%m-%d %H:%M")
            state = "active" if key.revoked_at is None else "revoked"
            table.add_row(key.name, "admin" if key.admin else "client", key.last4, made, state)
    finally:
        store.close()
    Console().print(table)


@app.command()
def revoke(name: Annotated[str, typer.Argument(help="The key's name.")], config: ConfigOption = None) -> None:
    """Revoke a key; a running server refuses it within a second."""
    from stepladder.core import BadRequest
    from stepladder.interaction.installation import Installation

    store = Installation.find(config).open_store()
    try:
        if not store.keys.revoke(name):
            raise BadRequest(f"There is no active key named {name!r}.", remedy="See: stepladder key list")
    finally:
        store.close()
    typer.echo(f"Revoked the key of {name}.")
