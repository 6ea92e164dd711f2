"""stepladder data synthesise: rows made up by big models from rows that are there, and said to be so."""

import asyncio
import json
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from stepladder.core import BadRequest, Model
from stepladder.interaction.cli.labelling import agreed, checked, open_models, teachers_of, tell_estimate
from stepladder.interaction.cli.likeness import AlikeOption, EmbedderOption, looking
from stepladder.interaction.cli.options import ConfigOption
from stepladder.interaction.cli.shown import moving_bar

if TYPE_CHECKING:
    from stepladder.data import Asked, Estimate, How, Journal, Questions, Synthesised, Terms, Wish

app = typer.Typer()
TestOption = Annotated[Path | None, typer.Option(help="A test set that no row may be a near-copy of.")]
AgainstOption = Annotated[
    list[str] | None,
    typer.Option(help="An answer that negatives have, such as none; else the file's other ones."),
]


@app.command()
def synthesise(  # noqa: PLR0913, PLR0917 a command's options
    file: Annotated[
        Path, typer.Argument(help="Rows: JSONL, plain or .gz; of documents, the text is the input.")
    ],
    model: Annotated[list[str], typer.Option(help="A model of [models]; several all write.")],
    out: Annotated[Path, typer.Option(help="The synthetic rows; OUT.journal keeps what was paid for.")],
    how: Annotated[
        str, typer.Option(help="paraphrase, more, documents, negatives or preferences.")
    ] = "paraphrase",
    each: Annotated[int, typer.Option(help="Texts, or pairs, that a request asks for.")] = 4,
    count: Annotated[int, typer.Option(help="Requests for each answer, with more and negatives.")] = 10,
    against: AgainstOption = None,
    test: TestOption = None,
    embedder: EmbedderOption = "auto",
    alike: AlikeOption = None,
    seed: Annotated[int, typer.Option(help="Of the examples shown.")] = 0,
    budget: Annotated[float | None, typer.Option(help="Most money that all runs together may spend.")] = None,
    per_minute: Annotated[float | None, typer.Option(help="Most calls begun in a minute.")] = None,
    at_once: Annotated[int, typer.Option(help="Calls under way at a time.")] = 8,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask before money is spent.")] = False,
    dry_run: Annotated[bool, typer.Option(help="Show the price and stop.")] = False,
    json_: Annotated[bool, typer.Option("--json", help="Print the figures as JSON.")] = False,
    config: ConfigOption = None,
) -> None:
    """Let models write more rows, questions about documents, hard negatives, or pairs of answers. Copies are left out."""
    from stepladder.data import Journal, Material, RowFile, Terms, Wish, write_synthetic
    from stepladder.interaction.settings import Settings

    by_meaning, most = looking(embedder, alike)
    wish = Wish(_how(how, each, count), each, count, seed, alike=most, against=tuple(against or ()))
    terms = checked(Terms(budget, per_minute, at_once))
    known = Settings(config).load()
    with ExitStack() as stack:
        seeds = stack.enter_context(RowFile(file))
        exam = None if test is None else stack.enter_context(RowFile(test))
        journal = stack.enter_context(Journal(out.with_name(f"{out.name}.journal")))
        models = open_models(known, model)
        asked = _questions(seeds, wish, models)
        estimate = _estimate(asked, journal)
        tell_estimate(estimate, terms, json_, alone=dry_run)
        if dry_run or not agreed(estimate, sure=yes or json_):
            return
        run = asyncio.run(_run(asked, journal, terms, models))
        with moving_bar() as tell:
            found = write_synthetic(asked, journal.known, Material(seeds, exam, by_meaning), wish, out, tell)
        spent = journal.known.spent
    _tell(found, run, spent, json_)
    if run.failed or run.stopped:
        raise typer.Exit(1)


def _how(how: str, each: int, count: int) -> "How":
    from stepladder.data import How

    if how not in list(How):
        raise BadRequest(f"--how is {how!r}.", param="--how", remedy=f"Give {', '.join(How)}.")
    if not 1 <= each <= 50 or count < 1:
        raise BadRequest("--each is 1 to 50, --count 1 or more.", param="--each")
    return How(how)


def _questions(seeds: Any, wish: "Wish", models: Sequence[Model]) -> "Questions":
    from stepladder.data import Questions, synthesis_requests, synthesis_task

    task = synthesis_task(models[0].name, wish.how)
    rows = [seeds.row(at) for at in range(len(seeds))]
    return Questions(synthesis_requests(rows, wish), "input", task, teachers_of(models, task))


def _estimate(asked: "Questions", journal: "Journal") -> "Estimate":
    from stepladder.data import Estimate

    ahead = [ask for ask in asked.all() if ask.key not in journal.known.ended]
    known = journal.known
    return Estimate(
        len(asked.rows), len(ahead), sum(map(asked.price, ahead)), known.spent, len(known.doubtful)
    )


async def _run(asked: "Questions", journal: "Journal", terms: "Terms", models: Sequence[Model]) -> "Asked":
    from stepladder.data import ask_all

    with moving_bar() as tell:
        try:
            return await ask_all(asked, journal, terms, tell)
        finally:
            for model in models:
                await model.close()


def _tell(found: "Synthesised", run: "Asked", spent: float, as_json: bool) -> None:
    if as_json:
        figures = asdict(found) | {"asked": run.asked, "failed": run.failed, "spent": round(spent, 6)}
        print(json.dumps(figures, ensure_ascii=False))
        return
    why = ", ".join(f"{reason} {count:,}" for reason, count in found.dropped.items() if count)
    print(f"{found.kept:,} of {found.written:,} texts kept" + (f" (left out: {why})" if why else "") + ".")
    rows = "All rows are" if found.share == 1 else f"With the seeds {found.share:.0%} of the rows would be"
    print(f"{rows} synthetic; spent {spent:.4f}.")
