"""stepladder task and stepladder rollout: the kill switch, what is live, and the way back."""

from enum import StrEnum
from typing import Annotated

import typer

from stepladder.interaction.cli.options import ConfigOption, caller

tasks = typer.Typer(help="How a task is answered right now.", no_args_is_help=True)
app = typer.Typer(help="Which ladder release answers a task.", no_args_is_help=True)
TaskArgument = Annotated[str, typer.Argument(help="The task.")]


class Switch(StrEnum):
    """What `task mode` takes."""

    LADDER = "ladder"
    OBSERVE = "observe"
    TOP = "top"
    CONFIG = "config"


@tasks.command()
def mode(
    task: TaskArgument,
    mode: Annotated[Switch, typer.Argument(help="`top` is the kill switch; `config` is what the file says.")],
    config: ConfigOption = None,
) -> None:
    """Switch a task, whatever its configuration says. A running server follows within a second."""
    from stepladder.core import Mode
    from stepladder.interaction.installation import Installation

    place = Installation.find(config)
    _known(place.config.tasks, task)
    store = place.open_store()
    try:
        store.switches.put(task, None if mode is Switch.CONFIG else Mode(mode.value), caller())
    finally:
        store.close()
    typer.echo(f"{task}: mode {mode.value}.")


@app.command()
def back(task: TaskArgument, config: ConfigOption = None) -> None:
    """Roll back to the release before, or to the top rung alone."""
    from stepladder.interaction.installation import Installation
    from stepladder.rollout import roll_back

    place = Installation.find(config)
    _known(place.config.tasks, task)
    store = place.open_store()
    try:
        rollout = roll_back(store, task, why="rolled back by hand", who=caller())
    finally:
        store.close()
    typer.echo(f"{task}: now answered by {rollout.live or 'the top rung alone'}.")


@app.command()
def history(task: TaskArgument, config: ConfigOption = None) -> None:
    """Show every change of a task's rollout, and why."""
    from datetime import UTC, datetime

    from rich.console import Console
    from rich.table import Table

    from stepladder.interaction.installation import Installation

    store = Installation.find(config).open_store()
    try:
        table = Table("when (UTC)", "live", "candidate", "who", "why")
        for change in store.rollouts.history(task):
            when = datetime.fromtimestamp(change.at, UTC).strftime("%Y-%m-%d %H:%M:%S")
            rollout = change.rollout
            table.add_row(when, rollout.live or "top alone", rollout.candidate or "", change.who, change.why)
    finally:
        store.close()
    Console().print(table)


def _known(known: object, task: str) -> None:
    from collections.abc import Mapping

    from stepladder.core import BadRequest

    names = list(known) if isinstance(known, Mapping) else []
    if task not in names:
        raise BadRequest(f"There is no task named {task!r}.", remedy=f"Tasks: {', '.join(names) or 'none'}.")
