"""JSON lines with a text, and with a label: what the commands about guards read."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from stepladder.core import BadRequest, DataError


def row_of(line: bytes, number: int) -> dict[str, Any]:
    """Read one line. Raises BadRequest naming it."""
    try:
        row = json.loads(line)
    except (ValueError, UnicodeDecodeError) as error:
        raise BadRequest(f"Line {number} is not JSON.", remedy='Write {"id": "1", "text": "..."}.') from error
    if not isinstance(row, dict) or not isinstance(row.get("text"), str):
        raise BadRequest(f'Line {number} has no "text".', remedy='Write {"id": "1", "text": "..."}.')
    return row


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
