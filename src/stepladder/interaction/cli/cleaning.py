"""stepladder data clean, restore and validate: what goes out of a file of rows, why, and the way back."""

import json
from dataclasses import asdict
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from stepladder.core import BadRequest
from stepladder.interaction.cli.shown import drawn, moving_bar

if TYPE_CHECKING:
    from stepladder.data import Cleaned, Rule, Validity
    from stepladder.evaluation import Report, Table

app = typer.Typer()
FileArgument = Annotated[Path, typer.Argument(help="JSONL, plain or .gz.")]
ACTS = ("off", "count", "mask", "remove")
SECRETS = "secrets"


RemovedOption = Annotated[
    Path | None, typer.Option(help="Rows that went or were changed, as they were; OUT.removed without it.")
]
AlsoOption = Annotated[
    list[str] | None, typer.Option(help="Another field to mend; data is looked for in `answer` in any case.")
]
LanguageOption = Annotated[list[str] | None, typer.Option(help="Keep only zh or en; may be given twice.")]
StrangeOption = Annotated[
    float, typer.Option(help="Spreads above the file's median perplexity at which a row goes.")
]
BoilerplateOption = Annotated[bool, typer.Option(help="Take out lines that a hundredth of the rows share.")]
PersonalOption = Annotated[str, typer.Option(help="Personal data: off, count, mask or remove (the row).")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print the figures as JSON.")]


@app.command()
def clean(  # noqa: PLR0913, PLR0917 a command's options
    file: FileArgument,
    out: Annotated[Path, typer.Option(help="The rows that stay.")],
    removed: RemovedOption = None,
    input_: Annotated[str, typer.Option("--input", help="Field of the text.")] = "input",
    also: AlsoOption = None,
    skip: Annotated[list[str] | None, typer.Option(help="A rule to leave out.")] = None,
    language: LanguageOption = None,
    shortest: Annotated[int, typer.Option(help="Fewest characters.")] = 1,
    longest: Annotated[int, typer.Option(help="Most characters.")] = 100_000,
    repetition: Annotated[float, typer.Option(help="Least share of a text's 4-grams that differ.")] = 0.3,
    strange: StrangeOption = 8.0,
    boilerplate: BoilerplateOption = False,
    personal: PersonalOption = "count",
    secrets: Annotated[str, typer.Option(help="Keys and passwords: off, count, mask or remove.")] = "count",
    harm: Annotated[str, typer.Option(help="Harmful texts: off, count or remove.")] = "off",
    html: Annotated[Path | None, typer.Option(help="Write a report with samples.")] = None,
    report: Annotated[Path | None, typer.Option(help="Write the figures as JSON.")] = None,
    json_: JsonOption = False,
) -> None:
    """Clean a file by rules: each counted and sampled, every row that it touches kept aside. Goes on after any end."""
    from stepladder.data import Job, clean_file

    settings = {
        "skip": sorted(skip or ()),
        "language": sorted(language or ()),
        "length": [shortest, longest],
        "repetition": repetition,
        "strange": strange,
        "boilerplate": boilerplate,
        "personal": personal,
        "secrets": secrets,
        "harm": harm,
    }
    rules = _rules(file, input_, settings)
    side = removed or out.with_name(f"{out.name}.removed")
    with moving_bar() as tell:
        job = Job(file, out, side, rules, input_, tuple(also or ()), settings=settings)
        found = clean_file(job, tell)
    _tell(found, file, (out, side), json_)
    if report is not None:
        report.write_text(_figures(found, file, (out, side)) + "\n", encoding="utf-8")
    if html is not None:
        _page(found, file).write(html)
    if not found.counts.kept:  # a script that goes on with nothing should not
        raise typer.Exit(1)


def _tell(found: "Cleaned", file: Path, written: tuple[Path, Path], as_json: bool) -> None:
    from rich.console import Console

    if as_json:
        print(_figures(found, file, written))
        return
    for table in _tables(found):
        Console().print(drawn(table))
    print(
        f"{found.counts.kept:,} of {found.counts.rows:,} rows stay; {written[1]} holds the others as they were."
    )


def _figures(found: "Cleaned", file: Path, written: tuple[Path, Path]) -> str:
    names = {"source": file.name, "out": written[0].name, "removed_rows": written[1].name}
    return json.dumps(found.figures() | names, ensure_ascii=False)


@app.command()
def restore(
    cleaned: Annotated[Path, typer.Argument(help="What `data clean` wrote.")],
    removed: Annotated[Path, typer.Argument(help="The rows that it put aside.")],
    out: Annotated[Path, typer.Option(help="The file with the rows back in their places.")],
    rule: Annotated[
        list[str] | None, typer.Option(help="Only what this rule did; without it, everything.")
    ] = None,
    json_: JsonOption = False,
) -> None:
    """Undo cleaning, whole or by rule: rows come back to their places as they were."""
    from stepladder.data import restore as put_back

    rows, back = put_back(cleaned, removed, out, tuple(rule or ()))
    print(json.dumps({"rows": rows, "restored": back}) if json_ else f"rows: {rows:,}, restored: {back:,}")


@app.command()
def validate(
    file: FileArgument,
    schema: Annotated[Path | None, typer.Option(help="A JSON schema that every row must follow.")] = None,
    against: Annotated[
        Path | None, typer.Option(help="An earlier file: what has drifted since, and what it has not seen.")
    ] = None,
    json_: JsonOption = False,
) -> None:
    """Check rows against a schema, for outliers and for drift. Exit code 1 where a row is invalid or something drifted."""
    from rich.console import Console

    from stepladder.data import validate as look

    rule = _schema(schema) if schema is not None else None
    with moving_bar() as tell:
        found = look(file, tell, schema=rule, against=against)
    if json_:
        print(json.dumps(_finite(asdict(found)), ensure_ascii=False))
    else:
        for table in _validity(found):
            Console().print(drawn(table))
        print(
            f"rows: {found.rows:,}, invalid: {found.invalid:,}, outliers: {found.outliers:,}, drifted: {len(found.moved)}"
        )
    if found.invalid or found.moved:
        raise typer.Exit(1)


def _finite(value: Any) -> Any:
    """JSON has no infinity and no NaN."""
    if isinstance(value, dict):
        return {name: _finite(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return None if isinstance(value, float) and not isfinite(value) else value


def _schema(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise BadRequest(
            f"{path} is no JSON schema: {error}.", param="--schema", remedy="Give a file with one."
        ) from error
    if not isinstance(found, dict):
        raise BadRequest(f"{path} is no JSON schema.", param="--schema", remedy="It is a JSON object.")
    return found


def _validity(found: "Validity") -> "list[Table]":
    from stepladder.evaluation import Table

    shown = [("Invalid rows (the first)", found.faults), ("Outliers (the first)", found.strange)]
    tables = [
        Table(title, ["line", "what"], [[str(one.line), one.what] for one in faults])
        for title, faults in shown
        if faults
    ]
    if found.drift:
        rows = [
            [one.trait, one.measure, f"{one.value:.3f}", "moved" if one.moved else ""] for one in found.drift
        ]
        tables.append(Table("Drift", ["trait", "measure", "value", ""], rows))
    return tables


def _rules(file: Path, field: str, settings: dict[str, Any]) -> "list[Rule]":
    """The rules asked for, in their order: mend first, then see whether the row stays, copies last."""
    from stepladder import data

    _check(settings)
    skip = settings["skip"]
    fitted = [name for name in ("perplexity", "boilerplate") if name not in skip]
    sample = data.sample_of(file, field) if fitted else []
    rules: list[Rule] = [data.Encoding(), data.Markup()]
    if settings["boilerplate"]:
        rules.append(data.Boilerplate.of(sample))
    rules += [data.Length(*settings["length"]), data.Repetition(settings["repetition"])]
    if settings["language"]:
        rules.append(data.Languages(_language(name) for name in settings["language"]))
    if "perplexity" not in skip:
        rules.append(data.Perplexity.of(sample, settings["strange"]))
    rules += [*_watching(settings), data.Copies()]
    known = [rule.name for rule in rules]
    if unknown := sorted(set(skip) - {*known, "perplexity"}):
        raise BadRequest(
            f"There is no rule {unknown[0]!r}.", param="--skip", remedy=f"Rules: {', '.join(known)}."
        )
    return [rule for rule in rules if rule.name not in skip]


def _check(settings: dict[str, Any]) -> None:
    shortest, longest = settings["length"]
    for name, value, fine, remedy in (
        ("--shortest", shortest, 0 <= shortest <= longest, "Give 0 or more, at most --longest."),
        ("--repetition", settings["repetition"], 0 <= settings["repetition"] <= 1, "Give a share: 0 to 1."),
        ("--strange", settings["strange"], settings["strange"] > 0, "Give spreads: a number above 0."),
    ):
        if not fine:
            raise BadRequest(f"{name} is {value}.", param=name, remedy=remedy)


def _watching(settings: dict[str, Any]) -> "list[Rule]":
    """The rules that look for what should not be learnt: personal data, and what guards of the safety room flag."""
    from stepladder import data, safety

    acts = {}
    for name in ("personal", SECRETS, "harm"):
        known = [act for act in ACTS if (name, act) != ("harm", "mask")]  # there is no word for word in harm
        if settings[name] not in known:
            raise BadRequest(
                f"--{name} is {settings[name]!r}.", param=f"--{name}", remedy=f"Give {', '.join(known)}."
            )
        if settings[name] != "off":
            acts[name] = data.Act(settings[name])
    rules: list[Rule] = []
    if "personal" in acts:
        rules.append(data.Personal(acts["personal"]))
    if SECRETS in acts:
        rules.append(data.Guarded(SECRETS, safety.SecretsGuard(SECRETS), acts[SECRETS]))
    if "harm" in acts:
        rules.append(data.Guarded("harm", safety.HarmGuard("harm"), acts["harm"]))
    return rules


def _language(name: str) -> Any:
    from stepladder.data import Language

    if name not in ("zh", "en"):
        raise BadRequest(f"--language is {name!r}.", param="--language", remedy="Give zh or en.")
    return Language(name)


def _tables(found: "Cleaned") -> "list[Table]":
    from stepladder.evaluation import Table

    rows = [
        [name, f"{tally.removed:,}", f"{tally.changed:,}", f"{tally.noted:,}" if tally.noted else ""]
        for name, tally in found.counts.rules.items()
    ]
    tables = [Table("Rules", ["rule", "rows removed", "rows changed", "texts with findings"], rows)]
    kinds = [
        [rule, kind, f"{count:,}"]
        for rule, of_rule in found.counts.inventory.items()
        for kind, count in sorted(of_rule.items(), key=lambda pair: -pair[1])
    ]
    if kinds:
        tables.append(Table("Found", ["rule", "kind", "times"], kinds))
    return tables


def _page(found: "Cleaned", file: Path) -> "Report":
    from stepladder.evaluation import Figure, Report, Table

    samples = [
        [name, str(sample.line), sample.reason, sample.text]
        for name, tally in found.counts.rules.items()
        for sample in tally.samples
    ]
    counts = found.counts
    return Report(
        title=f"Cleaning of {file.name}",
        lead=[
            "Every row that a rule touched is in the side file as it was: `stepladder data restore` puts it back."
        ],
        figures=[
            Figure("Rows", f"{counts.rows:,}"),
            Figure("Stay", f"{counts.kept:,}"),
            Figure("Go", f"{found.removed:,}"),
        ],
        charts=[],
        tables=[*_tables(found), Table("Samples", ["rule", "line", "why", "text"], samples)],
    )
