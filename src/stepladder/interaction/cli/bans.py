"""stepladder bans: who gets no hearing just now, and an end to that."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from stepladder.core import BadRequest
from stepladder.interaction.cli.options import ConfigOption, Place, caller, opened

if TYPE_CHECKING:
    from stepladder.traffic import Strikes

app = typer.Typer(help="List and lift bans.", no_args_is_help=True)


@app.command("list")
def listed(config: ConfigOption = None) -> None:
    """List who is banned, the longest ban first: addresses that guess keys, and askers of no ordinary use."""
    from rich.console import Console

    from stepladder.core import SystemClock
    from stepladder.interaction.banning import standing
    from stepladder.interaction.cli.shown import sheet

    table = sheet("id", "who", "why", "seconds left", "times")
    with opened(config) as place, _running(place) as strikes:
        bans = standing(strikes, place.store.journal, SystemClock())
    for ban in bans:
        table.add_row(ban.id, ban.who, ban.why, f"{ban.seconds:.0f}", str(ban.times))
    Console().print(table)


@app.command()
def lift(
    id: Annotated[str, typer.Argument(help="The ban's id, as `stepladder bans list` shows it.")],
    config: ConfigOption = None,
) -> None:
    """End a ban at once, in every worker; the next one is as short as a first one. The journal says who did it."""
    from stepladder.core import SystemClock
    from stepladder.interaction.banning import lift as lifted

    with opened(config) as place, _running(place) as strikes:
        lifted(strikes, place.store.journal, SystemClock(), id, caller())
    typer.echo(f"Lifted {id}.")


@contextmanager
def _running(place: Place) -> Iterator["Strikes"]:
    """The bans of the running server. Raises BadRequest where none runs on this machine."""
    from stepladder.traffic import strikes_of

    with strikes_of(place.folder / "board") as strikes:
        if strikes is None:
            raise BadRequest(
                "No server with this data folder runs here, and bans end with the server.",
                remedy="Start it, or ask on the machine that it runs on.",
            )
        yield strikes
