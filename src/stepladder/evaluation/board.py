"""The leaderboard: every evaluation that was kept, on the same rows or others, best first."""

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stepladder.core import DataError
from stepladder.evaluation.report import Chart, Figure, Report, Table


@dataclass(frozen=True, slots=True)
class Entry:
    """One candidate on one set of rows, named by its file and its content: `rows_hash`."""

    name: str
    data: str
    rows_hash: str
    rows: int
    main: str
    figures: Mapping[str, float]
    at: float
    microseconds: float | None = None


def keep(file: Path, entries: Sequence[Entry]) -> None:
    """Add lines to a leaderboard's file."""
    with file.open("a", encoding="utf-8") as out:
        for one in entries:
            told: dict[str, Any] = {key: getattr(one, key) for key in Entry.__slots__}
            out.write(json.dumps(told, ensure_ascii=False) + "\n")


def read_board(file: Path) -> list[Entry]:
    """The newest entry of each candidate on each set of rows. Raises DataError."""
    found: dict[tuple[str, str], Entry] = {}
    try:
        for line in file.read_text(encoding="utf-8").splitlines():
            one = Entry(**json.loads(line))
            found[one.name, one.rows_hash] = one
    except (OSError, ValueError, TypeError) as error:
        raise DataError(
            f"{file} is no leaderboard: {error}.", remedy="Make one with stepladder eval --board."
        ) from error
    return list(found.values())


def board_page(entries: Sequence[Entry]) -> Report:
    """A page with a table for each set of rows, best first."""
    sets: dict[str, list[Entry]] = {}
    for one in entries:
        sets.setdefault(one.rows_hash, []).append(one)
    tables = []
    for hash, several in sets.items():
        several.sort(key=lambda one: -one.figures[one.main])
        names = list(dict.fromkeys(name for one in several for name in one.figures))
        head = ["", *(name.replace("_", " ") for name in names), "µs a row", "day"]
        tables.append(
            Table(
                f"{several[0].data} ({several[0].rows:,} rows, {hash[:8]})",
                head,
                [_row(one, names) for one in several],
            )
        )
    newest = max((one.at for one in entries), default=0.0)
    return Report(
        title="Leaderboard",
        lead=["Sets of rows are named by their content; only figures of one table can be compared."],
        figures=[
            Figure("Candidates", f"{len({one.name for one in entries})}"),
            Figure("Newest", _day(newest)),
        ],
        charts=list[Chart](),
        tables=tables,
    )


def _row(one: Entry, names: Sequence[str]) -> list[str]:
    figures = [f"{one.figures[name]:.2%}" if name in one.figures else "" for name in names]
    spent = "" if one.microseconds is None else f"{one.microseconds:.0f}"
    return [one.name, *figures, spent, _day(one.at)]


def _day(at: float) -> str:
    return time.strftime("%Y-%m-%d", time.gmtime(at))
