"""stepladder dictionary: the owner's word, effective within a second while serving."""

from typing import Annotated

import typer

from stepladder.interaction.cli.options import ConfigOption, caller, opened

app = typer.Typer(help="Answers that the owner sets by hand.", no_args_is_help=True)
TaskArgument = Annotated[str, typer.Argument(help="The task.")]
TextArgument = Annotated[str, typer.Argument(help="The question's text.")]
KindOption = Annotated[
    str,
    typer.Option(
        help="exact: to the letter; normalised: case, width, spaces and traditional characters do not count; "
        "phrase: the question holds it; pattern: the whole question, with * for anything."
    ),
]


@app.command()
def put(
    task: TaskArgument,
    text: TextArgument,
    answer: Annotated[str, typer.Argument(help="The answer.")],
    kind: KindOption = "normalised",
    config: ConfigOption = None,
) -> None:
    """Set the answer to a question."""
    from stepladder.core import BadRequest
    from stepladder.models import entry_key

    with opened(config) as place:
        labels = place.task(task).labels
        if labels and answer not in labels:
            raise BadRequest(f"{answer!r} is not a label of {task}.", remedy=f"Labels: {', '.join(labels)}.")
        place.store.entries.put(task, entry_key(kind, text), answer, caller(), kind)
    typer.echo(f"{task}: {text!r} is now answered {answer!r}.")


@app.command()
def remove(
    task: TaskArgument, text: TextArgument, kind: KindOption = "normalised", config: ConfigOption = None
) -> None:
    """Take an answer back."""
    from stepladder.core import BadRequest
    from stepladder.models import entry_key

    with opened(config) as place:
        if place.store.entries.remove(task, entry_key(kind, text), kind, caller()) is None:
            raise BadRequest(
                f"{task} has no {kind} entry {text!r}.", remedy=f"See: stepladder dictionary list {task}"
            )
    typer.echo(f"{task}: removed {text!r}.")


@app.command("list")
def list_entries(task: TaskArgument, config: ConfigOption = None) -> None:
    """List a task's entries."""
    from rich.console import Console
    from rich.table import Table

    with opened(config) as place:
        table = Table("text", "kind", "answer", "who")
        for entry in place.store.entries.list(task):
            table.add_row(entry.key, entry.kind, entry.answer, entry.who)
    Console().print(table)
