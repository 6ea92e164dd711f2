"""stepladder subject: what is kept of a person is found, exported and erased."""

from typing import Annotated, Any

import typer

from stepladder.interaction.cli.options import ConfigOption, caller, opened

app = typer.Typer(help="People's rights: find, export and erase what is kept of one.", no_args_is_help=True)
IdArgument = Annotated[
    str, typer.Argument(help="The person's id, as questions were sent with: `subject`, or OpenAI's `user`.")
]
TenantOption = Annotated[
    str | None, typer.Option("--tenant", "-t", help="Only of this tenant; else of every one with this id.")
]
PurposeOption = Annotated[
    str, typer.Option("--purpose", help="Why it is read; it is written into the journal.")
]


@app.command()
def find(id: IdArgument, tenant: TenantOption = None, config: ConfigOption = None) -> None:
    """Say how much is kept of a person, and which releases were trained on it; no texts."""
    with opened(config) as place:
        _show(_people(place, config).find(id, tenant))


@app.command()
def export(
    id: IdArgument, purpose: PurposeOption, tenant: TenantOption = None, config: ConfigOption = None
) -> None:
    """Print everything that is kept of a person, as JSON."""
    from stepladder.core import BadRequest

    if not purpose.strip():
        raise BadRequest("The purpose is empty.", param="purpose", remedy='--purpose "request of the person"')
    with opened(config) as place:
        people = _people(place, config)
        names = people.find(id, tenant)["pseudonyms"]
        place.store.journal.note(caller(), f"read for {purpose!r}", f"subject {', '.join(names) or 'nobody'}")
        _show(people.export(id, tenant))


@app.command()
def erase(id: IdArgument, tenant: TenantOption = None, config: ConfigOption = None) -> None:
    """Erase a person's words from ledger, conversations, audits, feedback and datasets; print the proof.

    What it cost stays on the bill. Releases that were trained on it are named, and stay: a new turn of the flywheel
    trains without. A running server lets go of its kept answers within a second.
    """
    with opened(config) as place:
        _show(_people(place, config).erase(id, tenant, caller()))


def _people(place: Any, config: Any) -> Any:
    from stepladder.interaction.settings import Settings
    from stepladder.interaction.subjects import People

    return People(place.store, Settings(config), place.config)


def _show(found: dict[str, Any]) -> None:
    import msgspec

    typer.echo(msgspec.json.format(msgspec.json.encode(found), indent=1).decode())
