"""JSON lines with a text, and with a label: what the commands about guards read."""

import json
from collections.abc import Iterator
from math import isfinite
from pathlib import Path
from typing import Any

from stepladder.core import BadRequest, DataError

_REMEDY = 'Write {"id": "1", "text": "..."}.'


def row_of(line: bytes, number: int) -> dict[str, Any]:
    """Read one line. Raises BadRequest naming it."""
    try:
        row = json.loads(line, parse_constant=_no_number, parse_float=_number)
    except (ValueError, RecursionError) as error:
        raise BadRequest(f"Line {number} is not JSON.", remedy=_REMEDY) from error
    if not isinstance(row, dict) or "text" not in row:
        raise BadRequest(f'Line {number} has no "text".', remedy=_REMEDY)
    if not isinstance(row["text"], str):
        raise BadRequest(f'The "text" of line {number} is no string.', remedy=_REMEDY)
    return row


def _number(text: str) -> float:
    number = float(text)
    return number if isfinite(number) else _no_number(text)


def _no_number(text: str) -> float:
    """NaN and the infinite are none in JSON, and what answers with them is no JSON either."""
    raise ValueError(f"{text} is no number")


def labelled(file: Path) -> Iterator[tuple[str, bool]]:
    """Read a file of texts with labels. Raises DataError naming file or line, BadRequest naming the line."""
    try:
        lines = file.read_bytes().splitlines()
    except OSError as error:
        raise DataError(f"Cannot read {file}: {error.strerror}.", remedy="Check the path.") from error
    for number, line in enumerate(lines, 1):
        if line.strip():
            row = row_of(line, number)
            if row.get("label") not in (0, 1, True, False):
                raise DataError(
                    f'{file.name} line {number} has no "label".', remedy="Write true or false, 1 or 0."
                )
            yield row["text"], bool(row["label"])
