"""stepladder dictionary: the owner's word, effective within a second while serving."""

from typing import Annotated

import typer

from stepladder.interaction.cli.options import ConfigOption, caller

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
    from stepladder.interaction.installation import Installation
    from stepladder.text import dictionary_key

    place = Installation.find(config)
    known = place.config.tasks.get(task)
    if known is None:
        raise BadRequest(
            f"There is no task named {task!r}.", remedy=f"Tasks: {', '.join(place.config.tasks) or 'none'}."
        )
    if known.labels and answer not in known.labels:
        raise BadRequest(
            f"{answer!r} is not a label of {task}.", remedy=f"Labels: {', '.join(known.labels)}."
        )
    store = place.open_store()
    try:
        kind = "exact" if exact else "normalised"
        store.entries.put(task, text if exact else dictionary_key(text), answer, caller(), kind)
    finally:
        store.close()
    typer.echo(f"{task}: {text!r} is now answered {answer!r}.")


@app.command()
def remove(
    task: TaskArgument, text: TextArgument, exact: ExactOption = False, config: ConfigOption = None
) -> None:
    """Take an answer back."""
    from stepladder.core import BadRequest
    from stepladder.interaction.installation import Installation
    from stepladder.text import dictionary_key

    store = Installation.find(config).open_store()
    try:
        kind = "exact" if exact else "normalised"
        if not store.entries.remove(task, text if exact else dictionary_key(text), kind):
            raise BadRequest(
                f"{task} has no {kind} entry {text!r}.", remedy=f"See: stepladder dictionary list {task}"
            )
    finally:
        store.close()
    typer.echo(f"{task}: removed {text!r}.")


@app.command("list")
def list_entries(task: TaskArgument, config: ConfigOption = None) -> None:
    """List a task's entries."""
    from rich.console import Console
    from rich.table import Table

    from stepladder.interaction.installation import Installation

    store = Installation.find(config).open_store()
    try:
        table = Table("text", "kind", "answer", "who")
        for entry in store.entries.list(task):
            table.add_row(entry.key, entry.kind, entry.answer, entry.who)
    finally:
        store.close()
    Console().print(table)
