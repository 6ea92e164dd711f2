"""How hard rows are, for `stepladder data mix`: by length, by a field, or by what a linear model thinks of them."""

from collections.abc import Sequence
from pathlib import Path

from stepladder.core import BadRequest, DataError, Progress
from stepladder.data import FieldNames, RowFile, find, read_log

RANKS = ("length", "doubt")


def hardness(
    files: Sequence[Path], rank: str, names: FieldNames, labelled: Path | None, tell: Progress
) -> list[list[float]]:
    """For each file, a number for each usable row, higher is harder: characters; how little a linear model believes in the
    row's answer without having seen it, or with `labelled` in any answer of its own; or the number under a field.

    Raises BadRequest, and DataError for rows without what is asked for.
    """
    opened: list[RowFile] = []
    try:
        for path in files:
            opened.append(RowFile(path, names.input))
        if rank == "length":
            return [[float(len(text)) for text in rows] for rows in opened]
        if rank != "doubt":
            return [[_number(rows, at, rank) for at in range(len(rows))] for rows in opened]
        return _unsure(opened, names, labelled, tell) if labelled else _unbelieved(opened, names, tell)
    finally:
        for rows in opened:
            rows.close()


def _unsure(
    opened: Sequence[RowFile], names: FieldNames, labelled: Path, tell: Progress
) -> list[list[float]]:
    """One minus the confidence of a model that has learned other rows: the pool needs no answers."""
    from stepladder.training import fit_linear

    log = read_log(labelled, names)
    pool = [text for rows in opened for text in rows]
    model = fit_linear(
        [row.text for row in log.rows], [row.answer for row in log.rows], unlabelled=pool, progress=tell
    ).model
    return [[1 - model.predict(text).confidence for text in rows] for rows in opened]


def _unbelieved(opened: Sequence[RowFile], names: FieldNames, tell: Progress) -> list[list[float]]:
    """One minus the chance that models which have not seen a row give to its answer."""
    from stepladder.training import fit_linear

    labels = [_answer(rows, at, names.answer) for rows in opened for at in range(len(rows))]
    fitted = fit_linear([text for rows in opened for text in rows], labels, progress=tell)
    places = {name: k for k, name in enumerate(fitted.model.classes)}
    doubts = [
        1 - float(chances[places[label]]) for chances, label in zip(fitted.chances, labels, strict=True)
    ]
    found, start = [], 0
    for rows in opened:
        found.append(doubts[start : start + len(rows)])
        start += len(rows)
    return found


def _answer(rows: RowFile, at: int, field: str) -> str:
    found = find(rows.row(at), field)
    if not isinstance(found, str) or not found:
        raise DataError(
            f"Usable row {at + 1} of {rows.path} has no answer under {field!r}.",
            remedy="Name its field with --answer, or give rows with answers as --labelled.",
        )
    return found


def _number(rows: RowFile, at: int, field: str) -> float:
    found = find(rows.row(at), field)
    if isinstance(found, bool) or not isinstance(found, int | float):
        raise BadRequest(
            f"Usable row {at + 1} of {rows.path} has no number under {field!r}.",
            param="--rank",
            remedy=f"Give {', '.join(RANKS)} or a field of numbers.",
        )
    return float(found)
