"""stepladder data gather: rows of one shape out of the ledger, files of many shapes, databases, and the web."""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from stepladder.core import BadRequest, SourceKind
from stepladder.interaction.cli.options import ConfigOption, PurposeOption, opened, reading
from stepladder.interaction.cli.shown import moving_bar

if TYPE_CHECKING:
    from stepladder.data import Crawl, Gathered, Source
    from stepladder.store import Store

app = typer.Typer()
_PAGE = 5_000
FeedOption = Annotated[list[str] | None, typer.Option(help="The address of an RSS or Atom feed.")]
DepthOption = Annotated[int, typer.Option(help="Pages of a site up to so many links away.")]
_ANY = "Name files, folders, a database, a site, --feed or --task."
LicenceOption = Annotated[str, typer.Option(help="Of what from the web does not name its own.")]


@app.command()
def gather(  # noqa: PLR0913, PLR0917 a command's options
    sources: Annotated[
        list[str] | None,
        typer.Argument(
            help="Files (.jsonl, .json, .csv, .tsv, .parquet, .arrow), folders of them, a database's URL, a site's."
        ),
    ] = None,
    out: Annotated[Path, typer.Option(help="The rows, as JSONL.")] = Path("rows.jsonl"),
    task: Annotated[
        str | None, typer.Option(help="Take a task's labelled questions out of the ledger.")
    ] = None,
    shape: Annotated[str, typer.Option(help="auto, flat, openai, sharegpt or alpaca.")] = "auto",
    every_turn: Annotated[bool, typer.Option(help="A row for every answer of a conversation.")] = False,
    feed: FeedOption = None,
    depth: DepthOption = 2,
    pages: Annotated[int, typer.Option(help="Most pages of a site.")] = 500,
    rate: Annotated[float, typer.Option(help="Most requests a second to a site.")] = 1.0,
    licence: LicenceOption = "",
    query: Annotated[str, typer.Option(help="The SQL, where a source is a database.")] = "",
    input_: Annotated[str, typer.Option("--input", help="Field of the text in flat records.")] = "input",
    answer: Annotated[str, typer.Option(help="Field of the answer.")] = "answer",
    gold: Annotated[str, typer.Option(help="Field of the trusted label.")] = "gold",
    time: Annotated[str, typer.Option(help="Field of the time.")] = "time",
    field: Annotated[
        list[str] | None, typer.Option(help="A column that becomes one of the question's fields.")
    ] = None,
    json_: Annotated[bool, typer.Option("--json", help="Print the figures as JSON.")] = False,
    purpose: PurposeOption = "",
    config: ConfigOption = None,
) -> None:
    """Gather rows of one shape from everywhere: {"input", ..., "source"}. Goes on after any end. --task takes a --purpose."""
    from stepladder.data import Crawl, FieldNames, Reading, Shape, gather_rows

    if shape not in list(Shape):
        raise BadRequest(f"--shape is {shape!r}.", param="--shape", remedy=f"Give {', '.join(Shape)}.")
    names = FieldNames(input_, answer, gold, "fields", time)
    how = Reading(Shape(shape), names, tuple(field or ()), every_turn)
    wanted = _sources((sources or (), feed or ()), query, Crawl(depth, pages, rate, licence))
    if task is None:
        if not wanted:
            raise BadRequest("There is nothing to gather from.", remedy=_ANY)
        with moving_bar() as tell:
            found = gather_rows(wanted, how, out, tell)
    else:
        with opened(config) as place, moving_bar() as tell:
            wanted.insert(0, _ledger(place.store, place.task(task).name))
            reading(place, purpose, f"data gather of {task} to {out.name}")
            found = gather_rows(wanted, how, out, tell)
    _tell(found, json_)


def _sources(given: tuple[Sequence[str], Sequence[str]], query: str, crawl: "Crawl") -> "list[Source]":
    """Those of files, databases and sites, then the feeds."""
    from stepladder.data import database_source, file_sources, web_source

    named, feeds = given
    found: list[Source] = []
    for name in named:
        if name.startswith(("http://", "https://")):
            found.append(web_source(name, SourceKind.SITE, crawl))
        elif "://" in name:
            if not query:
                raise BadRequest(
                    "A database needs a query.", param="--query", remedy="Write --query 'select ...'."
                )
            found.append(database_source(name, query))
        else:
            found += file_sources(Path(name))
    return found + [web_source(url, SourceKind.FEED, crawl) for url in feeds]


def _ledger(store: "Store", task: str) -> "Source":
    """A task's questions whose answer the top or a person has given, by pages."""
    from stepladder.core import Example
    from stepladder.data import Source
    from stepladder.data import gather as examples_of

    last = store.ledger.last_seq()

    def records() -> Iterator[dict[str, object]]:
        after = 0
        while rows := store.ledger.labelled(task, after=after, until=last, limit=_PAGE):
            after = rows[-1].seq
            yield from map(record, examples_of(rows))

    def record(example: Example) -> dict[str, object]:
        told: dict[str, object] = {"id": example.id, "input": example.text, "answer": example.label}
        told |= {"origin": example.origin, "drawn": example.drawn, "time": example.at}
        told |= {"fields": dict(example.fields)} if example.fields else {}
        return told | ({"gold": example.gold} if example.gold is not None else {})

    return Source(f"ledger:{task}", records)


def _tell(found: "Sequence[Gathered]", as_json: bool) -> None:
    rows, skipped = sum(one.rows for one in found), sum(one.skipped for one in found)
    if as_json:
        each = [{"source": one.source, "rows": one.rows, "skipped": one.skipped} for one in found]
        print(json.dumps({"rows": rows, "skipped": skipped, "sources": each}, ensure_ascii=False))
    else:
        for one in found:
            print(f"{one.source}: {one.rows:,} rows" + (f", {one.skipped:,} skipped" if one.skipped else ""))
            for skip in one.first_skipped:
                print(f"  record {skip.line}: {skip.reason}")
        print(f"rows: {rows:,}, skipped: {skipped:,}")
    if skipped and not rows:  # a script that goes on with nothing should not
        raise typer.Exit(1)
