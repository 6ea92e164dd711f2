"""A table's rows as entries of the dictionary: (kind, text, answer)."""

import csv
from collections.abc import Iterable, Iterator, Mapping
from math import inf
from pathlib import Path
from typing import Any

from sqlalchemy import create_engine, make_url, text
from sqlalchemy.exc import SQLAlchemyError

from stepladder.core import BadRequest, DataError, config
from stepladder.knowledge import code_of, database_says

_MOST = 1_000_000
_SAMPLE = 1 << 16
_AT_ONCE = 5_000

Row = tuple[str, str, str]


def from_csv(path: Path) -> Iterator[Row]:
    """Rows of a file with the columns text, answer and kind, read one by one. Raises DataError naming the row."""
    try:
        with path.open("rb") as opened:
            code = code_of(opened.read(_SAMPLE)) or "utf-8"
        with path.open(encoding=code, errors="replace", newline="") as lines:
            yield from _rows(csv.DictReader(lines), str(path))
    except OSError as error:
        raise DataError(f"Cannot read {path}: {error.strerror}.", remedy="Check the path.") from error
    except csv.Error as error:
        raise DataError(f"{path} is no CSV: {error}.", remedy="Save it as CSV again.") from error


def from_database(url: str, sql: str) -> Iterator[Row]:
    """Rows of a query, a few thousand in memory at a time.

    Raises ConfigError for the reference, DataError where the query fails or a row is wrong, BadRequest for too many rows.
    """
    where = config.secret(url, "source") if url.startswith(("env:", "file:")) else url
    try:
        engine = create_engine(where)
        try:
            with engine.connect().execution_options(yield_per=_AT_ONCE) as connection:
                yield from _rows(connection.execute(text(sql)).mappings(), "the query", _MOST)
        finally:
            engine.dispose()
    except (SQLAlchemyError, ImportError, ValueError) as error:
        raise DataError(
            f"The query failed: {database_says(error, where)}.", remedy="Check the address and --sql."
        ) from error


def shown_as(source: str) -> str:
    """A file's or a database's name, without a password."""
    try:
        return make_url(source).render_as_string(hide_password=True) if "://" in source else source
    except (SQLAlchemyError, ValueError):
        return source


def _rows(rows: Iterable[Mapping[Any, Any]], where: str, most: float = inf) -> Iterator[Row]:
    for number, row in enumerate(rows, 1):
        if number > most:
            raise BadRequest(f"The query gives over {most} rows.", param="sql", remedy="Ask for fewer.")
        said, answer = row.get("text"), row.get("answer")
        if not said or answer is None:
            raise DataError(
                f"Row {number} of {where} has no text or no answer.",
                remedy="Give the columns text, answer and, where it is not normalised, kind.",
            )
        yield str(row.get("kind") or "normalised"), str(said), str(answer)
