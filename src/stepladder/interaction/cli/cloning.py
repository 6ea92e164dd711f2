"""stepladder task clone: a task's ladder, policies and tests for another domain."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from stepladder.core import BadRequest
from stepladder.interaction.cli.options import ConfigOption, caller, opened
from stepladder.interaction.cli.rollouts import TaskArgument, tasks

if TYPE_CHECKING:
    from stepladder.interaction.cloning import Domain

__all__ = ["tasks"]


@tasks.command()
def clone(  # noqa: PLR0913, PLR0917 a command's options
    task: TaskArgument,
    domain: Annotated[str, typer.Option("--domain", help="What the new task's texts are about.")],
    instead_of: Annotated[
        str,
        typer.Option("--instead-of", help="The old domain's word; without it, the end of the task's name."),
    ] = "",
    as_: Annotated[
        str, typer.Option("--as", help="The new task's name; without it, one with the domain in it.")
    ] = "",
    tests: Annotated[
        Path | None, typer.Option("--tests", help="JSONL of the task's test questions, to be reworded too.")
    ] = None,
    dictionary: Annotated[
        bool, typer.Option("--dictionary", help="With --write: copy the owner's answers, reworded.")
    ] = False,
    write: Annotated[
        bool, typer.Option("--write", help="Add it to the configuration; else only show it.")
    ] = False,
    config: ConfigOption = None,
) -> None:
    """Make a task for another domain: same ladder, promise, guards and tests; says what has to be new."""
    from stepladder.interaction import cloning
    from stepladder.interaction.settings import Settings

    path = Settings(config).path
    if path is None:
        raise BadRequest("There is no configuration.", param="--config", remedy="Run `stepladder init`.")
    if not domain.strip():
        raise BadRequest("The domain has no name.", param="--domain", remedy="Say what the texts are about.")
    told = cloning.Domain(domain.strip(), instead_of or cloning.old_word(task))
    new = as_ or cloning.name_for(task, told)
    made = cloning.clone(path.read_text(encoding="utf-8"), task, new, told, origin=str(path))
    rows = cloning.reworded_tests(tests, told, made.task) if tests is not None else []
    typer.echo(made.block)
    if write:
        if tests is not None:
            _write_tests(tests.with_name(f"{new}.jsonl"), rows)
        made.write(path)
        copied = _keep(config, task, new, told if dictionary else None)
        typer.echo(f"\n{path} has it now; a running server takes it within a second.{copied}")
    for note in made.notes:
        typer.echo(f"- {note}")


def _write_tests(file: Path, rows: list[dict[str, Any]]) -> None:
    try:
        with file.open("x", encoding="utf-8") as out:
            out.writelines(f"{json.dumps(row, ensure_ascii=False)}\n" for row in rows)
    except FileExistsError as error:
        raise BadRequest(f"{file} is there already.", param="--tests", remedy="Move it away.") from error
    typer.echo(
        f"\n{file}: {len(rows)} test questions. What was right there may be wrong here: look them over."
    )


def _keep(config: Path | None, task: str, new: str, domain: "Domain | None") -> str:
    """Into the journal with it; the owner's answers too, where they are wanted. What to say of these."""
    with opened(config) as place:
        entries = place.store.entries.list(task) if domain is not None else []
        labels = place.task(new).labels
        for entry in entries:
            assert domain is not None
            answer = entry.answer if labels else domain.put(entry.answer)
            place.store.entries.put(new, domain.put(entry.key), answer, caller(), entry.kind)
        place.store.journal.note(caller(), "task clone", f"{task} as {new}, with {len(entries)} entries")
    return f" {len(entries)} dictionary entries were copied: look them over." if entries else ""
