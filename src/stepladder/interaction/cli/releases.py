"""stepladder release: what has been made, from what, whether it can be made again, and what may go."""

import json
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from stepladder.core import BadRequest, Release
from stepladder.interaction.cli.options import ConfigOption, PurposeOption, caller, opened, reading
from stepladder.interaction.cli.shown import drawn, moving_bar

if TYPE_CHECKING:
    from stepladder.registry import Keeping, Lineage, Registry
    from stepladder.store import Store

app = typer.Typer(help="Releases: immutable, named by their content, and kept.", no_args_is_help=True)
IdArgument = Annotated[str, typer.Argument(help="A release's id, or its tag.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@dataclass(frozen=True, slots=True)
class Shelf:
    """The open store with its releases."""

    store: "Store"
    registry: "Registry"
    keeping: "Keeping"
    folder: Path


@contextmanager
def shelf(config: Path | None) -> Iterator[Shelf]:
    """Open the releases of a configuration."""
    from stepladder.registry import Keeping, Registry, Remote

    with opened(config) as place:
        remote = Remote.of(place.config.artefacts)
        registry = Registry(place.store.catalogue, place.folder / "releases", remote=remote)
        yield Shelf(place.store, registry, Keeping(place.store, registry), place.folder)


@app.command("list")
def list_(
    task: Annotated[str | None, typer.Option(help="Of this task only.")] = None,
    json_: JsonOption = False,
    config: ConfigOption = None,
) -> None:
    """List releases, oldest first."""
    with shelf(config) as here:
        used = {one.task: here.keeping.in_use(one.task) for one in here.keeping.all(task)}
        rows = [
            asdict(one) | {"in_use": one.id in used[one.task]} | asdict(here.keeping.marks(one.id))
            for one in here.keeping.all(task)
        ]
    if json_:
        print(json.dumps(rows, ensure_ascii=False))
        return
    if not rows:
        typer.echo("No releases yet." if task is None else f"No releases of {task!r}.")
        return
    shown = [
        [row["id"], row["task"], _when(row["created_at"]), row["dataset"][:12], _marks(row)] for row in rows
    ]
    _show("Releases", ["release", "task", "made (UTC)", "data set", "kept"], shown)


@app.command()
def show(release: IdArgument, json_: JsonOption = False, config: ConfigOption = None) -> None:
    """Show a release: figures, where it comes from, how it was made."""
    with shelf(config) as here:
        found = here.keeping.find(release)
        record, marks = here.keeping.record(found.id), here.keeping.marks(found.id)
    told = asdict(found) | asdict(marks) | {"record": None if record is None else asdict(record)}
    if json_:
        print(json.dumps(told, ensure_ascii=False))
        return
    rows = [[name, str(told[name])] for name in ("id", "task", "rung", "recipe", "dataset", "digest")]
    rows += [[name, f"{value:.6g}"] for name, value in sorted(found.metrics.items())]
    rows += [["kept", _marks(told)]]
    if record is not None:
        rows += [["made by", f"Stepladder {record.version}, code {record.code[:12]}, Python {record.python}"]]
        rows += [["on", ", ".join(filter(None, record.machine.values()))]]
        rows += [["seed", str(record.seed)], ["packages", str(len(record.packages))]]
    _show(found.id, ["", ""], rows)


@app.command()
def lineage(
    release: Annotated[str, typer.Argument(help="A release's id, or its tag, or a data set's hash.")],
    json_: JsonOption = False,
    config: ConfigOption = None,
) -> None:
    """Show what a release was made from, and the ladder releases it went into; of a data set, all that was made from it."""
    with shelf(config) as here:
        made = here.keeping.made_from(release)
        found = [here.keeping.lineage(one.id) for one in made] or [here.keeping.lineage(release)]
    if json_:
        told = [asdict(one) for one in found]
        print(json.dumps(told if made else told[0], ensure_ascii=False))
        return
    for one in found:
        _print_lineage(one)


def _print_lineage(found: "Lineage") -> None:
    sizes = ", ".join(f"{name} {size:,}" for name, size in found.sizes.items())
    print(f"data set {found.release.dataset} ({sizes or 'not in this registry'})")
    for sibling in found.siblings:
        print(f"  also made from it: {sibling}")
    print(f"  {found.release.recipe} -> {found.release.id}")
    for ladder in found.ladders:
        print(
            f"    in ladder release {ladder.id}, believed from {ladder.thresholds.get(found.release.rung, 0):.4f} on"
        )
    for place in found.live_in:
        print(f"    {place}")


@app.command()
def diff(before: IdArgument, now: IdArgument, json_: JsonOption = False, config: ConfigOption = None) -> None:
    """Compare two releases: figures, data set, and everything that they were made with."""
    with shelf(config) as here:
        one, other = here.keeping.find(before), here.keeping.find(now)
        records = here.keeping.record(one.id), here.keeping.record(other.id)
    found = {name: (str(a), str(b)) for name, a, b in _facts(one, other) if a != b}
    if records[0] is not None and records[1] is not None:
        found |= records[0].changes(records[1])
    if json_:
        print(json.dumps(found, ensure_ascii=False))
        return
    _show("What differs", ["", one.id, other.id], [[name, a[:60], b[:60]] for name, (a, b) in found.items()])


@app.command()
def pin(
    release: IdArgument,
    why: Annotated[str, typer.Option(help="The reason; an empty one takes the pin away.")] = "pinned by hand",
    config: ConfigOption = None,
) -> None:
    """Keep a release, whatever gc says."""
    with shelf(config) as here:
        found = here.keeping.find(release)
        here.keeping.pin(found.id, why)
        here.store.journal.note(caller(), "release", f"{found.id}: {f'pinned, {why}' if why else 'unpinned'}")
    print(f"{found.id}: {f'pinned: {why}' if why else 'not pinned'}.")


@app.command()
def tag(
    release: IdArgument,
    tags: Annotated[list[str] | None, typer.Argument(help="Its tags; none takes them away.")] = None,
    config: ConfigOption = None,
) -> None:
    """Give a release names of your own, in the place of those it had."""
    with shelf(config) as here:
        found = here.keeping.find(release)
        here.keeping.tag(found.id, *(tags or ()))
    print(f"{found.id}: {', '.join(tags or ()) or 'no tags'}.")


@app.command()
def archive(
    release: IdArgument,
    to: Annotated[Path | None, typer.Option(help="The folder for the file; DATA/archive without it.")] = None,
    purpose: PurposeOption = "",
    config: ConfigOption = None,
) -> None:
    """Put a release that is not in use into a file and take its folder away; `release import` brings it back.

    The journal says who did, and why.
    """
    from stepladder.registry import export_release

    with opened(config) as place:
        reading(place, purpose, f"release archive {release}")
    with shelf(config) as here:
        found = here.keeping.find(release)
        if found.id in here.keeping.in_use(found.task):
            raise BadRequest(
                f"{found.id} is in use.", param="release", remedy="Roll back or promote another first."
            )
        if why := here.keeping.marks(found.id).pinned:
            raise BadRequest(
                f"{found.id} is pinned: {why}.",
                param="release",
                remedy='Unpin it first: `release pin ... --why ""`.',
            )
        folder = to or here.folder / "archive"
        folder.mkdir(parents=True, exist_ok=True)
        file = folder / f"{found.id}.tar.gz"
        export_release(here.store, here.registry, found.id, file)
        here.keeping.take_away([found])
        here.store.journal.note(caller(), "release", f"{found.id}: archived as {file.name}")
    print(f"{found.id} is in {file}.")


@app.command()
def gc(
    days: Annotated[float, typer.Option(min=0, help="Only what is older than so many days.")] = 30.0,
    keep: Annotated[int, typer.Option(min=0, help="The newest so many of each rung stay in any case.")] = 2,
    task: Annotated[str | None, typer.Option(help="Of this task only.")] = None,
    delete: Annotated[
        bool, typer.Option("--delete", help="Delete; without it, they are only listed.")
    ] = False,
    json_: JsonOption = False,
    config: ConfigOption = None,
) -> None:
    """Find releases that nobody needs (not in use, pinned, tagged, or among the newest), and delete their files."""
    with shelf(config) as here:
        found = here.keeping.garbage(task, before=time.time() - days * 86_400, keep=keep)
        freed = here.keeping.take_away(found) if delete else 0
        if delete and found:
            here.store.journal.note(
                caller(), "release", f"deleted the files of {', '.join(one.id for one in found)}"
            )
    if json_:
        print(json.dumps({"releases": [one.id for one in found], "deleted": delete, "bytes": freed}))
        return
    for one in found:
        print(f"{one.id}  {_when(one.created_at)}")
    print(
        f"{len(found)} releases deleted, {freed:,} bytes."
        if delete
        else f"{len(found)} releases could go: --delete."
    )


@app.command("export")
def export(
    release: Annotated[str, typer.Argument(help="A release's id or tag, or a ladder release's id.")],
    out: Annotated[Path, typer.Option(help="The file, .tar.gz, or the folder.")],
    with_data: Annotated[bool, typer.Option(help="Also the rows that it was made from.")] = False,
    hugging_face: Annotated[
        bool, typer.Option("--hugging-face", help="A folder with a model card, as the hub has them.")
    ] = False,
    purpose: PurposeOption = "",
    config: ConfigOption = None,
) -> None:
    """Write a release, or a whole ladder release, to one file. The journal says who did, and why."""
    from stepladder.registry import export_hub_folder, export_release

    if hugging_face and with_data:
        raise BadRequest("Such a folder holds no rows.", param="--with-data", remedy="Leave it out.")
    with opened(config) as place:
        reading(place, purpose, f"release export {release}" + (" with data" if with_data else ""))
    with shelf(config) as here:
        if hugging_face:
            found: tuple[Release, ...] = (export_hub_folder(here.store, here.registry, release, out),)
        else:
            found = export_release(here.store, here.registry, release, out, with_data=with_data)
    print(f"{out}: {', '.join(one.id for one in found)}")


@app.command("import")
def import_(
    file: Annotated[Path, typer.Argument(help="What `release export` or `release archive` wrote.")],
    config: ConfigOption = None,
) -> None:
    """Take a file in; every hash in it is worked out again first."""
    from stepladder.registry import import_release

    with shelf(config) as here:
        found = import_release(here.store, here.registry, file)
        here.store.journal.note(
            caller(), "release", f"imported {', '.join(one.id for one in found.releases)}"
        )
    ladder = f", ladder release {found.ladder.id}" if found.ladder is not None else ""
    print(f"{', '.join(one.id for one in found.releases)}{ladder}")


@app.command()
def reproduce(release: IdArgument, json_: JsonOption = False, config: ConfigOption = None) -> None:
    """Make a release again from its record and compare. Exit code 1 where an answer differs."""
    from stepladder.training import reproduce as again

    with shelf(config) as here:
        found = here.keeping.find(release)
        record = here.keeping.record(found.id)
        if record is None:
            raise BadRequest(
                f"{found.id} has no record of how it was made.", remedy="Releases made from now on have one."
            )
        with moving_bar() as tell:
            made = again(here.registry, found, record, tell)
    if json_:
        print(json.dumps(asdict(made), ensure_ascii=False))
    else:
        same = (
            "byte for byte the same"
            if made.identical
            else f"{made.agreement:.2%} of {made.questions:,} answers the same"
        )
        print(f"{found.id} made again: {same}, confidences at most {made.distance:.3g} apart.")
        _show(
            "Other than then",
            ["", "then", "now"],
            [[name, a[:60], b[:60]] for name, (a, b) in made.changes.items()],
        )
    if made.agreement < 1:
        raise typer.Exit(1)


def _facts(one: Release, other: Release) -> Iterator[tuple[str, object, object]]:
    for name in ("task", "rung", "recipe", "dataset", "digest"):
        yield name, getattr(one, name), getattr(other, name)
    for name in sorted(one.metrics.keys() | other.metrics.keys()):
        yield f"figure {name}", one.metrics.get(name), other.metrics.get(name)


def _marks(row: Mapping[str, Any]) -> str:
    said = ["in use"] if row.get("in_use") else []
    said += ["files gone"] if row["gone"] else []
    said += [f"pinned: {row['pinned']}"] if row["pinned"] else []
    return ", ".join([*said, *row["tags"]])


def _when(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M")


def _show(title: str, head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    from rich.console import Console

    from stepladder.evaluation import Table

    if rows:
        Console().print(drawn(Table(title, list(head), [list(row) for row in rows])))
