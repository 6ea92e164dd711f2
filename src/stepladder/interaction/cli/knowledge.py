"""stepladder knowledge: documents in, passages out."""

import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from stepladder.interaction.cli import judging, sources, tuning
from stepladder.interaction.cli.knowing import (
    CollectionOption,
    GroupsOption,
    ModeOption,
    TenantOption,
    TopOption,
    app,
    bar,
    mode_of,
    opened,
    tell_refused,
)
from stepladder.interaction.cli.options import ConfigOption

if TYPE_CHECKING:
    from stepladder.core import Progress
    from stepladder.knowledge import Document, Knowledge, Query, Refused


_SHOWN = 40  # characters of a path in the progress line


@app.command()
def add(  # noqa: PLR0913, PLR0917 - its options
    paths: Annotated[
        list[str], typer.Argument(help="Files, folders, URLs, or - for JSONL from standard input.")
    ],
    collection: CollectionOption,
    tenant: TenantOption = "",
    embed: Annotated[bool, typer.Option(help="Compute vectors now, where an embedder is installed.")] = True,
    depth: Annotated[int, typer.Option(help="Of a URL: follow links so many pages deep.")] = 0,
    pages: Annotated[int, typer.Option(help="Of a URL: at most so many pages.")] = 500,
    rate: Annotated[float, typer.Option(help="Of a URL: at most so many requests a second.")] = 1.0,
    tag: Annotated[list[str] | None, typer.Option(help="Of files: a tag. Again for more.")] = None,
    group: Annotated[
        list[str] | None, typer.Option(help="Of files: who may read them. Again for more.")
    ] = None,
    licence: Annotated[str, typer.Option(help="Of files: under what licence they are.")] = "",
    valid_from: Annotated[datetime | None, typer.Option(help="Of files: found from then on (UTC).")] = None,
    valid_until: Annotated[datetime | None, typer.Option(help="Of files: found until then (UTC).")] = None,
    emptied: sources.EmptiedOption = False,
    config: ConfigOption = None,
) -> None:
    """Add documents, or update those whose text has changed.

    JSONL rows are {"id", "title"?, "text"}; of other files, each is a document whose id is its path. May be
    interrupted and run again: what is there already is not done twice. Of a site only its own pages are taken, and
    robots.txt is kept.
    """
    code = 0
    for url in filter(sources.is_url, paths):
        reach = sources.Reach(depth, pages, rate, emptied)
        code |= sources.pages(url, collection, tenant, reach, config)
    paths = [path for path in paths if not sources.is_url(path)]
    if paths:
        said = _Said(
            tuple(tag or ()), tuple(group or ()), licence, _seconds(valid_from), _seconds(valid_until)
        )
        with opened(config, embedding=embed) as knowledge:
            code |= _add_files(knowledge, paths, (collection, tenant), said, embed)
    raise typer.Exit(code)


@dataclass(frozen=True, slots=True)
class _Said:
    """What the options say of every document; a row's own word goes before it."""

    tags: tuple[str, ...]
    groups: tuple[str, ...]
    licence: str
    valid_from: float | None
    valid_until: float | None

    def of(self, document: "Document") -> "Document":
        """The document with it."""
        return replace(
            document,
            tags=document.tags or self.tags,
            groups=document.groups or self.groups,
            licence=document.licence or self.licence,
            valid_from=self.valid_from if document.valid_from is None else document.valid_from,
            valid_until=self.valid_until if document.valid_until is None else document.valid_until,
        )


def _seconds(time: datetime | None) -> float | None:
    return None if time is None else time.replace(tzinfo=UTC).timestamp()


