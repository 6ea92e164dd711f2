"""stepladder study: the settings of a recipe that do best, searched by Optuna."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from stepladder.interaction.cli.shown import drawn
from stepladder.interaction.cli.training import Base, Set, apart, job_of, settings_in, write_rows

if TYPE_CHECKING:
    from stepladder.data import FieldNames
    from stepladder.training import Attempt, Choice, Studied, Trial

app = typer.Typer()


@app.command("study")
def study(  # noqa: PLR0913, PLR0917 a command's options
    recipe: Annotated[
        str, typer.Argument(help="linear, encoder, trees, tagger, or a method of `stepladder train`.")
    ],
    data: Annotated[Path, typer.Argument(help="JSONL: rows with `input` and `answer`, or as for train.")],
    out: Annotated[Path, typer.Option(help="Folder of the study; one that was interrupted goes on.")],
    trials: Annotated[int, typer.Option(min=1, help="So many, those of an earlier start among them.")] = 20,
    try_: Annotated[
        list[str] | None, typer.Option("--try", help="What is searched: rate=1e-5..1e-3 or rank=4,8,16.")
    ] = None,
    set_: Set = None,
    base: Base = "",
    seed: Annotated[int, typer.Option(help="Of the search.")] = 0,
    input_: Annotated[str, typer.Option("--input", help="Field of the question, for rungs.")] = "input",
    answer: Annotated[str, typer.Option(help="Field of the answer, for rungs.")] = "answer",
) -> None:
    """Search the settings of a recipe: each trial is judged on rows that it did not learn, and pruned where it will not win."""
    from rich.console import Console

    from stepladder.data import FieldNames
    from stepladder.training import study as search
    from stepladder.training.language import METHODS

    given = settings_in(set_ or [])
    if recipe in METHODS:
        job_of(recipe, base, 0, given)  # so that what is wrong from here on is in what is tried
        attempt, usual = _language(recipe, data, out, base, given)
    else:
        attempt, usual = _rung(recipe, data, FieldNames(input=input_, answer=answer), given)
    space = _space(recipe, usual, try_ or [])
    if recipe in METHODS:
        for choice in space:
            value = choice.options[0] if choice.options else choice.high
            job_of(recipe, base, 0, {**given, choice.name: value}, "--try")
    console, told = Console(), 0
    for now in search(out, space, attempt, trials=trials, seed=seed):
        for one in now.trials[told:]:
            console.print(_line(one, now.best), highlight=False)
        told = len(now.trials)
        _write(out, now)
    console.print(drawn(_table(now, recipe)))


def _rung(
    recipe: str, data: Path, names: "FieldNames", given: Mapping[str, Any]
) -> "tuple[Attempt, Sequence[Choice]]":
    """How this recipe is tried, and what is usually searched."""
    from stepladder.interaction.cli.rung_training import rung_job
    from stepladder.training import SPACES, rung_attempt

    job = rung_job(recipe, data, given, 0, names)
    return rung_attempt(job.task, recipe, job.dataset, given), SPACES.get(recipe, ())


def _language(
    method: str, data: Path, out: Path, base: str, given: Mapping[str, Any]
) -> "tuple[Attempt, Sequence[Choice]]":
    from stepladder.training import language_space
    from stepladder.training.language import language_attempt, method_of, read_rows

    kind = method_of(method)
    rows = out / "rows"
    if not rows.is_dir():
        rows.mkdir(parents=True)
        write_rows(rows, *apart(read_rows(data, kind.rows), 0.0 if kind.writes else 0.2))
    usual = language_space(kind.rate, kind.adapter, kind.rows == "pairs" and kind.aligns)
    return language_attempt(lambda found: job_of(method, base, 0, {**given, **found}, "--try"), rows), usual


def _space(recipe: str, usual: "Sequence[Choice]", given: Sequence[str]) -> "Sequence[Choice]":
    from stepladder.core import BadRequest
    from stepladder.training import Choice

    space = [Choice.read(text) for text in given] or list(usual)
    if not space:
        raise BadRequest(
            f"There is nothing to search for {recipe}.", param="--try", remedy="Give --try name=this,that."
        )
    return space


def _line(one: "Trial", best: "Trial | None") -> str:
    value = "-" if one.value is None else f"{one.value:.4f}"
    mark = "  <- best" if best is not None and one.number == best.number else ""
    return f"trial {one.number}: {one.state}, {value}, {_shown(one.settings)}{mark}"


def _shown(settings: Mapping[str, Any]) -> str:
    return " ".join(
        f"{key}={value:.3g}" if isinstance(value, float) else f"{key}={value}"
        for key, value in settings.items()
    )


def _write(out: Path, now: "Studied") -> None:
    from dataclasses import asdict

    told = {"trials": [asdict(one) for one in now.trials], "best": now.best and asdict(now.best)}
    (out / "study.json").write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")


def _table(now: "Studied", recipe: str) -> Any:
    from stepladder.evaluation import Table
    from stepladder.training import settings_of

    states = [one.state for one in now.trials]
    lines = [
        [state, f"{states.count(state)}"] for state in ("complete", "pruned", "failed") if state in states
    ]
    if now.best is not None and now.best.value is not None:
        lines.append(["best", f"{now.best.value:.4f} (trial {now.best.number})"])
        lines += [[key, f"{value}"] for key, value in settings_of(now.best.settings).items()]
        lines.append(["its files", f"{now.folder}"])
    return Table(f"Study: {recipe}", ["", ""], lines)
