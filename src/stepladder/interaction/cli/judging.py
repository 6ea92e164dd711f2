"""stepladder knowledge eval: how well questions find their documents and answers."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from stepladder.interaction.cli.knowing import (
    MOST_SHOWN,
    GroupsOption,
    TenantOption,
    app,
    mode_of,
)
from stepladder.interaction.cli.options import ConfigOption

if TYPE_CHECKING:
    from stepladder.core import Scope
    from stepladder.interaction.settings import Settings
    from stepladder.knowledge import Asked, Quality, SearchMode

_DEEP = 10


@app.command("eval")
def eval_questions(  # noqa: PLR0913, PLR0917 - its options
    file: Annotated[
        Path, typer.Argument(help="JSONL: {id, text, documents: [ids], answers: [texts]} a line.")
    ],
    collection: Annotated[
        str, typer.Option("--collection", help="Which documents; a task knows its own.")
    ] = "",
    tenant: TenantOption = "",
    top: Annotated[int, typer.Option("--top", help="How deep to look; 0: 10, or what a task reads.")] = 0,
    mode: Annotated[
        str, typer.Option("--mode", help="lexical, vector or hybrid (without it); a task has its own.")
    ] = "",
    task: Annotated[
        str,
        typer.Option("--task", help="Find and answer as this task does; without it, by the reader alone."),
    ] = "",
    groups: GroupsOption = None,
    json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False,
    config: ConfigOption = None,
) -> None:
    """Measure how well questions find their documents and answers. Empty answers mean: nobody can know."""
    import msgspec

    from stepladder.core import BadRequest, Scope
    from stepladder.interaction.settings import Settings
    from stepladder.knowledge import questions

    for name, given in (("--collection", collection), ("--mode", mode)):
        if task and given:
            raise BadRequest(
                f"{name} says where to search, and so does the task {task}.",
                param=name,
                remedy=f"Leave {name} out, or --task.",
            )
    if not task and not collection:
        raise BadRequest("Which documents?", param="--collection", remedy="Give --collection or --task.")
    asked, settings, scope = questions(file), Settings(config), Scope(tenant, tuple(groups or ()))
    if task:
        found, how = _by_task(asked, settings, task, scope, top)
    else:
        chosen = mode_of(mode or "hybrid")
        found, how = _by_reader(asked, settings, (collection, chosen), scope, top or _DEEP), chosen.value
    if json:
        typer.echo(msgspec.json.encode(found).decode())
        return
    typer.echo(f"{found.questions} questions, {how}")
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


def _by_reader(
    asked: "Sequence[Asked]", settings: "Settings", where: "tuple[str, SearchMode]", scope: "Scope", top: int
) -> "Quality":
    """A collection searched as `knowledge search` does, and its passages' own sentences."""
    from stepladder.interaction.knowing import open_knowledge
    from stepladder.knowledge import Query, Said, evaluate

    collection, mode = where
    knowledge = open_knowledge(settings, settings.load(), embedding=mode != "lexical")

    def search(text: str) -> list[str]:
        query = Query(text, collection, scope, top, mode, per_document=True)
        return [hit.passage.document for hit in knowledge.search(query)]

    try:
        return evaluate(
            asked, search, lambda text: Said.of(knowledge.answer(text, collection, scope)), top=top
        )
    finally:
        knowledge.close()


def _by_task(
    asked: "Sequence[Asked]", settings: "Settings", task: str, scope: "Scope", top: int
) -> "tuple[Quality, str]":
    """What a task's rungs are given, and what they say; and how it searched."""
    from stepladder.interaction import asking
    from stepladder.knowledge import Said, evaluate

    config = settings.load()
    with asking.asked(settings, config, task, scope) as asks:
        knows = config.tasks[task].knowledge

        def answer(text: str) -> Said:
            given = asks.answer(text)
            if given.grounds is None:
                return Said(given.text)
            cited = tuple(one.document for one in given.grounds.citations)
            return Said(given.text, cited, given.grounds.supported, given.grounds.refused)

        found = evaluate(asked, asks.documents, answer, top=min(top, knows.passages) or knows.passages)
    return found, f"found and answered as {task} does: {knows.mode}, {knows.passages} passages"