def _add_files(
    knowledge: "Knowledge", paths: Sequence[str], where: tuple[str, str], said: _Said, embed: bool
) -> int:
    from stepladder.knowledge import Refused, files, jsonl, read, sorted_out

    collection, tenant = where
    refused: list[Refused] = []
    counts: dict[str, int] = {}

    def documents(items: "Iterable[Document | Refused]", ids: set[str]) -> "Iterator[Document]":
        labelled = (one if isinstance(one, Refused) else said.of(one) for one in items)
        for document in sorted_out(labelled, refused):
            ids.add(document.id)
            yield document

    todo = [one for path in paths for one in ([path] if path == "-" else files(Path(path)))]
    with bar() as progress:
        for number, file in enumerate(todo, 1):
            before = sum(counts.values()) - counts.get("removed", 0)
            shown = _placed(progress, before, f"{number} of {len(todo)}: {str(file)[-_SHOWN:]}")
            items = read(file) if isinstance(file, Path) else jsonl(sys.stdin.buffer, file)
            ids: set[str] = set()
            well = len(refused)
            changes = knowledge.add(collection, documents(items, ids), tenant=tenant, progress=shown)
            for change, count in changes.items():
                counts[change] = counts.get(change, 0) + count
            if all(one.harmless for one in refused[well:]):  # read whole: what it no longer says goes
                gone = knowledge.keep_parts(collection, str(file), ids, tenant=tenant)
                counts["removed"] = counts.get("removed", 0) + gone
        if embed and knowledge.embedder is not None and any(counts.values()):
            knowledge.embed(collection, tenant=tenant, progress=progress)
    told = [f"{count} {change}" for change, count in counts.items() if count or change != "removed"]
    typer.echo(f"{collection}: {', '.join(told)}.")
    tell_refused(refused)
    return int(not all(one.harmless for one in refused))


def _placed(progress: "Progress", before: int, where: str) -> "Progress":
    """The progress of one file among several: what was done before it counts too."""
    return lambda done, total, _: progress(before + done, total, where)


@app.command()
def embed(collection: CollectionOption, tenant: TenantOption = "", config: ConfigOption = None) -> None:
    """Give every passage its vector that has none, or all of them where the embedder is another than before."""
    with opened(config, embedding=True) as knowledge, bar() as progress:
        done = knowledge.embed(collection, tenant=tenant, progress=progress)
    typer.echo(f"{collection}: {done} passages embedded.")


@app.command()
def search(  # noqa: PLR0913, PLR0917 - its options
    collection: CollectionOption,
    text: Annotated[str | None, typer.Argument(help="What to search for; without it, JSONL is read.")] = None,
    tenant: TenantOption = "",
    top: TopOption = 10,
    mode: ModeOption = "hybrid",
    groups: GroupsOption = None,
    json: Annotated[
        bool, typer.Option("--json", help="Read {id, text} a line, write {id, hits: [{id, score}]} a line.")
    ] = False,
    config: ConfigOption = None,
) -> None:
    """Search: a text given here, or queries from standard input. One hit a document, best first."""
    from stepladder.core import Scope
    from stepladder.knowledge import Query

    chosen = mode_of(mode)
    query = Query(text or "", collection, Scope(tenant, tuple(groups or ())), top, chosen, per_document=True)
    with opened(config, embedding=chosen != "lexical") as knowledge:
        if json or text is None:
            _search_lines(knowledge, query)
            return
        for hit in knowledge.search(query):
            found = hit.passage
            title = " > ".join(part for part in (found.title, found.heading) if part)
            typer.echo(
                f"{hit.score:.4f}  {found.document}  {title}\n    {' '.join(found.text.split())[:160]}"
            )


@app.command("list")
def list_documents(
    collection: Annotated[
        str, typer.Option("--collection", help="Its documents; without it, the collections.")
    ] = "",
    tenant: TenantOption = "",
    config: ConfigOption = None,
) -> None:
    """List collections, or the documents of one."""
    from rich.console import Console

    from stepladder.interaction.cli.shown import sheet

    with opened(config) as knowledge:
        if not collection:
            table = sheet("tenant", "collection", "documents", "passages", "embedder")
            for one in knowledge.collections(tenant or None):
                table.add_row(
                    one.tenant or "(all)", one.name, str(one.documents), str(one.passages), one.embedder
                )
            Console().print(table)
            return
        after = ""
        while stored := knowledge.documents(collection, tenant=tenant, after=after):
            for document in stored:
                typer.echo(
                    f"{document.id}\tv{document.version}\t{document.passages} passages\t{document.title}"
                )
            after = stored[-1].id


