"""stepladder knowledge eval: how well questions find their documents and answers."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from stepladder.interaction.cli.knowing import (
    MOST_SHOWN,
    GroupsOption,
    ModeOption,
    TenantOption,
    TopOption,
    app,
    mode_of,
    opened,
)
from stepladder.interaction.cli.options import ConfigOption

if TYPE_CHECKING:
    from stepladder.core import Scope
    from stepladder.interaction.settings import Settings
    from stepladder.knowledge import Knowledge, Quality, Said


@app.command("eval")
def eval_questions(  # noqa: PLR0913, PLR0917 - its options
    file: Annotated[
        Path, typer.Argument(help="JSONL: {id, text, documents: [ids], answers: [texts]} a line.")
    ],
    collection: Annotated[
        str, typer.Option("--collection", help="Which documents; a task knows its own.")
    ] = "",
    tenant: TenantOption = "",
    top: TopOption = 10,
    mode: ModeOption = "hybrid",
    task: Annotated[
        str, typer.Option("--task", help="Answer by this task's ladder; without it, by the reader alone.")
    ] = "",
    groups: GroupsOption = None,
    json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False,
    config: ConfigOption = None,
) -> None:
    """Measure how well questions find their documents and answers. Empty answers mean: nobody can know."""
    import msgspec

    from stepladder.core import BadRequest, Scope
    from stepladder.interaction.settings import Settings
    from stepladder.knowledge import Query, evaluate, questions

    chosen, asked, settings = mode_of(mode), questions(file), Settings(config)
    known = settings.load().tasks.get(task)
    collection = collection or (known.knowledge.collection if known is not None else "")
    if not collection:
        raise BadRequest("Which documents?", param="--collection", remedy="Give --collection or --task.")
    scope = Scope(tenant, tuple(groups or ()))
    with opened(config, embedding=chosen != "lexical") as knowledge:

        def search(text: str) -> list[str]:
            query = Query(text, collection, scope, top, chosen, per_document=True)
            return [hit.passage.document for hit in knowledge.search(query)]

        with _answering(knowledge, settings, task, collection, scope) as answer:
            found = evaluate(asked, search, answer, top=top)
    if json:
        typer.echo(msgspec.json.encode(found).decode())
        return
    typer.echo(f"{found.questions} questions, {chosen}{f', answered by {task}' if task else ''}")
    _show(found)


def _show(found: "Quality") -> None:
    from dataclasses import fields
    from math import isnan

    for item in fields(found):
        value = getattr(found, item.name)
        if isinstance(value, float):
            shown = "(the file does not say)" if isnan(value) else f"{value:.4f}"
            typer.echo(f"  {item.name:18} {shown}")
    for text in found.unanswered[:MOST_SHOWN]:
        typer.echo(f"  unanswered: {text}")


@contextmanager
def _answering(
    knowledge: "Knowledge", settings: "Settings", task: str, collection: str, scope: "Scope"
) -> "Iterator[Callable[[str], Said]]":
    """What answers the questions: a task's ladder, or the reader alone."""
    from stepladder.knowledge import Said

    if not task:
        yield lambda text: Said.of(knowledge.answer(text, collection, scope))
        return
    from stepladder.interaction.asking import asked

    with asked(settings, settings.load(), task, scope) as ask:

        def answer(text: str) -> Said:
            given = ask(text)
            if given.grounds is None:
                return Said(given.text)
            cited = tuple(one.document for one in given.grounds.citations)
            return Said(given.text, cited, given.grounds.supported, given.grounds.refused)

        yield answer
