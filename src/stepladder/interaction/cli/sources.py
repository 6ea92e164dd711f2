"""stepladder knowledge: documents that come by themselves, and questions that none of them answered."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from stepladder.interaction.cli.knowing import (
    CollectionOption,
    TenantOption,
    app,
    bar,
    opened,
    tell_refused,
)
from stepladder.interaction.cli.options import ConfigOption, PurposeOption, caller, reading
from stepladder.interaction.cli.options import opened as opened_store

if TYPE_CHECKING:
    from stepladder.core import SourceConfig
    from stepladder.knowledge import Refused

EmptiedOption = Annotated[
    bool,
    typer.Option(
        "--emptied",
        help="What shows nothing (a folder, gone or without a file; a feed, site or query) really is empty: its documents go.",
    ),
]
EmbedOption = Annotated[bool, typer.Option(help="Compute vectors now, where an embedder is installed.")]


@app.command()
def feed(
    url: Annotated[str, typer.Argument(help="An RSS or Atom feed.")],
    collection: CollectionOption,
    tenant: TenantOption = "",
    keep: Annotated[bool, typer.Option("--keep", help="Keep items that the feed shows no more.")] = False,
    emptied: EmptiedOption = False,
    config: ConfigOption = None,
) -> None:
    """Take in a feed's items; run again, what is new, changed or gone since."""
    from stepladder.core import SourceConfig, SourceKind, Vanished
    from stepladder.core.sources import check_source

    vanished = Vanished.KEEP if keep else Vanished.REMOVE
    given = SourceConfig(SourceKind.FEED, url, collection, tenant, vanished=vanished)
    check_source(given, "--")
    raise typer.Exit(_visit([(url, given)], config, emptied=emptied))


@app.command()
def sync(
    names: Annotated[
        list[str] | None, typer.Argument(help="Sources of the configuration; without, all.")
    ] = None,
    emptied: EmptiedOption = False,
    config: ConfigOption = None,
) -> None:
    """Visit the sources of [knowledge.sources] once, as the server does by itself."""
    from stepladder.core import BadRequest
    from stepladder.interaction.settings import Settings

    known = Settings(config).load().knowledge.sources
    for name in names or ():
        if name not in known:
            raise BadRequest(
                f"There is no source {name!r}.", remedy=f"Sources: {', '.join(known) or 'none'}."
            )
    if emptied and not names:
        raise BadRequest("Which one is empty?", param="--emptied", remedy="Name the source.")
    sources = [(name, known[name]) for name in names or known]
    raise typer.Exit(_visit(sources, config, emptied=emptied))


@app.command()
def watch(  # noqa: PLR0913, PLR0917 - its options
    where: Annotated[str, typer.Argument(help="A folder, or the URL of a feed.")],
    collection: CollectionOption,
    tenant: TenantOption = "",
    every: Annotated[float, typer.Option(help="Seconds between two visits; 0: what suits it.")] = 0.0,
    times: Annotated[int, typer.Option(help="Stop after so many visits; 0: never.")] = 0,
    emptied: EmptiedOption = False,
    config: ConfigOption = None,
) -> None:
    """Keep documents up with a folder or a feed until Ctrl-C: what is new, changed or gone there is so here."""
    from stepladder.core import SourceConfig, SourceKind
    from stepladder.core.sources import check_source

    kind = SourceKind.FEED if is_url(where) else SourceKind.FOLDER
    path = where if is_url(where) else str(Path(where).absolute())
    given = SourceConfig(kind, path, collection, tenant, every=every)
    check_source(given, "--")
    with suppress(KeyboardInterrupt):
        raise typer.Exit(_visit([(path, given)], config, times=times or -1, emptied=emptied))


@app.command()
def unanswered(
    task: Annotated[str, typer.Option("--task", help="Of this task only.")] = "",
    top: Annotated[int, typer.Option("--top", help="How many questions at most.")] = 50,
    json: Annotated[bool, typer.Option("--json", help="One JSON object a line.")] = False,
    purpose: PurposeOption = "",
    config: ConfigOption = None,
) -> None:
    """Show the questions that no document answered, and those that a person is to look at, the most frequent first.

    They are people's words: the journal says who read them, and why.
    """
    import msgspec
    from rich.console import Console

    from stepladder.interaction.cli.shown import sheet

    with opened_store(config) as place:
        reading(place, purpose, "knowledge unanswered")
        gaps = place.store.approved.gaps(task or None, most=top)
    if json:
        for gap in gaps:
            typer.echo(msgspec.json.encode(gap).decode())
        return
    table = sheet("task", "tenant", "times", "why", "question")
    for gap in gaps:
        table.add_row(gap.task, gap.tenant, str(gap.times), gap.kind, gap.text)
    Console().print(table)


def is_url(where: str) -> bool:
    """Whether this is to be fetched."""
    return where.startswith(("http://", "https://"))


@dataclass(frozen=True, slots=True)
class Reach:
    """How far a crawl goes: how deep, how many pages, how many a second, and whether what is empty is so (`emptied`)."""

    depth: int
    pages: int
    rate: float
    emptied: bool


def pages(url: str, collection: str, tenant: str, reach: Reach, config: Path | None) -> int:
    """Add the pages of a site; the exit code. A page added alone takes none out that a crawl from it has brought."""
    from stepladder.core import SourceConfig, SourceKind, Vanished
    from stepladder.core.sources import check_source

    given = SourceConfig(
        SourceKind.SITE,
        url,
        collection,
        tenant,
        vanished=Vanished.REMOVE if reach.depth else Vanished.KEEP,
        depth=reach.depth,
        pages=reach.pages,
        rate=reach.rate,
    )
    check_source(given, "--")
    return _visit([(url, given)], config, emptied=reach.emptied)


def _visit(
    sources: "Sequence[tuple[str, SourceConfig]]", config: Path | None, times: int = 1, emptied: bool = False
) -> int:
    """Visit each source so often (-1: for ever), the first time as one that may have been `emptied`; the exit code."""
    from stepladder.interaction.settings import Settings
    from stepladder.interaction.syncing import visit

    home = Settings(config).home
    refused: list[Refused] = []

    async def go() -> None:
        done = 0
        while done != times:
            for name, given in sources:
                outcome = await visit(knowledge, name, given, home, progress, emptied and not done)
                if times == 1 or outcome.changed or not done:
                    typer.echo(f"{name} to {given.collection}: {outcome}.")
                fresh = [one for one in outcome.refused if one not in refused]
                tell_refused(fresh)
                refused.extend(fresh)
            done += 1
            if done != times:
                await asyncio.sleep(min(given.seconds for _, given in sources))

    if emptied:
        with opened_store(config) as place:
            named = ", ".join(name for name, _ in sources)
            place.store.journal.note(caller(), "source", f"{named}: may be empty")
    with opened(config, embedding=True) as knowledge, bar() as progress:
        asyncio.run(go())
    return int(not all(one.harmless for one in refused))