@app.command()
def show(
    id: Annotated[str, typer.Argument(help="The document's id.")],
    collection: CollectionOption,
    tenant: TenantOption = "",
    config: ConfigOption = None,
) -> None:
    """Show a document's passages."""
    with opened(config) as knowledge:
        for passage in knowledge.passages(collection, id, tenant=tenant):
            heading = f"  ({passage.heading})" if passage.heading else ""
            typer.echo(f"--- {passage.place + 1}, from character {passage.start}{heading}\n{passage.text}")


@app.command()
def remove(
    collection: CollectionOption,
    ids: Annotated[list[str] | None, typer.Argument(help="Documents' ids.")] = None,
    everything: Annotated[bool, typer.Option("--all", help="The whole collection.")] = False,
    tenant: TenantOption = "",
    config: ConfigOption = None,
) -> None:
    """Remove documents: found no more from now on."""
    from stepladder.core import BadRequest

    if bool(ids) == everything:
        raise BadRequest("Name documents, or give --all.", remedy="See: stepladder knowledge list.")
    with opened(config) as knowledge:
        if everything:
            knowledge.drop(collection, tenant=tenant)
            typer.echo(f"{collection}: removed.")
            return
        removed = knowledge.remove(collection, ids or [], tenant=tenant)
    typer.echo(f"{collection}: removed {removed} of {len(ids or [])}.")


@app.command()
def publish(
    collection: CollectionOption,
    to: Annotated[str, typer.Option("--to", help="A retriever of kind postgres: [retrievers.NAME].")],
    tenant: TenantOption = "",
    config: ConfigOption = None,
) -> None:
    """Bring a collection in a PostgreSQL database into the state that it has here. Only what differs goes over.

    May be interrupted and run again. Documents that are gone here are gone there.
    """
    from stepladder.core import BadRequest
    from stepladder.interaction.settings import Settings
    from stepladder.knowledge.postgres import PostgresRetriever

    known = Settings(config).load().retrievers
    if to not in known or known[to].kind != "postgres":
        raise BadRequest(
            f"There is no retriever {to!r} of kind postgres.", param="to", remedy=f"Add [retrievers.{to}]."
        )
    retriever = PostgresRetriever.open(to, {**known[to].settings, "embedder": {}})
    try:
        with opened(config) as knowledge, bar() as progress:
            done = knowledge.publish(collection, retriever.shelves, tenant=tenant, progress=progress)
    finally:
        retriever.close()
    vectors = "" if done.vectors else ", without vectors"
    typer.echo(
        f"{collection}: {done.written} written, {done.unchanged} unchanged, {done.removed} removed{vectors}."
    )


@app.command()
def preview(
    path: Annotated[Path, typer.Argument(help="A file.")], limit: int = 2000, overlap: int = 150
) -> None:
    """Show how a file will be split into passages; nothing is written. Sizes count a Han character as three."""
    from stepladder.knowledge import Refused, Splitting, read, split

    for item in read(path):
        if isinstance(item, Refused):
            typer.echo(f"REFUSED {item.where}: {item.reason}", err=True)
            continue
        for number, piece in enumerate(split(item.text, Splitting(limit, overlap)), 1):
            heading = f"  ({piece.heading})" if piece.heading else ""
            typer.echo(f"--- {item.id} {number}{heading}\n{item.text[piece.start : piece.end]}")


def _search_lines(knowledge: "Knowledge", query: "Query") -> None:
    """The same search for each line's text."""
    import msgspec

    from stepladder.core import DataError

    class Line(msgspec.Struct):
        id: str | int
        text: str

    for number, line in enumerate(sys.stdin.buffer, 1):
        if not line.strip():
            continue
        try:
            asked = msgspec.json.decode(line, type=Line)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise DataError(
                f"Line {number} of standard input is no query: {error}.",
                remedy='Write {"id": "1", "text": "..."}.',
            ) from error
        hits = knowledge.search(replace(query, text=asked.text))
        answer = {"id": asked.id, "hits": [{"id": hit.passage.document, "score": hit.score} for hit in hits]}
        sys.stdout.buffer.write(msgspec.json.encode(answer) + b"\n")
        sys.stdout.buffer.flush()


__all__ = ["app", "judging", "tuning"]
