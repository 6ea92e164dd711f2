"""stepladder data: near-duplicates, contamination and wrong labels in a JSONL file."""

import json
from collections.abc import Sequence
from contextlib import ExitStack
from functools import reduce
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from stepladder.interaction.cli import (
    cleaning,
    datasets,
    gathering,
    labelling,
    preferring,
    scoring,
    synthesising,
)
from stepladder.interaction.cli.likeness import (
    AlikeOption,
    EmbedderOption,
    kept_beside,
    let_go,
    looking,
    sign_of,
)
from stepladder.interaction.cli.options import ConfigOption, opened
from stepladder.interaction.cli.shown import moving_bar

if TYPE_CHECKING:
    from rich.console import Console

    from stepladder.core import Embedder, Example, Progress
    from stepladder.data import Kept, RowFile, Rows, Suspect
    from stepladder.training import Points

app = typer.Typer(help="Training data from files: what to leave out, and why.", no_args_is_help=True)
FileArgument = Annotated[Path, typer.Argument(help="JSONL, plain or .gz.")]
InputOption = Annotated[str, typer.Option("--input", help="Field of the text.")]
ThresholdOption = Annotated[
    float, typer.Option(help="Similarity from which on two texts are copies, 0.3 to 1.")
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print the figures as JSON.")]
app.add_typer(gathering.app)
app.add_typer(cleaning.app)
app.add_typer(scoring.app)
app.add_typer(labelling.app)
app.add_typer(synthesising.app)
app.add_typer(datasets.app)
app.add_typer(preferring.app)


@app.command()
def dedupe(  # noqa: PLR0913, PLR0917 a command's options
    file: FileArgument,
    out: Annotated[Path, typer.Option(help="The rows that stay, as they were.")],
    removed: Annotated[
        Path | None, typer.Option(help="The copies, each with the row that it copies.")
    ] = None,
    input_: InputOption = "input",
    threshold: ThresholdOption = 0.6,
    embedder: EmbedderOption = "none",
    alike: AlikeOption = None,
    json_: JsonOption = False,
) -> None:
    """Leave out copies and near-copies, and with --embedder what says the same; the first of each kind stays."""
    from stepladder.data import RowFile, find_duplicates, write_rows

    by_meaning, most = looking(embedder, alike)
    with RowFile(file, input_) as rows:
        signed = kept_beside(out, "signatures", [file], input_)
        kept = [signed]
        with moving_bar() as tell:
            original = find_duplicates(rows, tell, threshold=threshold, kept=signed).original
            alone = sum(at == first for at, first in enumerate(original.tolist()))
            if by_meaning is not None:
                kept.append(kept_beside(out, "vectors", [file], (by_meaning.name, input_, threshold)))
                original = _without_the_same(rows, original, (by_meaning, most, kept[-1]), tell)
        stays = [at for at, first in enumerate(original.tolist()) if at == first]
        write_rows(out, (rows.line(at) for at in stays))
        if removed is not None:
            copies = ((at, first) for at, first in enumerate(original.tolist()) if at != first)
            write_rows(
                removed, (_packed({"copy": rows.row(at), "of": rows.row(first)}) for at, first in copies)
            )
        let_go(kept)
        _tell(
            {
                "rows": len(rows),
                "kept": len(stays),
                "copies": len(rows) - alone,
                **({"say_the_same": alone - len(stays)} if by_meaning is not None else {}),
                "broken": len(rows.skipped),
            },
            json_,
        )


@app.command()
def contamination(  # noqa: PLR0913, PLR0917 a command's options
    file: FileArgument,
    against: Annotated[
        list[Path], typer.Option(help="A test set, JSONL, plain or .gz; may be given several times.")
    ],
    out: Annotated[Path | None, typer.Option(help="The rows without those found in a test set.")] = None,
    removed: Annotated[
        Path | None, typer.Option(help="The rows that were found in one, as they were.")
    ] = None,
    input_: InputOption = "input",
    threshold: ThresholdOption = 0.6,
    embedder: EmbedderOption = "none",
    alike: AlikeOption = None,
    json_: JsonOption = False,
) -> None:
    """Find rows that are copies or near-copies of test sets', or with --embedder say the same as one of theirs."""
    from stepladder.data import Joined, RowFile, find_alike_to, find_contamination, write_rows

    by_meaning, most = looking(embedder, alike)
    with RowFile(file, input_) as rows, ExitStack() as stack:
        tests = [stack.enter_context(RowFile(path, input_)) for path in against]
        exam: Sequence[str] = reduce(Joined, tests[1:], tests[0])
        files, beside = [file, *against], out or removed
        kept = [kept_beside(beside, "signatures", files, input_)]
        with moving_bar() as tell:
            found = set(find_contamination(rows, exam, tell, threshold=threshold, kept=kept[0]).tolist())
            if by_meaning is not None:
                kept.append(kept_beside(beside, "vectors", files, (by_meaning.name, input_)))
                alike_to = find_alike_to((rows, exam), by_meaning, tell, alike=most, kept=kept[-1])
                found |= set(alike_to.tolist())
        for path, caught in ((out, False), (removed, True)):
            if path is not None:
                write_rows(path, (rows.line(at) for at in range(len(rows)) if (at in found) is caught))
        let_go(kept)
        tested, broken = len(exam), sum(len(test.skipped) for test in tests)
        figures = {"rows": len(rows), "test_rows": tested, "contaminated": len(found)}
        _tell(figures | {"broken": len(rows.skipped), "broken_in_test": broken}, json_)


@app.command()
def errors(  # noqa: PLR0913, PLR0917 a command's options
    file: FileArgument,
    out: Annotated[Path | None, typer.Option(help="All suspects as JSONL, surest first.")] = None,
    input_: InputOption = "input",
    answer: Annotated[str, typer.Option(help="Field of the label.")] = "answer",
    threshold: Annotated[
        float, typer.Option(help="Similarity from which on two texts should have one label, 0.3 to 1.")
    ] = 0.8,
    review: Annotated[
        bool, typer.Option("--review", help="Those out of the ledger wait for a person: `stepladder review`.")
    ] = False,
    seed: Annotated[int, typer.Option(help="Of the folds.")] = 0,
    json_: JsonOption = False,
    config: ConfigOption = None,
) -> None:
    """Find labels that are probably wrong: linear models that have not seen them say another, or near-copies do."""
    from rich.console import Console

    from stepladder.core import Example
    from stepladder.data import FieldNames, read_log, write_rows
    from stepladder.interaction.settings import Settings
    from stepladder.training import Points

    if review:
        Settings(config).load()  # before the minutes that the search takes
    log = read_log(file, FieldNames(input=input_, answer=answer))
    examples = [Example(str(row.line), row.text, row.answer) for row in log.rows]
    kept = kept_beside(out, "signatures", [file], (input_, answer))
    points: Points | None = None
    if out is not None:
        points = Points(out.with_name(f"{out.name}.guesses"), sign_of([file], (input_, answer, seed)))
    found, disagree = _doubted(examples, seed, threshold, (kept, points))
    if out is not None:
        write_rows(out, map(_packed, found))
    if points is not None:
        points.close()
    let_go([kept])
    if not json_:
        _table(Console(), found[:20])
    told = {"rows": len(examples), "suspects": len(found), "near_copies_that_disagree": disagree}
    if review:
        told["queued"] = _queued(file, found, config)
    _tell(told | {"broken": log.skipped}, json_)


def _doubted(
    examples: "list[Example]", seed: int, threshold: float, kept: "tuple[Kept | None, Points | None]"
) -> tuple[list[dict[str, Any]], int]:
    """The suspects as they are shown, and how many near-copies disagree."""
    from stepladder.data import find_conflicts, find_duplicates, find_label_errors
    from stepladder.training import hidden_guesses

    texts, labels = [one.text for one in examples], [one.label for one in examples]
    with moving_bar() as tell:
        guesses = hidden_guesses(texts, labels, seed=seed, progress=tell, points=kept[1])
        copies = find_duplicates(texts, tell, threshold=threshold, kept=kept[0])
    suspects, conflicts = find_label_errors(examples, guesses), find_conflicts(examples, copies)
    known = {one.index for one in suspects}
    found = _shown(suspects, "models")
    return found + _shown([one for one in conflicts if one.index not in known], "near-copies"), len(conflicts)


def _queued(file: Path, found: list[dict[str, Any]], config: Path | None) -> int:
    """How many wait for a person now."""
    from stepladder.data import open_log, queue_labels

    wanted = {row["line"]: row for row in found}
    with open_log(file) as lines, opened(config) as place:
        rows = ((number, line) for number, line in enumerate(lines, 1) if number in wanted)
        doubts = [
            (json.loads(line), wanted[number]["suggestion"], wanted[number]["confidence"])
            for number, line in rows
        ]
        return queue_labels(place.store, doubts)


def _shown(suspects: "list[Suspect]", by: str) -> list[dict[str, Any]]:
    return [
        {
            "line": int(one.example.id),
            "input": one.example.text,
            "answer": one.example.label,
            "suggestion": one.suggestion,
            "confidence": round(one.confidence, 4),
            "by": by,
        }
        for one in suspects
    ]


def _without_the_same(
    rows: "RowFile", original: "Rows", look: "tuple[Embedder, float, Kept | None]", tell: "Progress"
) -> "Rows":
    """What n-grams have left, looked at by meaning; whatever was a copy of a row that goes is one of that row's original."""
    import numpy as np

    from stepladder.data import find_alike

    embedder, alike, kept = look
    places = np.flatnonzero(original == np.arange(len(original)))
    texts = [rows[int(at)] for at in places]
    found = find_alike(texts, embedder, tell, alike=alike, kept=kept).original
    first = original.copy()
    first[places] = places[found]
    return first[original]


def _packed(row: object) -> bytes:
    return json.dumps(row, ensure_ascii=False).encode()


def _table(console: "Console", found: list[dict[str, Any]]) -> None:
    from stepladder.interaction.cli.shown import sheet

    table = sheet("line", "text", "label", "suggested", "sure", "by")
    for row in found:
        table.add_row(
            str(row["line"]),
            row["input"][:80],
            row["answer"],
            row["suggestion"],
            f"{row['confidence']:.0%}",
            row["by"],
        )
    console.print(table)


def _tell(figures: dict[str, int], as_json: bool) -> None:
    if as_json:
        print(json.dumps(figures))
        return
    print(", ".join(f"{name.replace('_', ' ')}: {value:,}" for name, value in figures.items()))
