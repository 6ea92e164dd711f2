"""stepladder discover: which tasks hide in plain traffic, what stepping down would save, and the block to paste."""

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from stepladder.interaction.cli.options import ConfigOption, caller, opened

if TYPE_CHECKING:
    from rich.console import Console

    from stepladder.data import Advice, Discovery, Exchange
    from stepladder.interaction.discovery import Proposal


app = typer.Typer()


@app.command("discover")
def discover(  # noqa: PLR0913, PLR0917 a command's options
    file: Annotated[
        Path | None,
        typer.Argument(help="A log, JSONL, plain or .gz; without one, the ledger's plain traffic is read."),
    ] = None,
    describe: Annotated[str | None, typer.Option(help="Instead: what a task is, in your own words.")] = None,
    fewest: Annotated[int, typer.Option(help="A task has at least so many calls.")] = 20,
    promise: Annotated[float, typer.Option(help="Agreement for the backtest.")] = 0.95,
    no_backtest: Annotated[bool, typer.Option("--no-backtest", help="Do not replay what was found.")] = False,
    toml: Annotated[Path | None, typer.Option(help="Write the [tasks.x] blocks to this file.")] = None,
    json_: Annotated[
        Path | None, typer.Option("--json", help="Write the findings; - for standard output.")
    ] = None,
    config: ConfigOption = None,
) -> None:
    """Find the tasks in a log or in the ledger's plain traffic."""
    from rich.console import Console

    from stepladder.core import BadRequest
    from stepladder.interaction.backtest import Terms

    console = Console(stderr=json_ == Path("-"))
    if describe is not None:
        if not describe.strip():
            raise BadRequest("--describe is empty.", param="--describe", remedy="Say what the task is.")
        _written(json_, _describe(console, describe))
        return
    if fewest < 5:
        raise BadRequest(f"--fewest is {fewest}.", param="--fewest", remedy="Give 5 or more.")
    if not 0.5 < promise < 1:
        raise BadRequest(
            f"--promise is {promise}.", param="--promise", remedy="Give a value between 0.5 and 1."
        )
    exchanges = _read(console, file, config)
    terms = None if no_backtest else Terms(target=promise)
    found, proposals = _find(exchanges, fewest, terms)
    if toml is not None:
        toml.write_text("\n\n".join(proposal.toml for proposal in proposals) + "\n", encoding="utf-8")
    _show(console, found, proposals, exchanges)
    _written(json_, _figures(found, proposals))


def _written(place: Path | None, figures: dict[str, Any]) -> None:
    if place is None:
        return
    text = json.dumps(figures, ensure_ascii=False, indent=1)
    if place == Path("-"):
        print(text)
    else:
        place.write_text(text, encoding="utf-8")


def _read(console: "Console", file: Path | None, config: Path | None) -> "list[Exchange]":
    from stepladder.core import DataError
    from stepladder.data import read_exchanges
    from stepladder.interaction.discovery import from_ledger

    if file is None:
        with opened(config) as place:
            place.store.journal.note(caller(), "discover", "read the plain traffic")
            rows = from_ledger(place.store)
        if not rows:
            raise DataError(
                "The ledger holds no plain traffic.",
                remedy="Name a log file, or send traffic through the server first.",
            )
        return rows
    read = read_exchanges(file)
    if read.skipped:
        console.print(f"[yellow]{read.skipped} broken rows were skipped; the first of them:")
        for row in read.first_skipped:
            console.print(f"  line {row.line}: {row.reason}", highlight=False, markup=False)
    return list(read.rows)


