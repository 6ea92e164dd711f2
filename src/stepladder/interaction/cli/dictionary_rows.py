"""A table's rows as entries of the dictionary: (kind, text, answer)."""

import csv
from collections.abc import Iterable, Mapping
from io import StringIO
from pathlib import Path
from typing import Any

from sqlalchemy import create_engine, text
from sqlalchemy.exc import SQLAlchemyError

from stepladder.core import BadRequest, DataError, config
from stepladder.knowledge import code_of

_MOST = 1_000_000

Row = tuple[str, str, str]


def from_csv(path: Path) -> list[Row]:
    """Rows of a file with the columns text, answer and kind. Raises DataError naming the row."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise DataError(f"Cannot read {path}: {error.strerror}.", remedy="Check the path.") from error
    opened = StringIO(data.decode(code_of(data) or "utf-8", "replace"), newline="")
    try:
        return _rows(csv.DictReader(opened), str(path))
    except csv.Error as error:
        raise DataError(f"{path} is no CSV: {error}.", remedy="Save it as CSV again.") from error


def from_database(url: str, sql: str) -> list[Row]:
    """Rows of a query. Raises ConfigError for the reference, DataError where the query fails or a row is wrong."""
    where = config.secret(url, "source") if url.startswith(("env:", "file:")) else url
    try:
        engine = create_engine(where)
        try:
            with engine.connect() as connection:
                found = connection.execute(text(sql)).mappings().fetchmany(_MOST + 1)
        finally:
            engine.dispose()
    except (SQLAlchemyError, ImportError, ValueError) as error:
        reason = type(getattr(error, "orig", None) or error).__name__
        raise DataError(f"The query failed: {reason}.", remedy="Check the address and --sql.") from error
    if len(found) > _MOST:
        raise BadRequest(f"The query gives over {_MOST} rows.", param="sql", remedy="Ask for fewer.")
    return _rows(found, "the query")


def _rows(rows: Iterable[Mapping[Any, Any]], where: str) -> list[Row]:
    found = []
    for number, row in enumerate(rows, 1):
        said, answer = row.get("text"), row.get("answer")
        if not said or answer is None:
            raise DataError(
                f"Row {number} of {where} has no text or no answer.",
                remedy="Give the columns text, answer and, where it is not normalised, kind.",
            )
        found.append((str(row.get("kind") or "normalised"), str(said), str(answer)))
    return found
