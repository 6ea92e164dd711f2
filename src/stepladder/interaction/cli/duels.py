"""stepladder duel: a model judges two sets of answers, each pair twice, with the places changed."""

import asyncio
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from stepladder.core import BadRequest, Task
from stepladder.interaction.cli.labelling import (
    agreed,
    checked,
    open_models,
    run_bulk,
    teachers_of,
    tell_estimate,
)
from stepladder.interaction.cli.options import ConfigOption
from stepladder.interaction.cli.shown import drawn

if TYPE_CHECKING:
    from stepladder.evaluation import Duels

app = typer.Typer()


@app.command("duel")
def duel(  # noqa: PLR0913, PLR0917 a command's options
    first: Annotated[Path, typer.Argument(help="Rows with `input` and `answer`: JSONL.")],
    second: Annotated[Path, typer.Argument(help="The same questions with other answers.")],
    out: Annotated[
        Path, typer.Option(help="The pairs with their verdicts; OUT.journal keeps what was paid for.")
    ],
    model: Annotated[str, typer.Option(help="The judge, of [models].")],
    people: Annotated[
        Path | None, typer.Option(help="Rows with `input` and people's `verdict`: first, second or equal.")
    ] = None,
    budget: Annotated[float | None, typer.Option(help="Most money that all runs together may spend.")] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask before money is spent.")] = False,
    json_: Annotated[bool, typer.Option("--json", help="Print the figures as JSON.")] = False,
    config: ConfigOption = None,
) -> None:
    """Let a model judge answers in pairs. A verdict counts only where it stays when the two change places."""
    from rich.console import Console

    from stepladder.data import Journal, RowFile, Terms
    from stepladder.evaluation import PROMPT, VERDICTS, judged
    from stepladder.interaction.settings import Settings

    pairs, said = _pairs(first, second), out.with_name(f"{out.name}.asked")
    _write(said, [{"input": text} for pair in pairs for text in pair["asked"]])
    task = Task("duel", model, labels=VERDICTS, prompt=PROMPT)
    terms = checked(Terms(budget))
    answers = out.with_name(f"{out.name}.answers")
    with RowFile(said, "input") as rows, Journal(out.with_name(f"{out.name}.journal")) as journal:
        opened = open_models(Settings(config).load(), (model,))
        from stepladder.data import BulkLabelling

        work = BulkLabelling(rows, task, teachers_of(opened, task), journal, terms)
        estimate = work.estimate()
        tell_estimate(estimate, terms, json_, alone=False)
        if not agreed(estimate, sure=yes or json_):
            return
        run = asyncio.run(run_bulk(work, opened))
        work.write(answers, out.with_name(f"{out.name}.review"), run)
    verdicts = {row["input"]: row["answer"] for row in _read(answers)}
    plain, swapped = ([verdicts.get(pair["asked"][k], "equal") for pair in pairs] for k in (0, 1))
    known = {row["input"]: row["verdict"] for row in _read(people)} if people is not None else {}
    found = judged(plain, swapped, [known.get(pair["input"]) for pair in pairs])
    _write(out, [{**pair, "verdict": one} for pair, one in zip(pairs, found.verdicts, strict=True)])
    if json_:
        print(json.dumps(_figures(found)))
    else:
        Console().print(drawn(_table(found, first, second)))


def _pairs(first: Path, second: Path) -> list[dict[str, Any]]:
    """Rows of both files with the same question. Raises BadRequest where there are none."""
    from stepladder.evaluation import questions

    others = {row["input"]: row["answer"] for row in _read(second)}
    found = [
        {
            "input": row["input"],
            "first": row["answer"],
            "second": others[row["input"]],
            "asked": questions(row["input"], row["answer"], others[row["input"]]),
        }
        for row in _read(first)
        if row["input"] in others
    ]
    if not found:
        raise BadRequest(
            f"{first} and {second} share no question.", remedy="`input` must be the same, word for word."
        )
    return found


def _figures(found: "Duels") -> dict[str, Any]:
    names = ("rows", "won", "lost", "drawn", "swayed", "score", "people", "agreement", "kappa")
    return {name: getattr(found, name) for name in names}


def _table(found: "Duels", first: Path, second: Path) -> Any:
    from stepladder.evaluation import Table

    lines = [
        [f"{first.name} is better", f"{found.won}"],
        [f"{second.name} is better", f"{found.lost}"],
        ["equal", f"{found.drawn}"],
        [
            "of these, the judge went with the place",
            f"{found.swayed} ({found.swayed / found.rows:.1%} of all)",
        ],
        [f"score of {first.name}", f"{found.score:.1%}"],
    ]
    if found.people:
        lines.append(
            ["agrees with people", f"{found.agreement:.1%} of {found.people}, kappa {found.kappa:.2f}"]
        )
    return Table(f"{found.rows} pairs, each judged twice", ["", ""], lines)


def _read(path: Path) -> list[dict[str, Any]]:
    from stepladder.core import DataError

    try:
        return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
    except (OSError, ValueError) as error:
        raise DataError(f"Cannot read {path}: {error}.", remedy="Give a file of JSON lines.") from error


def _write(path: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    lines = (
        json.dumps({key: value for key, value in row.items() if key != "asked"}, ensure_ascii=False)
        for row in rows
    )
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
