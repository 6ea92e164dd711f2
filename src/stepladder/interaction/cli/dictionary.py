"""stepladder dictionary: the owner's word, effective within a second while serving; its history, and the way back."""

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from stepladder.interaction.cli.options import ConfigOption, caller, opened

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from stepladder.core import Task
    from stepladder.interaction.cli.dictionary_rows import Row
    from stepladder.store import EntryChange

app = typer.Typer(help="Answers that the owner sets by hand.", no_args_is_help=True)
TaskArgument = Annotated[str, typer.Argument(help="The task.")]
TextArgument = Annotated[str, typer.Argument(help="The question's text.")]
KindOption = Annotated[
    str,
    typer.Option(
        help="exact: to the letter; normalised: case, width, spaces and traditional characters do not count; "
        "phrase: the question holds it; pattern: the whole question, with * for anything; synonym: what askers say for "
        "what the documents say; fact: what is so of the thing of that name; term: a name that counts as a whole."
    ),
]


@app.command()
def put(
    task: TaskArgument,
    text: TextArgument,
    answer: Annotated[str | None, typer.Argument(help="The answer; a term has none.")] = None,
    kind: KindOption = "normalised",
    config: ConfigOption = None,
) -> None:
    """Set the answer to a question."""
    from stepladder.core import BadRequest
    from stepladder.models import OF_THINGS, TERM, checked_entry

    if answer is None and kind != TERM:
        raise BadRequest("There is no answer.", param="answer", remedy=f"Give what the {kind} entry says.")
    with opened(config) as place:
        key, said = checked_entry(place.task(task), kind, text, answer or "")
        place.store.entries.put(task, key, said, caller(), kind)
    verb = f"is now a {kind}" if kind in OF_THINGS else "is now answered"
    told = "" if kind == TERM else f"{':' if kind in OF_THINGS else ''} {said!r}"
    typer.echo(f"{task}: {text!r} {verb}{told}.")


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

    from stepladder.interaction.cli.shown import sheet

    with opened(config) as place:
        table, entries = sheet("text", "kind", "answer", "who"), place.store.entries.list(task)
        if not entries and task != "*":
            place.task(task)  # of a task that is gone its entries are still shown
        for entry in entries:
            table.add_row(entry.key, entry.kind, entry.answer, entry.who)
    Console().print(table)


@app.command()
def word(
    text: Annotated[str, typer.Argument(help="The word, in any language.")],
    deed: Annotated[str, typer.Option(help="block, hold, redact, or watch: as the guard is set.")] = "block",
    remove: Annotated[bool, typer.Option("--remove", help="Take it out.")] = False,
    config: ConfigOption = None,
) -> None:
    """Let guards of words look for a word, in all tasks and models. List, history and undo: of the task "*"."""
    from stepladder.core import BadRequest
    from stepladder.safety import checked_word
    from stepladder.store import EVERYWHERE, WORD

    key, done = checked_word(text, deed)
    with opened(config) as place:
        if not remove:
            place.store.entries.put(EVERYWHERE, key, done, caller(), WORD)
        elif place.store.entries.remove(EVERYWHERE, key, WORD, caller()) is None:
            raise BadRequest(f"There is no word {key!r}.", remedy="See: stepladder dictionary list '*'")
    where = "" if remove or done == "watch" else ", where guards of words are enforced"
    typer.echo(f"{key!r}: {'removed' if remove else done}{where}.")


@app.command()
def history(
    task: TaskArgument,
    most: Annotated[int, typer.Option(help="How many edits at most.")] = 50,
    config: ConfigOption = None,
) -> None:
    """Show a task's edits, the newest first. An edit's number takes it back: dictionary undo TASK --id N."""
    from datetime import UTC, datetime

    from rich.console import Console

    from stepladder.interaction.cli.shown import sheet

    with opened(config) as place:
        table = sheet("id", "when", "who", "text", "kind", "before", "after", "undoes")
        for edit in place.store.entries.history(task, most):
            when = datetime.fromtimestamp(edit.at, UTC).strftime("%Y-%m-%d %H:%M:%S")
            undoes = "" if edit.undoes is None else str(edit.undoes)
            said = (edit.before or "", edit.after or "")
            table.add_row(str(edit.id), when, edit.who, edit.key, edit.kind, *said, undoes)
    Console().print(table)


