"""stepladder leaderboard and eval-task: evaluations that were kept, and labelled rows for other people's evaluations."""

from pathlib import Path
from typing import Annotated

import typer

from stepladder.core import BadRequest
from stepladder.interaction.cli.shown import drawn

app = typer.Typer()


@app.command("leaderboard")
def leaderboard(
    file: Annotated[Path, typer.Argument(help="What `stepladder eval --board` has written.")],
    html: Annotated[Path | None, typer.Option(help="Write a page.")] = None,
) -> None:
    """Show every candidate's newest figures, a table for each set of rows, best first."""
    from rich.console import Console

    from stepladder.evaluation import board_page, read_board

    page = board_page(read_board(file))
    for table in page.tables:
        Console().print(drawn(table))
    if html is not None:
        page.write(html)


@app.command("eval-task")
def eval_task(  # noqa: PLR0913, PLR0917 a command's options
    file: Annotated[Path, typer.Argument(help="Labelled rows: JSONL, plain or .gz.")],
    out: Annotated[Path, typer.Option(help="Folder for the task and its rows.")],
    to: Annotated[str, typer.Option(help="lm-eval or inspect.")] = "lm-eval",
    name: Annotated[str, typer.Option(help="Of the task; the file's name without it.")] = "",
    prompt: Annotated[str, typer.Option(help="What is asked of every row.")] = "",
    input_: Annotated[str, typer.Option("--input", help="Field of the question.")] = "input",
    answer: Annotated[str, typer.Option(help="Field of the answer.")] = "answer",
) -> None:
    """Write labelled rows as a task of lm-evaluation-harness or of inspect."""
    from stepladder.data import FieldNames, read_log
    from stepladder.evaluation import Answers, kind_of, to_inspect, to_lm_eval

    writers = {"lm-eval": to_lm_eval, "inspect": to_inspect}
    if to not in writers:
        raise BadRequest(f"--to is {to!r}.", param="--to", remedy=f"One of: {', '.join(writers)}.")
    rows = read_log(file, FieldNames(input=input_, answer=answer)).rows
    answers = [row.answer for row in rows]
    labels = sorted(set(answers)) if kind_of(answers) is Answers.LABEL else []
    told = [{"input": row.text, "target": row.answer} for row in rows]
    writers[to](out, name or file.name.partition(".")[0], prompt, told, labels)
    typer.echo(f"{len(rows)} rows as a task of {to}: {out}")
