"""stepladder knowledge tune: the order of what is found, learned from one's own questions."""

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from stepladder.interaction.cli.knowing import (
    CollectionOption,
    GroupsOption,
    TenantOption,
    app,
    bar,
    opened,
)
from stepladder.interaction.cli.options import ConfigOption, caller

if TYPE_CHECKING:
    from stepladder.knowledge import Knowledge, Tuned


@app.command()
def tune(  # noqa: PLR0913, PLR0917 - its options
    collection: CollectionOption,
    file: Annotated[
        Path | None,
        typer.Argument(
            help="JSONL: {id, text, documents: [ids]} a line; without it, what was learned is shown."
        ),
    ] = None,
    tenant: TenantOption = "",
    groups: GroupsOption = None,
    forget: Annotated[
        bool, typer.Option("--forget", help="Let fusion alone have the last word again.")
    ] = False,
    json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False,
    config: ConfigOption = None,
) -> None:
    """Learn the order of hybrid searches in a collection from questions whose documents are known.

    It is used where it is worth it: where questions that it did not learn from find more by it than by fusion alone,
    beyond the standard error. In force at once, in running servers too.
    """
    from stepladder.core import BadRequest, Scope
    from stepladder.knowledge import questions

    if forget and file is not None:
        raise BadRequest("Give a file to learn from, or --forget.", param="--forget", remedy="Leave one out.")
    if file is None:
        with opened(config) as knowledge:
            _forget(knowledge, collection, tenant) if forget else _history(knowledge, collection, tenant)
        return
    asked = questions(file)
    scope = Scope(tenant, tuple(groups or ()))
    with opened(config, embedding=True) as knowledge, bar() as progress:
        tuned = knowledge.tune(collection, asked, scope=scope, by=caller(), progress=progress)
    if json:
        import msgspec

        typer.echo(msgspec.json.encode(tuned).decode())
        return
    _show(collection, tuned)


def _show(collection: str, tuned: "Tuned") -> None:
    worth = tuned.worth
    gain = f"{worth.tuned - worth.plain:+.4f}, standard error {worth.error:.4f}"
    typer.echo(f"{worth.questions} questions, each judged by what was learned from others:")
    typer.echo(f"  nDCG@10 by fusion {worth.plain:.4f}, learned {worth.tuned:.4f} ({gain})")
    if tuned.version is None:
        typer.echo(f"{collection}: not worth it. Fusion has the last word.")
    else:
        typer.echo(f"{collection}: version {tuned.version} is in force.")


def _forget(knowledge: "Knowledge", collection: str, tenant: str) -> None:
    there = knowledge.forget_tuning(collection, tenant=tenant)
    typer.echo(
        f"{collection}: " + ("forgotten. Fusion has the last word." if there else "nothing was learned.")
    )


def _history(knowledge: "Knowledge", collection: str, tenant: str) -> None:
    from rich.console import Console

    from stepladder.interaction.cli.shown import sheet

    table = sheet("version", "when", "who", "questions", "by fusion", "learned", "in force")
    for one in knowledge.tunings(collection, tenant=tenant):
        when = datetime.fromtimestamp(one.made_at, UTC).strftime("%Y-%m-%d %H:%M:%S")
        figures = (str(one.worth.questions), f"{one.worth.plain:.4f}", f"{one.worth.tuned:.4f}")
        table.add_row(str(one.version), when, one.made_by, *figures, "yes" if one.in_force else "")
    Console().print(table)
