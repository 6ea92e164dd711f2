"""stepladder data label: a big model, or several, label a file of rows; the price is shown first and kept to."""

import asyncio
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from stepladder.core import SPLIT, BadRequest, Config, Model, Task, plugins
from stepladder.interaction.cli.options import ConfigOption, opened
from stepladder.interaction.cli.shown import drawn, moving_bar

if TYPE_CHECKING:
    from stepladder.data import Asked, BulkLabelling, Estimate, Labelled, Terms
    from stepladder.evaluation import Table

app = typer.Typer()
ReviewOption = Annotated[
    Path | None, typer.Option(help="Rows without a majority or an answer; OUT.review without it.")
]
QueueOption = Annotated[
    bool,
    typer.Option("--queue", help="Those out of the ledger on which teachers differ wait for a person too."),
]
_OVER_HTTP = ("anthropic", "chat", "gemini")


@app.command()
def label(  # noqa: PLR0913, PLR0917 a command's options
    file: Annotated[Path, typer.Argument(help="JSONL, plain or .gz.")],
    task: Annotated[str, typer.Option(help="The task whose prompt and contract the teachers get.")],
    out: Annotated[
        Path, typer.Option(help="The rows with their answers; OUT.journal keeps what was paid for.")
    ],
    model: Annotated[
        list[str] | None,
        typer.Option(help="A teacher, of [models]; several vote. Without it, the task's top."),
    ] = None,
    review: ReviewOption = None,
    queue: QueueOption = False,
    budget: Annotated[float | None, typer.Option(help="Most money that all runs together may spend.")] = None,
    per_minute: Annotated[float | None, typer.Option(help="Most calls begun in a minute.")] = None,
    at_once: Annotated[int, typer.Option(help="Calls under way at a time.")] = 16,
    retries: Annotated[int, typer.Option(help="How often a call that failed is tried again.")] = 6,
    twice: Annotated[float, typer.Option(help="Share of the rows asked twice, for self-consistency.")] = 0.0,
    input_: Annotated[str, typer.Option("--input", help="Field of the text.")] = "input",
    answer: Annotated[str, typer.Option(help="Field that the answer is written to.")] = "answer",
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask before money is spent.")] = False,
    dry_run: Annotated[bool, typer.Option(help="Show the price and stop.")] = False,
    json_: Annotated[bool, typer.Option("--json", help="Print the figures as JSON.")] = False,
    config: ConfigOption = None,
) -> None:
    """Label rows in bulk. Run it again after any end: what was answered is not asked, or paid for, again."""
    from stepladder.data import BulkLabelling, Journal, RowFile, Terms
    from stepladder.interaction.settings import Settings

    if not 0 <= twice <= 1 or retries < 0:
        raise BadRequest("--twice is a share; --retries 0 or more.", param="--twice")
    known = Settings(config).load()
    asked_for = _task(known, task)
    teachers = tuple(model or (asked_for.top,))
    terms = checked(Terms(budget, per_minute, at_once, retries, twice))
    with RowFile(file, input_) as rows, Journal(out.with_name(f"{out.name}.journal")) as journal:
        models = open_models(known, teachers)
        work = BulkLabelling(rows, asked_for, teachers_of(models, asked_for), journal, terms)
        estimate = work.estimate()
        tell_estimate(estimate, terms, json_, alone=dry_run)
        if dry_run or not agreed(estimate, sure=yes or json_):
            return
        run = asyncio.run(run_bulk(work, models))
        aside = review or out.with_name(f"{out.name}.review")
        found = work.write(out, aside, run, answer)
    _tell(found, estimate, json_)
    if queue:
        typer.echo(f"{_queued(aside, config)} more wait in `stepladder review`.", err=True)
    if not found.whole:
        raise typer.Exit(1)


def _queued(aside: Path, config: Path | None) -> int:
    """How many rows on which teachers differ wait for a person that did not before."""
    from stepladder.data import queue_labels

    with aside.open("rb") as lines:
        rows = [json.loads(line) for line in lines]
    doubts = [(row, _other(row), row["agreement"]) for row in rows if row["teachers"]]
    with opened(config) as place:
        return queue_labels(place.store, doubts)


def _other(row: Mapping[str, Any]) -> str:
    """What most teachers say, of equals what the row does not say yet."""
    said = Counter(row["teachers"].values())
    return str(max(said, key=lambda one: (said[one], one != row.get("answer"))))


def _task(known: Config, name: str) -> Task:
    task = known.tasks.get(name)
    if task is None:
        raise BadRequest(
            f"There is no task named {name!r}.", remedy=f"Tasks: {', '.join(known.tasks) or 'none'}."
        )
    return task


