"""stepladder knowledge: documents in, passages out."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from stepladder.interaction.cli.options import ConfigOption

if TYPE_CHECKING:
    from stepladder.core import Progress
    from stepladder.knowledge import Knowledge, SearchMode

app = typer.Typer(help="Documents that answers come from.", no_args_is_help=True)
CollectionOption = Annotated[str, typer.Option("--collection", help="Which documents: a name of yours.")]
TenantOption = Annotated[
    str, typer.Option("--tenant", help="Whose collection; without it, one that every tenant may search.")
]
ModeOption = Annotated[str, typer.Option("--mode", help="lexical (words), vector (meaning) or hybrid.")]
TopOption = Annotated[int, typer.Option("--top", help="How many documents at most.")]
_MOST_SHOWN = 20


@contextmanager
def opened(config: Path | None, *, embedding: bool = False) -> Iterator["Knowledge"]:
    """Open the knowledge of a configuration; with its embedder only where that is needed: loading it takes time."""
    from stepladder.interaction.knowing import open_knowledge
    from stepladder.interaction.settings import Settings

    settings = Settings(config)
    knowledge = open_knowledge(settings, settings.load(), embedding=embedding)
    try:
        yield knowledge
    finally:
        knowledge.close()


@app.command()
def add(
    paths: Annotated[list[str], typer.Argument(help="Files, folders, or - for JSONL from standard input.")],
    collection: CollectionOption,
    tenant: TenantOption = "",
    embed: Annotated[bool, typer.Option(help="Compute vectors now, where an embedder is installed.")] = True,
    config: ConfigOption = None,
) -> None:
    """Add documents, or update those whose text has changed.

    JSONL rows are {"id", "title"?, "text"}; of other files, each is a document whose id is its path. May be
    interrupted and run again: what is there already is not done twice.
    """
    from stepladder.knowledge import Refused, files, jsonl, read, sorted_out

    refused: list[Refused] = []
    counts: dict[str, int] = {}
    with opened(config, embedding=embed) as knowledge, _bar() as progress:
        for path in paths:
            found = [jsonl(sys.stdin.buffer, "-")] if path == "-" else map(read, files(Path(path)))
            for items in found:
                changes = knowledge.add(
                    collection, sorted_out(items, refused), tenant=tenant, progress=progress
                )
                for change, count in changes.items():
                    counts[change] = counts.get(change, 0) + count
        if embed and knowledge.embedder is not None and any(counts.values()):
            knowledge.embed(collection, tenant=tenant, progress=progress)
    typer.echo(f"{collection}: " + ", ".join(f"{count} {change}" for change, count in counts.items()) + ".")
    for one in refused[:_MOST_SHOWN]:
        typer.echo(f"  {'skipped' if one.harmless else 'REFUSED'} {one.where}: {one.reason}", err=True)
    if len(refused) > _MOST_SHOWN:
        typer.echo(f"  ... and {len(refused) - _MOST_SHOWN} more.", err=True)
    if not all(one.harmless for one in refused):
        raise typer.Exit(1)


@app.command()
def embed(collection: CollectionOption, tenant: TenantOption = "", config: ConfigOption = None) -> None:
    """Give every passage its vector that has none, or all of them where the embedder is another than before."""
    with opened(config, embedding=True) as knowledge, _bar() as progress:
        done = knowledge.embed(collection, tenant=tenant, progress=progress)
    typer.echo(f"{collection}: {done} passages embedded.")


@app.command()
def search(  # noqa: PLR0913, PLR0917 - its options
    collection: CollectionOption,
    text: Annotated[str | None, typer.Argument(help="What to search for; without it, JSONL is read.")] = None,
    tenant: TenantOption = "",
    top: TopOption = 10,
    mode: ModeOption = "hybrid",
    json: Annotated[
        bool, typer.Option("--json", help="Read {id, text} a line, write {id, hits: [{id, score}]} a line.")
    ] = False,
    config: ConfigOption = None,
) -> None:
    """Search: a text given here, or queries from standard input. One hit a document, best first."""
    chosen = _mode(mode)
    with opened(config, embedding=chosen != "lexical") as knowledge:
        if json or text is None:
            _search_lines(knowledge, collection, tenant, top, chosen)
            return
        from stepladder.core import Scope
        from stepladder.knowledge import Query

        for hit in knowledge.search(Query(text, collection, Scope(tenant), top, chosen, per_document=True)):
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
    from rich.table import Table

    with opened(config) as knowledge:
        if not collection:
            table = Table("tenant", "collection", "documents", "passages", "embedder")
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


@app.command("eval")
def eval_questions(
    file: Annotated[
        Path, typer.Argument(help="JSONL: {id, text, documents: [ids], answers: [texts]} a line.")
    ],
    collection: CollectionOption,
    tenant: TenantOption = "",
    top: TopOption = 10,
    mode: ModeOption = "hybrid",
    config: ConfigOption = None,
) -> None:
    """Measure how well questions find their documents and answers. Empty answers mean: nobody can know."""
    from math import isnan

    from stepladder.core import Scope
    from stepladder.knowledge import Query, evaluate, questions

    chosen, asked = _mode(mode), questions(file)
    with opened(config, embedding=chosen != "lexical") as knowledge:
        scope = Scope(tenant)
        found = evaluate(
            asked,
            lambda text: [
                hit.passage.document
                for hit in knowledge.search(Query(text, collection, scope, top, chosen, per_document=True))
            ],
            lambda text: knowledge.answer(text, collection, scope),
            top=top,
        )
    typer.echo(f"{found.questions} questions, {chosen}")
    for name in ("recall", "ndcg", "mrr", "answered_right", "refused_right"):
        value = getattr(found, name)
        typer.echo(f"  {name:15} (the file does not say)" if isnan(value) else f"  {name:15} {value:.4f}")
    for text in found.unanswered[:_MOST_SHOWN]:
        typer.echo(f"  unanswered: {text}")


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


def _search_lines(knowledge: "Knowledge", collection: str, tenant: str, top: int, mode: "SearchMode") -> None:
    import msgspec

    from stepladder.core import DataError, Scope
    from stepladder.knowledge import Query

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
        hits = knowledge.search(Query(asked.text, collection, Scope(tenant), top, mode, per_document=True))
        answer = {"id": asked.id, "hits": [{"id": hit.passage.document, "score": hit.score} for hit in hits]}
        sys.stdout.buffer.write(msgspec.json.encode(answer) + b"\n")
        sys.stdout.buffer.flush()


def _mode(mode: str) -> "SearchMode":
    from stepladder.core import BadRequest
    from stepladder.knowledge import SearchMode

    if mode not in list(SearchMode):
        raise BadRequest(f"--mode is {mode!r}.", param="mode", remedy=f"Modes: {', '.join(SearchMode)}.")
    return SearchMode(mode)


@contextmanager
def _bar() -> Iterator["Progress"]:
    """A progress line on standard error, where somebody looks at it."""
    from rich.console import Console
    from rich.progress import Progress as Bar

    with Bar(console=Console(stderr=True), transient=True, disable=not sys.stderr.isatty()) as bar:
        task = bar.add_task("", total=None)
        yield lambda done, total, what: bar.update(
            task, completed=done, total=total or None, description=what
        )
