"""stepladder data split, mix, freeze and diff: from rows to data sets with a name, a card and a way to compare them."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from stepladder.core import BadRequest
from stepladder.interaction.cli.likeness import kept_beside, let_go
from stepladder.interaction.cli.options import ConfigOption, Place, opened
from stepladder.interaction.cli.shown import drawn, moving_bar

if TYPE_CHECKING:
    from stepladder.data import Difference

app = typer.Typer()
InputOption = Annotated[str, typer.Option("--input", help="Field of the text.")]
AnswerOption = Annotated[str, typer.Option(help="Field of the answer.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print the figures as JSON.")]


@app.command()
def split(  # noqa: PLR0913, PLR0917 a command's options
    file: Annotated[Path, typer.Argument(help="JSONL, plain or .gz.")],
    out: Annotated[Path, typer.Option(help="The folder that NAME.jsonl of every split goes to.")],
    share: Annotated[
        list[str],
        typer.Option(help="NAME=SHARE, one for each split, in the order of time; together 1."),
    ],
    by: Annotated[str, typer.Option(help="hash, group or time.")] = "hash",
    field: Annotated[str, typer.Option(help="Field of the group, or of the time.")] = "",
    seed: Annotated[int, typer.Option(help="Of the hash.")] = 0,
    threshold: Annotated[float, typer.Option(help="Similarity from which on two texts stay together.")] = 0.6,
    input_: InputOption = "input",
    json_: JsonOption = False,
) -> None:
    """Cut a file into splits; rows that are nearly the same never stand in two of them."""
    from stepladder.data import By, Cut, RowFile, split_rows, write_splits

    if by not in list(By):
        raise BadRequest(f"--by is {by!r}.", param="--by", remedy=f"Give {', '.join(By)}.")
    if by == By.GROUP and not field:
        raise BadRequest("--by group needs a field.", param="--field", remedy="Write --field customer.")
    if by == By.HASH and field:
        raise BadRequest(
            "--by hash knows no field.", param="--field", remedy="Write --by group or --by time."
        )
    cut = Cut(
        {name: _number(value, "--share") for name, value in _once(_pairs(share, "--share"), "--share")},
        By(by),
        field,
        seed,
        threshold,
    )
    with RowFile(file, input_) as rows, moving_bar() as tell:
        out.absolute().parent.mkdir(parents=True, exist_ok=True)
        kept = kept_beside(out.absolute(), "signatures", [file], input_)
        counts = write_splits(rows, split_rows(rows, cut, tell, kept), out, splits=cut.shares)
        let_go([kept])
    for name in (name for name, count in counts.items() if not count):
        typer.echo(
            f"{name} has no row: rows that are nearly the same, or of one group, stay together. Give more rows, a higher "
            "--threshold or another --field.",
            err=True,
        )
    print(json.dumps(counts) if json_ else ", ".join(f"{name}: {count:,}" for name, count in counts.items()))


@app.command()
def mix(  # noqa: PLR0913, PLR0917 a command's options
    sources: Annotated[list[str], typer.Argument(help="FILE=WEIGHT, or FILE for a weight of 1.")],
    out: Annotated[Path, typer.Option(help="The mixture.")],
    rows: Annotated[
        int | None, typer.Option(help="How many rows; without it, as many as need no repeating.")
    ] = None,
    balance: Annotated[str, typer.Option(help="Field whose values get equal numbers of rows.")] = "",
    repeat: Annotated[int, typer.Option(help="How often a row may come at most.")] = 1,
    rank: Annotated[
        str,
        typer.Option(
            help="How hard a row is: length, doubt (of a linear model about its answer), or a field of numbers."
        ),
    ] = "",
    hardest: Annotated[bool, typer.Option("--hardest", help="Take the hardest rows instead of any.")] = False,
    rising: Annotated[
        bool, typer.Option("--rising", help="The easiest first instead of shuffled: a curriculum.")
    ] = False,
    labelled: Annotated[
        Path | None, typer.Option(help="With doubt: rows with answers to learn from; the sources need none.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Of the choice and the order.")] = 0,
    input_: InputOption = "input",
    answer: AnswerOption = "answer",
    json_: JsonOption = False,
) -> None:
    """Mix files by weight; the same seed gives the same rows in the same order."""
    from rich.console import Console

    from stepladder.data import FieldNames, Mixture
    from stepladder.data import mix as mixed
    from stepladder.evaluation import Table
    from stepladder.interaction.cli.hardness import hardness

    parts = [
        (Path(name), _number(value, "sources")) for name, value in _pairs(sources, "sources", default="1")
    ]
    names = FieldNames(input=input_, answer=answer)
    with moving_bar() as tell:
        hard = hardness([path for path, _ in parts], rank, names, labelled, tell) if rank else None
    found = mixed(parts, Mixture(rows, balance, repeat, seed, hardest, rising), out, input_, hardness=hard)
    if json_:
        print(json.dumps([asdict(one) for one in found]))
        return
    head = ["source", "weight", "rows it has", "rows taken", "short of"]
    shown = [
        [one.source, f"{one.weight:g}", f"{one.has:,}", f"{one.taken:,}", f"{one.short:,}"] for one in found
    ]
    Console().print(drawn(Table("Mixture", head, shown)))


@app.command()
def freeze(  # noqa: PLR0913, PLR0917 a command's options
    folder: Annotated[Path, typer.Argument(help="The folder to make; it must not be there.")],
    split: Annotated[list[str], typer.Option(help="NAME=FILE, one for each split.")],
    licence: Annotated[
        list[str] | None, typer.Option(help="SOURCE=LICENCE, or LICENCE for all others.")
    ] = None,
    report: Annotated[list[Path] | None, typer.Option(help="A report of `data clean`, for the card.")] = None,
    parent: Annotated[Path | None, typer.Option(help="The frozen folder that this one follows.")] = None,
    task: Annotated[str | None, typer.Option(help="Also keep it in the registry, as this task's.")] = None,
    allow_leaks: Annotated[
        bool, typer.Option(help="Let rows of one split be near-copies of another's.")
    ] = False,
    input_: InputOption = "input",
    answer: AnswerOption = "answer",
    json_: JsonOption = False,
    config: ConfigOption = None,
) -> None:
    """Freeze splits into a folder named by its content, with a card: sources, licences, counts, filters, leaks."""
    from stepladder.data import About, freeze_folder, read_card

    licences = dict(_pairs(licence or [], "--licence", name_first=False))
    filters = [_report(path) for path in report or ()]
    before = read_card(parent)["hash"] if parent is not None else ""
    about = About(folder.name, licences, filters, before, input_, answer)
    files = {name: Path(file) for name, file in _once(_pairs(split, "--split"), "--split")}
    with moving_bar() as tell:
        card = freeze_folder(files, folder, about, tell, allow_leaks=allow_leaks)
    if task is not None:
        with opened(config) as place:
            card["registry"] = _admit(place, place.task(task).name, files, (input_, answer))
    if json_:
        print(json.dumps(card, ensure_ascii=False))
        return
    counts = ", ".join(f"{name} {one['rows']:,}" for name, one in card["splits"].items())
    print(f"{folder}: {card['hash'][:16]}, {counts}")
    for pair, count in card["leaks"].items():
        if count:
            print(f"  {count:,} rows of {pair} are copies or near-copies of each other")
    if task is not None:
        print(f"  in the registry: {card['registry']}")


@app.command()
def diff(
    before: Annotated[Path, typer.Argument(help="A frozen folder, or a file of rows.")],
    now: Annotated[Path, typer.Argument(help="The one to compare it with.")],
    input_: InputOption = "input",
    answer: AnswerOption = "answer",
    json_: JsonOption = False,
) -> None:
    """Compare two versions of a data set: rows added, removed, relabelled, moved to another split."""
    from stepladder.data import compare

    found = compare(before, now, input_, answer)
    if json_:
        print(json.dumps(asdict(found), ensure_ascii=False))
        return
    _show(found)


def _show(found: "Difference") -> None:
    from rich.console import Console

    from stepladder.evaluation import Table

    changed = [
        [label, f"{was:,}", f"{now:,}", f"{now - was:+,}"]
        for label, (was, now) in sorted(found.labels.items(), key=lambda item: -abs(item[1][1] - item[1][0]))
        if was != now
    ]
    if changed:
        Console().print(
            drawn(Table("Answers whose number changed", ["answer", "before", "now", ""], changed[:30]))
        )
    print(
        f"rows: {found.before:,} before, {found.now:,} now; added: {found.added:,}, removed: {found.removed:,}, "
        f"relabelled: {found.relabelled:,}, moved: {found.moved:,}"
    )


def _pairs(
    given: Sequence[str], option: str, *, default: str = "", name_first: bool = True
) -> list[tuple[str, str]]:
    """NAME=VALUE, split at the last "="; a word without one is a name with the default, or, for licences, a value for all."""
    found = []
    for word in given:
        name, sign, value = word.rpartition("=")
        if not sign and not default and name_first:
            raise BadRequest(f"{option} is {word!r}.", param=option, remedy="Write NAME=VALUE.")
        found.append((name, value) if sign else (word, default) if name_first else ("", word))
    return found


def _once(pairs: list[tuple[str, str]], option: str) -> list[tuple[str, str]]:
    names = [name for name, _ in pairs]
    for name in names:
        if names.count(name) > 1:
            raise BadRequest(f"{option} names {name!r} twice.", param=option, remedy="Name each split once.")
    return pairs


def _number(value: str, option: str) -> float:
    try:
        return float(value)
    except ValueError as error:
        raise BadRequest(
            f"{option} has {value!r}.", param=option, remedy="Write a number: NAME=0.8."
        ) from error


def _report(path: Path) -> dict[str, Any]:
    """What a cleaning report says, without its samples: texts do not belong on a card."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        rules = {
            name: {key: one[key] for key in ("removed", "changed")} for name, one in found["rules"].items()
        }
        return {
            **{key: found[key] for key in ("source", "rows", "kept", "inventory", "settings")},
            "rules": rules,
        }
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BadRequest(
            f"{path} is no report of `data clean`.",
            param="--report",
            remedy="Write one with `data clean --report`.",
        ) from error


def _admit(place: Place, task: str, files: dict[str, Path], names: tuple[str, str]) -> str:
    """Keep the splits as the registry's data set of a task; returns its hash."""
    from stepladder.core import Dataset, Example
    from stepladder.data import FieldNames, read_log
    from stepladder.registry import Registry

    splits = {
        name: tuple(
            Example(
                f"{name}:{row.line}",
                row.text,
                row.answer,
                row.fields,
                origin="import",
                gold=row.gold,
                at=row.at or 0.0,
            )
            for row in read_log(path, FieldNames(input=names[0], answer=names[1])).rows
        )
        for name, path in files.items()
    }
    return Registry(place.store.catalogue, place.folder / "releases").freeze(Dataset("", task, splits)).hash