def open_models(known: Config, names: Sequence[str]) -> list[Model]:
    """The models, each call with an Idempotency-Key where it goes over HTTP."""
    found: list[Model] = []
    for name in names:
        if names.count(name) > 1:
            raise BadRequest(f"--model names {name!r} twice.", param="--model", remedy="Each has one vote.")
        wanted = known.models.get(name)
        if wanted is None:
            raise BadRequest(
                f"There is no model named {name!r}.",
                param="--model",
                remedy=f"Models: {', '.join(known.models) or 'none'}.",
            )
        if wanted.kind == SPLIT:
            raise BadRequest(
                f"{name!r} is a split.", param="--model", remedy="Name its arms; each has a vote of its own."
            )
        more = {"idempotency": True} if wanted.kind in _OVER_HTTP else {}
        opener = plugins.find(plugins.MODELS, wanted.kind)
        found.append(opener.open(name, {**more, **wanted.settings}))
    return found


def teachers_of(models: Sequence[Model], task: Task) -> Any:
    from stepladder.data import Teacher

    return [Teacher(model.name, model.rung(task), model.cost) for model in models]


async def run_bulk(work: "BulkLabelling", models: Sequence[Model]) -> "Asked":
    with moving_bar() as tell:
        try:
            return await work.run(tell)
        finally:
            for model in models:
                await model.close()


def checked(terms: "Terms") -> "Terms":
    """The terms, where they can be kept. Raises BadRequest."""
    for name, value in (("--budget", terms.budget), ("--per-minute", terms.per_minute)):
        if value is not None and not (isfinite(value) and value > 0):
            raise BadRequest(f"{name} is {value:g}.", param=name, remedy="Give a number above 0.")
    if terms.at_once < 1:
        raise BadRequest(f"--at-once is {terms.at_once}.", param="--at-once", remedy="Give 1 or more.")
    return terms


def agreed(estimate: "Estimate", *, sure: bool) -> bool:
    """Whether to go on, once the price has been told."""
    return sure or not estimate.calls or typer.confirm("Go on?", err=True)


def tell_estimate(estimate: "Estimate", terms: "Terms", as_json: bool, *, alone: bool) -> None:
    """The price, and what bounds it, before anything is asked. Of JSON there is one object: this one where it comes `alone`."""
    if as_json and alone:
        print(json.dumps(asdict(estimate) | {"budget": terms.budget}))
        return
    doubt = f", {estimate.doubtful} in doubt" if estimate.doubtful else ""
    bound = "no budget is set" if terms.budget is None else f"it stops before {terms.budget:g} in all"
    typer.echo(
        f"{estimate.rows:,} rows, {estimate.calls:,} calls to make, about {estimate.cost:.4f}; "
        f"spent so far: {estimate.spent:.4f}{doubt}; {bound}.",
        err=as_json,
    )


def _tell(found: "Labelled", estimate: "Estimate", as_json: bool) -> None:
    figures = {
        "rows": found.rows,
        "labelled": found.labelled,
        "undecided": found.undecided,
        "unanswered": found.unanswered,
        "asked": found.asked.asked,
        "failed": found.asked.failed,
        "stopped_by_budget": found.asked.stopped,
        "estimate": round(estimate.cost, 6),
        "spent": round(found.spent, 6),
        "consistency": found.consistency.figures(),
    }
    if as_json:
        print(json.dumps(figures, ensure_ascii=False))
        return
    from rich.console import Console

    if (table := _trust(found)).rows:
        Console().print(drawn(table))
    print(
        f"{found.labelled:,} of {found.rows:,} rows labelled, {found.undecided:,} undecided, {found.unanswered:,} unanswered; "
        f"{found.asked.asked:,} calls now; spent {found.spent:.4f} in all."
    )
    if found.asked.stopped:
        print("The budget is used up: raise --budget and run it again.")
    elif found.asked.failed:
        print(f"{found.asked.failed:,} calls failed ({found.asked.last_error}): run it again.")


def _trust(found: "Labelled") -> "Table":
    from stepladder.evaluation import Table

    seen = found.consistency
    rows = [
        [what, name, f"{trust.share:.1%}", f"{trust.compared:,}"]
        for what, each in (("itself", seen.itself), ("gold", seen.gold), ("the vote", seen.vote))
        for name, trust in each.items()
        if trust.share is not None
    ]
    rows += [
        ["each other", " and ".join(pair), f"{trust.share:.1%}", f"{trust.compared:,}"]
        for pair, trust in seen.pairs.items()
        if trust.share is not None
    ]
    return Table("Agreement", ["with", "teacher", "agrees", "of"], rows)
