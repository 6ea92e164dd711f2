"""stepladder task and stepladder rollout: the kill switch, drift, what is live, and the way back."""

from enum import StrEnum
from typing import Annotated

import typer

from stepladder.interaction.cli.options import ConfigOption, caller, opened

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

    with opened(config) as place:
        place.task(task)
        place.store.switches.put(task, None if mode is Switch.CONFIG else Mode(mode.value), caller())
    typer.echo(f"{task}: mode {mode.value}.")


@tasks.command()
def drift(task: TaskArgument, config: ConfigOption = None) -> None:
    """Show what is new about what is asked, against the live release's training period."""
    from rich.console import Console

    from stepladder.interaction.cli.shown import sheet
    from stepladder.rollout import how_inputs_stand, new_words

    with opened(config) as place:
        found = how_inputs_stand(place.store, place.task(task).name)
        words = new_words(place.store, task)
    if not found:
        typer.echo(f"{task}: nothing to compare with: no release is live, or too little was asked since.")
        return
    table = sheet("new", "questions", "share", "of late", "may be", "evidence", "")
    for one in found:
        shares = (f"{share:.1%}" for share in (one.share, one.of_late, one.allowed))
        said = "drifted" if one.alarmed else ""
        table.add_row(one.kind, f"{one.seen:,}", *shares, f"{one.evidence:.3g}", said)
    Console().print(table)
    if words:
        typer.echo("New words: " + ", ".join(f"{word} ({count})" for word, count in words))


@app.command()
def back(
    task: TaskArgument,
    candidate: Annotated[
        bool, typer.Option("--candidate", help="Drop the candidate alone; what is live stays.")
    ] = False,
    config: ConfigOption = None,
) -> None:
    """Roll back to the release before, or to the top rung alone; a candidate is dropped too."""
    from stepladder.rollout import drop_by_hand, rollback_by_hand

    with opened(config) as place:
        move = drop_by_hand if candidate else rollback_by_hand
        rollout = move(place.store, place.task(task).name, who=caller())
    typer.echo(f"{task}: now answered by {rollout.live or 'the top rung alone'}.")


@app.command()
def approve(task: TaskArgument, config: ConfigOption = None) -> None:
    """Let the candidate of a task with `approve = true` go live once its trial is over. `rollout back --candidate` drops it."""
    from stepladder.rollout import approve as allow

    with opened(config) as place:
        found = allow(place.store, place.task(task).name, who=caller())
    typer.echo(f"{task}: {found} may go live.")


@app.command()
def compare(task: TaskArgument, config: ConfigOption = None) -> None:
    """Show the candidate beside what is live: quality, cost, time, guards, and the evidence that it is worse."""
    from rich.console import Console

    from stepladder.interaction.cli.shown import sheet
    from stepladder.rollout import compare_releases

    with opened(config) as place:
        known, rollout = place.task(task), place.store.rollouts.get(task)
        ladder = place.store.catalogue.get_ladder_release(rollout.candidate or "")
        found = compare_releases(place.store, known, ladder, rollout.live) if ladder is not None else []
    if not found:
        typer.echo(f"{task}: no candidate has answered yet.")
        return
    table = sheet("", "live", "candidate", "may be worse by", "pairs", "evidence", "")
    for one in found:
        means = (f"{one.found.first:.3f}", f"{one.found.second:.3f}", f"{one.margin:.3f}")
        said = "worse" if one.worse else ""
        table.add_row(one.figure, *means, f"{one.found.pairs:,}", f"{one.found.evidence:.3g}", said)
    Console().print(table)


@app.command()
def history(task: TaskArgument, config: ConfigOption = None) -> None:
    """Show every change of a task's rollout, and why."""
    from datetime import UTC, datetime

    from rich.console import Console

    from stepladder.interaction.cli.shown import sheet

    with opened(config) as place:
        table = sheet("when (UTC)", "live", "candidate", "who", "why")
        for change in place.store.rollouts.history(task):
            when = datetime.fromtimestamp(change.at, UTC).strftime("%Y-%m-%d %H:%M:%S")
            rollout = change.rollout
            table.add_row(when, rollout.live or "top alone", rollout.candidate or "", change.who, change.why)
    Console().print(table)