@app.command()
def undo(
    task: TaskArgument,
    id: Annotated[int | None, typer.Option("--id", help="The edit; without it, the last one.")] = None,
    config: ConfigOption = None,
) -> None:
    """Take an edit back: the entry says what it said before it. Again takes back the one before."""
    from stepladder.core import BadRequest

    with opened(config) as place:
        edit = place.store.entries.undo(task, caller(), id)
    if edit is None:
        raise BadRequest(
            f"{task} has no such edit.", param="id", remedy=f"See: stepladder dictionary history {task}"
        )
    typer.echo(f"{task}: {_taken_back(edit)}")


@app.command()
def sync(
    task: TaskArgument,
    source: Annotated[str, typer.Argument(help="A CSV file; with --sql a database: env:NAME of its URL.")],
    sql: Annotated[str, typer.Option(help="What gives the rows: SELECT text, answer, kind FROM ...")] = "",
    every: Annotated[float, typer.Option(help="Again after so many seconds; 0: once.")] = 0.0,
    emptied: Annotated[
        bool, typer.Option("--emptied", help="A table without a row really is empty: its entries go.")
    ] = False,
    config: ConfigOption = None,
) -> None:
    """Make a table's rows entries: text, answer and, where it is not "normalised", kind.

    What a row no longer says is taken out; entries that were put by hand stay. A table with a wrong row changes
    nothing, nor does one that was not read to its end, or has no row any more.
    """
    from stepladder.core import StepladderError

    while True:
        try:
            typer.echo(_synced(task, source, sql, emptied, config))
        except StepladderError as error:
            if not every:
                raise
            typer.echo(f"{error} Nothing is changed.", err=True)  # the table may be whole again soon
        if not every:
            return
        time.sleep(every)


def _synced(task: str, source: str, sql: str, emptied: bool, config: Path | None) -> str:
    """Take a table in once, and say what came of it. Raises StepladderError."""
    from stepladder.core import BadRequest
    from stepladder.interaction.cli.dictionary_rows import from_csv, from_database, shown_as
    from stepladder.interaction.cli.knowing import bar

    name = shown_as(source)
    who = f"sync:{name}"
    with opened(config) as place, bar() as progress:

        def given() -> "Iterator[Row]":
            some = False
            for row in _entries(place.task(task), rows):
                some = True
                yield row
            had = 0 if some or emptied else sum(one.who == who for one in place.store.entries.list(task))
            if had:
                raise BadRequest(
                    f"{name}: no row is left of {had}; perhaps something is wrong with it, so nothing is taken out.",
                    remedy="If it is empty indeed, say so: --emptied.",
                )

        rows = from_database(source, sql) if sql else from_csv(Path(source))
        found = place.store.entries.sync(task, given(), who, progress)
    return f"{task}: {found.given} entries in {name}, {found.changed} changed."


def _entries(task: "Task", rows: "Iterable[Row]") -> "Iterator[Row]":
    """Rows as they are kept. Raises BadRequest naming the row that is wrong."""
    from stepladder.core import BadRequest
    from stepladder.models import checked_entry

    for number, (kind, text, answer) in enumerate(rows, 1):
        try:
            key, said = checked_entry(task, kind, text, answer)
        except BadRequest as error:
            raise BadRequest(
                f"Row {number}: {error.message}", param=error.param, remedy=error.remedy
            ) from error
        yield kind, key, said


def _taken_back(edit: "EntryChange") -> str:
    if edit.before is None:
        return f"{edit.key!r} has no {edit.kind} entry, as before."
    return f"{edit.key!r} ({edit.kind}) is {edit.before!r} again."
