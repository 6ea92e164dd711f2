"""stepladder runs: what runs of training came to, out of the ledger."""

import json
from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from stepladder.core import BadRequest
from stepladder.interaction.cli.options import ConfigOption, opened
from stepladder.interaction.cli.shown import drawn

if TYPE_CHECKING:
    from stepladder.store import Run

app = typer.Typer()
_ROWS = 20


@app.command("runs")
def runs(
    run: Annotated[str, typer.Argument(help="A run's id: its settings and its figures by step.")] = "",
    json_: Annotated[bool, typer.Option("--json", help="One JSON object, with every step of a run.")] = False,
    config: ConfigOption = None,
) -> None:
    """List the runs of training that the flywheel and `train --config` have kept, the newest first, or show one."""
    from rich.console import Console

    from stepladder.evaluation import Table

    with opened(config) as place:
        if not run:
            found = place.store.runs.newest()
            if json_:
                print(json.dumps({"runs": [asdict(one) for one in found]}, ensure_ascii=False))
            else:
                lines = [
                    [one.id, one.name, _when(one.began_at), _state(one), _told(one.figures)] for one in found
                ]
                Console().print(drawn(Table("Runs", ["id", "run", "began", "", "figures"], lines)))
            return
        one = place.store.runs.get(run)
        if one is None:
            raise BadRequest(f"There is no run {run!r}.", param="run", remedy="`stepladder runs` lists them.")
        steps = place.store.runs.figures(run)
    if json_:
        print(json.dumps({**asdict(one), "steps": steps}, ensure_ascii=False))
        return
    told = ", ".join(f"{key} {value}" for key, value in one.settings.items())
    typer.echo(f"{one.name}, {_state(one)}, began {_when(one.began_at)}. {told}")
    every = max(1, -(-len(steps) // _ROWS))
    shown = [[f"{step:,}", _told(steps[step])] for at, step in enumerate(steps, 1) if at % every == 0]
    Console().print(drawn(Table(f"{len(steps):,} steps", ["step", "figures"], shown)))


def _when(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M")


def _state(one: "Run") -> str:
    if one.failed:
        return "failed"
    return "goes on, or was killed" if one.ended_at is None else "done"


def _told(figures: Mapping[str, float]) -> str:
    return ", ".join(f"{key} {value:.4g}" for key, value in figures.items())
