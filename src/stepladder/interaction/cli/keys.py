"""stepladder key: who may ask, and who may change things."""

import time
from typing import TYPE_CHECKING, Annotated

import typer

from stepladder.interaction.cli.options import ConfigOption, caller, opened

if TYPE_CHECKING:
    from stepladder.store import Key

app = typer.Typer(help="Make, list, rotate, end and revoke keys.", no_args_is_help=True)


TenantOption = Annotated[
    str,
    typer.Option("--tenant", "-t", help="Whose key it is, as in [tenants.NAME]; else a tenant of its own."),
]
DaysOption = Annotated[float | None, typer.Option("--days", help="How long it opens the door.")]
RoleOption = Annotated[
    str,
    typer.Option(
        "--role",
        help="What it may do under /admin: owner, operator, reviewer, auditor or viewer; operator:see,ask is a part of it.",
    ),
]
GroupsOption = Annotated[
    list[str] | None,
    typer.Option("--group", help="A group that it is in: it may read the group's documents. Again for more."),
]
PersonOption = Annotated[
    str,
    typer.Option(
        "--person",
        help="Whose it is, as accounts and the issuer call the person: with an account beside it they decide as one.",
    ),
]
QuietOption = Annotated[bool, typer.Option("--quiet", "-q", help="Print the key alone.")]


@app.command()
def create(  # noqa: PLR0913, PLR0917 - its options
    name: Annotated[str, typer.Argument(help="The key's name; the ledger shows it.")],
    role: RoleOption = "",
    tenant: TenantOption = "",
    days: DaysOption = None,
    groups: GroupsOption = None,
    person: PersonOption = "",
    quiet: QuietOption = False,
    config: ConfigOption = None,
) -> None:
    """Make a key: a client's, or with a role one for the admin API. It is shown once; only its hash is kept."""
    from stepladder.core import granted
    from stepladder.store import check_name

    grant = granted(role)
    if person:
        check_name(person, "person")
    with opened(config) as place:
        secret = place.store.keys.create(
            name, tenant=tenant, expires_at=_in_days(days), grant=grant, groups=groups or ()
        )
        if person:
            place.store.keys.belong(name, person)
        of = f" of {tenant}" if tenant else ""
        within = f", in {', '.join(groups)}" if groups else ""
        whose = f", {person}'s" if person else ""
        place.store.journal.note(caller(), "key create", f"{name}{of} ({grant}){within}{whose}")
    _show(secret, f"Key of {name}{f' ({grant})' if role else ''}", quiet)


@app.command()
def rotate(
    name: Annotated[str, typer.Argument(help="The key's name.")],
    grace: Annotated[float, typer.Option(help="Minutes that the old key still opens the door.")] = 0.0,
    quiet: QuietOption = False,
    config: ConfigOption = None,
) -> None:
    """Make a new secret for a key; tenant, rights and end stay."""
    with opened(config) as place:
        secret = place.store.keys.rotate(name, grace_seconds=grace * 60)
        place.store.journal.note(caller(), "key rotate", f"{name}, the old one ends in {grace:g} minutes")
    _show(secret, f"New key of {name}", quiet)


@app.command()
def expire(
    name: Annotated[str, typer.Argument(help="The key's name.")],
    days: DaysOption = None,
    config: ConfigOption = None,
) -> None:
    """Change when a key ends: in so many days, or never."""
    from stepladder.core import BadRequest

    with opened(config) as place:
        if not place.store.keys.expire(name, _in_days(days)):
            raise BadRequest(f"There is no active key named {name!r}.", remedy="See: stepladder key list")
        place.store.journal.note(
            caller(), "key expire", f"{name}, {'never' if days is None else f'{days:g} days'}"
        )
    typer.echo(f"The key of {name} {'does not end' if days is None else f'ends in {days:g} days'}.")


@app.command("person")
def belong(
    name: Annotated[str, typer.Argument(help="The key's name.")],
    who: Annotated[
        str, typer.Argument(help="The person, as accounts and the issuer say; nothing: nobody's.")
    ] = "",
    config: ConfigOption = None,
) -> None:
    """Say whose key it is. Where two persons are to agree, one's key and account are one, and nobody's key decides nothing."""
    from stepladder.core import BadRequest

    with opened(config) as place:
        if not place.store.keys.belong(name, who):
            raise BadRequest(f"There is no active key named {name!r}.", remedy="See: stepladder key list")
        place.store.journal.note(caller(), "key person", f"{name}: {who or 'nobody'}")
    whose = f"{who}'s" if who else "nobody's"
    typer.echo(f"The key {name} is {whose}.")


@app.command("list")
def list_keys(config: ConfigOption = None) -> None:
    """List the keys: names and last four characters."""
    from datetime import UTC, datetime

    from rich.console import Console

    from stepladder.interaction.cli.shown import sheet

    with opened(config) as place:
        table = sheet("name", "tenant", "role", "groups", "person", "ends in", "made", "state")
        now = datetime.now(UTC).timestamp()
        for key in place.store.keys.list():
            made = datetime.fromtimestamp(key.created_at, UTC).strftime("%Y-%m-%d %H:%M")
            groups = ", ".join(key.groups)
            whose = (key.tenant, str(key.grant), groups, key.person)
            table.add_row(key.name, *whose, key.last4, made, _state(key, now))
    Console().print(table)


@app.command()
def revoke(name: Annotated[str, typer.Argument(help="The key's name.")], config: ConfigOption = None) -> None:
    """Revoke a key; a running server refuses it within a second."""
    from stepladder.core import BadRequest

    with opened(config) as place:
        if not place.store.keys.revoke(name):
            raise BadRequest(f"There is no active key named {name!r}.", remedy="See: stepladder key list")
        place.store.journal.note(caller(), "key revoke", name)
    typer.echo(f"Revoked the key of {name}.")


def _show(secret: str, what: str, quiet: bool) -> None:
    typer.echo(secret if quiet else f"{what}, shown only now:\n\n  {secret}\n")


def _in_days(days: float | None) -> float | None:
    return None if days is None else time.time() + days * 86400


def _state(key: "Key", now: float) -> str:
    from datetime import UTC, datetime

    if key.revoked_at is not None:
        return "revoked"
    if key.expires_at is None:
        return "active"
    until = datetime.fromtimestamp(key.expires_at, UTC).strftime("%Y-%m-%d %H:%M")
    return f"ended {until}" if key.expires_at <= now else f"active until {until}"
