"""stepladder dictionary: the owner's word, effective within a second while serving."""

from typing import Annotated

import typer

from stepladder.interaction.cli.options import ConfigOption, caller, opened

app = typer.Typer(help="Answers that the owner sets by hand.", no_args_is_help=True)
TaskArgument = Annotated[str, typer.Argument(help="The task.")]
TextArgument = Annotated[str, typer.Argument(help="The question's text.")]
ExactOption = Annotated[
    bool, typer.Option("--exact", help="To the letter; else case, width and spaces are ignored.")
]


@app.command()
def put(
    task: TaskArgument,
    text: TextArgument,
    answer: Annotated[str, typer.Argument(help="The answer.")],
    exact: ExactOption = False,
    config: ConfigOption = None,
) -> None:
    """Set the answer to a question."""
    from stepladder.core import BadRequest
    from stepladder.text import dictionary_key

    with opened(config) as place:
        labels = place.task(task).labels
        if labels and answer not in labels:
            raise BadRequest(f"{answer!r} is not a label of {task}.", remedy=f"Labels: {', '.join(labels)}.")
        kind = "exact" if exact else "normalised"
        place.store.entries.put(task, text if exact else dictionary_key(text), answer, caller(), kind)
    typer.echo(f"{task}: {text!r} is now answered {answer!r}.")


@app.command()
def remove(
    task: TaskArgument, text: TextArgument, exact: ExactOption = False, config: ConfigOption = None
) -> None:
    """Take an answer back."""
    from stepladder.core import BadRequest
    from stepladder.text import dictionary_key

    with opened(config) as place:
        kind = "exact" if exact else "normalised"
        if not place.store.entries.remove(task, text if exact else dictionary_key(text), kind):
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
