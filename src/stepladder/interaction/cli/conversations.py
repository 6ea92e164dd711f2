"""stepladder conversation: what is kept of a tenant's conversations."""

from datetime import UTC, datetime
from typing import Annotated

import typer

from stepladder.interaction.cli.options import ConfigOption, PurposeOption, caller, opened, reading

app = typer.Typer(help="List, show and delete conversations.", no_args_is_help=True)

TenantArgument = Annotated[str, typer.Argument(help="The tenant's name.")]
IdArgument = Annotated[str, typer.Argument(help="The conversation's id, as its client gave it.")]


@app.command("list")
def listed(tenant: TenantArgument, config: ConfigOption = None) -> None:
    """List a tenant's conversations, the one that went on last first."""
    from rich.console import Console

    from stepladder.interaction.cli.shown import sheet

    table = sheet("conversation", "answers", "began", "last")
    with opened(config) as place:
        for one in place.store.conversations.of(tenant):
            table.add_row(one.id, str(one.answers), _when(one.began), _when(one.last))
    Console().print(table)


@app.command()
def show(
    tenant: TenantArgument, id: IdArgument, purpose: PurposeOption = "", config: ConfigOption = None
) -> None:
    """Print a conversation as JSON: its messages, and each answer with its request id. The journal says why."""
    import msgspec

    from stepladder.interaction.conversing import exported

    with opened(config) as place:
        reading(place, purpose, f"conversation of {tenant}")
        found = exported(id, place.store.conversations.rows(tenant, id))
    typer.echo(msgspec.json.format(msgspec.json.encode(found), indent=1).decode())


@app.command()
def delete(tenant: TenantArgument, id: IdArgument, config: ConfigOption = None) -> None:
    """Erase a conversation's words, in the ledger too; what it cost stays on the bill."""
    from stepladder.interaction.conversing import no_such

    with opened(config) as place:
        count = place.store.conversations.erase(tenant, id)
        if not count:
            raise no_such(id)
        place.store.journal.note(caller(), "conversation delete", f"{tenant}: {count} answers")
    typer.echo(f"Erased {count} answers.")


def _when(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M:%S")
