"""stepladder subject: what is kept of a person is found, exported and erased."""

from collections.abc import Sequence
from typing import Annotated, Any

import typer

from stepladder.interaction.cli.options import ConfigOption, PurposeOption, caller, opened, reading

app = typer.Typer(help="People's rights: find, export and erase what is kept of one.", no_args_is_help=True)
IdArgument = Annotated[
    str, typer.Argument(help="The person's id, as questions were sent with: `subject`, or OpenAI's `user`.")
]
TenantOption = Annotated[
    str | None, typer.Option("--tenant", "-t", help="Only of this tenant; else of every one with this id.")
]


@app.command()
def find(id: IdArgument, tenant: TenantOption = None, config: ConfigOption = None) -> None:
    """Say how much is kept of a person, and which releases were trained on it; no texts."""
    with opened(config) as place:
        _show(_people(place, config).find(id, tenant))


@app.command()
def export(
    id: IdArgument, purpose: PurposeOption = "", tenant: TenantOption = None, config: ConfigOption = None
) -> None:
    """Print everything that is kept of a person, as JSON."""
    with opened(config) as place:
        people = _people(place, config)
        _reading(place, purpose, "export", people.find(id, tenant)["pseudonyms"])
        _show(people.export(id, tenant))


@app.command()
def erase(
    id: IdArgument,
    purpose: PurposeOption = "",
    tenant: TenantOption = None,
    documents: Annotated[
        bool, typer.Option("--documents", help="Remove the documents that hold the id, too.")
    ] = False,
    config: ConfigOption = None,
) -> None:
    """Erase a person's words from ledger, conversations, audits, feedback, reviews and datasets; print the proof.

    What it cost stays on the bill. Releases that were trained on it are named, and stay: a new turn of the flywheel
    trains without. A running server lets go of its kept answers within a second. The journal says who did, and why.
    """
    with opened(config) as place:
        people = _people(place, config)
        _reading(place, purpose, "erase", people.find(id, tenant)["pseudonyms"])
        _show(people.erase(id, tenant, caller(), documents=documents))


def _reading(place: Any, purpose: str, what: str, names: Sequence[str]) -> None:
    """By pseudonyms: the journal never holds the id."""
    reading(place, purpose, f"subject {what} {', '.join(names) or 'nobody'}")


def _people(place: Any, config: Any) -> Any:
    from stepladder.interaction.settings import Settings
    from stepladder.interaction.subjects import People

    return People(place.store, Settings(config), place.config)


def _show(found: dict[str, Any]) -> None:
    import msgspec

    typer.echo(msgspec.json.format(msgspec.json.encode(found), indent=1).decode())
