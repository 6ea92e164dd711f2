"""stepladder account: people who log in to the admin API with a password."""

from typing import Annotated

import typer

from stepladder.interaction.cli.options import ConfigOption, caller, opened

app = typer.Typer(help="People who log in to the admin API with a password.", no_args_is_help=True)
NameArgument = Annotated[str, typer.Argument(help="The account's name.")]
RoleOption = Annotated[str, typer.Option("--role", help="owner, operator, reviewer, auditor or viewer.")]


@app.command()
def create(name: NameArgument, role: RoleOption = "viewer", config: ConfigOption = None) -> None:
    """Make an account. The password is asked for, or read from a pipe; a slow hash (argon2id) of it is kept."""
    from stepladder.core import Role, granted
    from stepladder.interaction.passwords import hashed

    found = granted(role or "viewer").role or Role.VIEWER
    kept = hashed(_password())
    with opened(config) as place:
        place.store.accounts.create(name, found, kept, caller())
    typer.echo(f"Made the account of {name} ({found}).")


@app.command()
def password(name: NameArgument, config: ConfigOption = None) -> None:
    """Give an account another password. Its sessions end, and it is unlocked."""
    from stepladder.interaction.passwords import hashed

    kept = hashed(_password())
    with opened(config) as place:
        place.store.accounts.change(name, caller(), password=kept)
    typer.echo(f"The account of {name} has a new password.")


@app.command()
def role(
    name: NameArgument,
    role: Annotated[str, typer.Argument(help="owner, operator, reviewer, auditor or viewer.")],
    config: ConfigOption = None,
) -> None:
    """Give an account another role. Its sessions end."""
    from stepladder.core import Role, granted

    found = granted(role).role or Role.VIEWER
    with opened(config) as place:
        place.store.accounts.change(name, caller(), role=found)
    typer.echo(f"{name} is {found} now.")


@app.command()
def disable(name: NameArgument, config: ConfigOption = None) -> None:
    """Let an account in no more; its sessions end at once."""
    with opened(config) as place:
        place.store.accounts.change(name, caller(), disabled=True)
    typer.echo(f"Disabled the account of {name}.")


@app.command()
def enable(name: NameArgument, config: ConfigOption = None) -> None:
    """Let a disabled account in again."""
    with opened(config) as place:
        place.store.accounts.change(name, caller(), disabled=False)
    typer.echo(f"Enabled the account of {name}.")


@app.command()
def unlock(name: NameArgument, config: ConfigOption = None) -> None:
    """Unlock an account after too many wrong passwords."""
    with opened(config) as place:
        place.store.accounts.change(name, caller())
    typer.echo(f"Unlocked the account of {name}.")


@app.command("list")
def list_accounts(config: ConfigOption = None) -> None:
    """List the accounts."""
    import time
    from datetime import UTC, datetime

    from rich.console import Console

    from stepladder.interaction.cli.shown import sheet

    table = sheet("name", "role", "made", "state")
    with opened(config) as place:
        for account in place.store.accounts.list():
            made = datetime.fromtimestamp(account.created_at, UTC).strftime("%Y-%m-%d %H:%M")
            locked = "locked" if account.locked_until > time.time() else "active"
            state = "disabled" if account.disabled_at is not None else locked
            table.add_row(account.name, account.role, made, state)
    Console().print(table)


def _password() -> str:
    import sys

    if not sys.stdin.isatty():
        return sys.stdin.readline().rstrip("\r\n")
    asked: str = typer.prompt("Password", hide_input=True, confirmation_prompt=True)
    return asked
