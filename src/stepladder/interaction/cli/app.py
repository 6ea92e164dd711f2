"""The root of the command line: the groups of commands, and errors as one clear message."""

import sys
from typing import Annotated

import typer

from stepladder.core import StepladderError
from stepladder.interaction.cli import (
    accounts,
    adapters,
    audit,
    backtests,
    bans,
    boards,
    compressing,
    configs,
    conversations,
    data,
    dictionary,
    discover,
    duels,
    evaluations,
    explaining,
    feedback,
    guard_fit,
    guards,
    keeping,
    keys,
    knowledge,
    labels,
    ledgers,
    perplexities,
    publishing,
    redteaming,
    releases,
    reviews,
    rollouts,
    routing,
    runs,
    sealing,
    serving,
    splits,
    studying,
    subjects,
    tenants,
    tools,
    training,
    tutorials,
)

app = typer.Typer(
    name="stepladder",
    help="Put a large language model into production, then step it down.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    add_completion=False,
)
app.command("serve")(serving.serve)
app.command("init")(serving.init)
app.command("status")(serving.status)
app.add_typer(backtests.app)
app.add_typer(configs.app, name="config")
app.command("doctor")(configs.doctor)
app.add_typer(discover.app)
app.add_typer(routing.app)
app.add_typer(evaluations.app)
app.add_typer(perplexities.app)
app.add_typer(duels.app)
app.add_typer(boards.app)
app.add_typer(data.app, name="data")
app.add_typer(training.app)
app.add_typer(runs.app)
app.add_typer(studying.app)
app.add_typer(compressing.app, name="compress")
app.add_typer(adapters.app, name="adapter")
app.add_typer(tutorials.app, name="tutorial")
app.command("backup")(keeping.backup)
app.command("restore")(keeping.restore)
app.add_typer(keys.app, name="key")
app.add_typer(tools.app, name="tools")
app.command("tenants")(tenants.tenants)
app.add_typer(tenants.app, name="tenant")
app.add_typer(sealing.app, name="sealing")
app.command("retention")(ledgers.retention)
app.command("budget")(tenants.budget)
app.add_typer(bans.app, name="bans")
app.command("journal")(tenants.journal)
app.add_typer(audit.app, name="audit")
app.add_typer(accounts.app, name="account")
app.add_typer(subjects.app, name="subject")
app.add_typer(conversations.app, name="conversation")
app.add_typer(ledgers.app, name="ledger")
app.command("label")(labels.label)
app.add_typer(explaining.tasks, name="task")
app.add_typer(rollouts.app, name="rollout")
app.add_typer(splits.app, name="split")
releases.app.command("publish")(publishing.publish)
releases.app.command("share")(publishing.share)
app.add_typer(releases.app, name="release")
app.add_typer(dictionary.app, name="dictionary")
app.add_typer(knowledge.app, name="knowledge")
guards.app.command()(guard_fit.fit)
guards.app.command()(redteaming.redteam)
app.add_typer(guards.app, name="guard")
app.add_typer(reviews.app, name="review")
app.add_typer(feedback.app, name="feedback")


def _version(wanted: bool) -> None:
    if wanted:
        from stepladder import __version__

        typer.echo(f"stepladder {__version__}")
        raise typer.Exit


@app.callback()
def root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version and stop.")
    ] = False,
) -> None:
    """Put a large language model into production, then step it down."""


def main() -> None:
    """Run the command line. An error of ours is one message on standard error and exit code 2."""
    try:
        app()
    except StepladderError as error:
        where = f" [{error.param}]" if error.param and error.param not in error.message else ""
        print(f"stepladder: {error.message}{where}", file=sys.stderr)
        if error.remedy:
            print(f"  {error.remedy}", file=sys.stderr)
        sys.exit(2)
    except BrokenPipeError:
        sys.exit(141)