def _find(exchanges: "list[Exchange]", fewest: int, terms: Any) -> "tuple[Discovery, list[Proposal]]":
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    from stepladder.data import discover as find
    from stepladder.interaction.discovery import propose

    columns = [TextColumn("{task.description:<40.40}"), BarColumn(), TimeElapsedColumn()]
    with Progress(
        *columns, console=Console(stderr=True), transient=True, disable=not sys.stderr.isatty()
    ) as bar:
        shown = bar.add_task("reading", total=None)

        def tell(done: int, total: int, what: str) -> None:
            bar.update(shown, completed=done, total=total, description=what)

        found = find(exchanges, tell, fewest=fewest)
        return found, list(propose(found.tasks, terms, tell))


def _show(
    console: "Console", found: "Discovery", proposals: "list[Proposal]", rows: "list[Exchange]"
) -> None:
    from stepladder.data import span_days
    from stepladder.interaction.cli.shown import sheet

    days = span_days(rows)
    over = f" over {days:,.1f} days" if days else ""
    console.print(
        f"{found.exchanges:,} exchanges{over}: {len(proposals)} tasks, {found.left_over:,} left over."
    )
    for reason, count in found.reasons.most_common():
        console.print(f"  {count:,} left over: {reason}", highlight=False)
    table = sheet("task", "answers", "calls", "tokens", "cost", "calls avoided", "agreement")
    for proposal in proposals:
        task, result = proposal.found, proposal.backtest
        labels = f"{task.kind.kind}" + (f" ({len(task.kind.labels)})" if task.kind.labels else "")
        saved = ["–", "–"] if result is None else [f"{result.calls_avoided:.1%}", f"{result.agreement:.1%}"]
        table.add_row(
            proposal.name, labels, f"{task.calls:,}", f"{task.tokens:,}", f"{task.cost:.2f}", *saved
        )
    if proposals:
        console.print(table)
    for proposal in proposals:
        console.print(f"\n[bold]{proposal.name}[/bold]: {proposal.traits.problem}")
        _advice(console, proposal.advice)
        if proposal.why_not:
            console.print(f"Not replayed: {proposal.why_not}.", highlight=False, markup=False)
        console.print(proposal.toml, markup=False, highlight=False, soft_wrap=True)


def _advice(console: "Console", advice: "tuple[Advice, ...]") -> None:
    from stepladder.interaction.cli.shown import sheet

    table = sheet("rung", "", "for", "against")
    for line in advice:
        table.add_row(line.rung, line.fit, "; ".join(line.reasons), "; ".join(line.against))
    console.print(table)


def _describe(console: "Console", text: str) -> dict[str, Any]:
    from stepladder.data import advise, traits_described

    traits = traits_described(text)
    labels = f", about {traits.labels} labels" if traits.labels else ""
    console.print(f"This reads like [bold]{traits.problem}[/bold]{labels}.")
    advice = advise(traits)
    _advice(console, advice)
    return {"problem": traits.problem, "labels": traits.labels, "rungs": _rungs(advice)}


def _rungs(advice: "tuple[Advice, ...]") -> list[dict[str, Any]]:
    return [
        {"rung": line.rung, "fit": line.fit, "for": line.reasons, "against": line.against} for line in advice
    ]


def _figures(found: "Discovery", proposals: "list[Proposal]") -> dict[str, Any]:
    return {
        "exchanges": found.exchanges,
        "left_over": found.left_over,
        "left_over_reasons": dict(found.reasons),
        "tasks": [_task(proposal) for proposal in proposals],
    }


def _task(proposal: "Proposal") -> dict[str, Any]:
    task, result = proposal.found, proposal.backtest
    return {
        "name": proposal.name,
        "problem": proposal.traits.problem,
        "answers": task.kind.kind,
        "labels": list(task.kind.labels),
        "schema": task.kind.schema,
        "calls": task.calls,
        "tokens": task.tokens,
        "cost": task.cost,
        "model": task.model,
        "template": {"system": task.template.system, "user": task.template.user},
        "calls_avoided": None if result is None else result.calls_avoided,
        "agreement": None if result is None else result.agreement,
        "not_replayed": proposal.why_not,
        "rungs": _rungs(proposal.advice),
        "toml": proposal.toml,
    }
