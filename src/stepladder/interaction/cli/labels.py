"""stepladder label: the big model answers offline what was drawn in service."""

import asyncio
from typing import TYPE_CHECKING, Annotated

import typer

from stepladder.interaction.cli.options import ConfigOption, Place, opened

if TYPE_CHECKING:
    from stepladder.service import Labelled


def label(
    task: Annotated[str, typer.Argument(help="The task.")],
    most: Annotated[int, typer.Option(min=1, help="Ask so many questions at most.")] = 1000,
    at_once: Annotated[int, typer.Option(min=1, help="So many under way at a time.")] = 8,
    config: ConfigOption = None,
) -> None:
    """Put drawn questions to a task's big model now: labels and audits where `top = "offline"`.

    Run it where and when that model is: at night, say, or on another machine with the same database.
    """
    with opened(config) as place:
        found = asyncio.run(_label(place, task, most, at_once))
    cost = f", cost {found.cost:.4f}" if found.cost else ""
    typer.echo(f"{task}: {found.done} questions labelled, {found.failed} not answered{cost}.")


async def _label(place: Place, name: str, most: int, at_once: int) -> "Labelled":
    from stepladder.core import SystemClock, plugins
    from stepladder.service import label as ask

    task, store = place.task(name), place.store
    wanted = place.config.models[task.teacher]
    model = plugins.find(plugins.MODELS, wanted.kind).open(task.teacher, wanted.settings)
    try:
        rows = store.ledger.unlabelled(name, most)
        return await ask(task, rows, model.rung(task), store.ledger, SystemClock(), at_once=at_once)
    finally:
        await model.close()
