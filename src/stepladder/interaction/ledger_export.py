"""The ledger's rows in a file, for somebody else's tools: JSON lines, or Parquet."""

import gzip
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import fields
from pathlib import Path
from typing import Any

import msgspec

from stepladder.core import BadRequest, MissingExtra
from stepladder.store import Ledger, LedgerRow

_GROUP = 5000
Write = Callable[[Sequence[LedgerRow]], None]


def export(
    ledger: Ledger, path: Path, *, parquet: bool, since: float = 0.0, until: float | None = None
) -> int:
    """Write the rows with since <= at < until, in their order; how many. The file is whole or not there, and its owner's alone.

    JSON lines are packed where the name ends in .gz. Raises MissingExtra without pyarrow, BadRequest where the file cannot be
    written.
    """
    partial = path.with_name(f"{path.name}.partial")
    count, opened = 0, _parquet if parquet else _json_lines
    try:
        partial.touch(mode=0o600)
        with opened(partial) as write:
            for rows in _groups(ledger, since, until):
                write(rows)
                count += len(rows)
        os.replace(partial, path)
    except OSError as error:
        raise BadRequest(
            f"Cannot write {path}: {error.strerror}.", param="path", remedy="Check its folder and its space."
        ) from error
    finally:
        partial.unlink(missing_ok=True)
    return count


def _groups(ledger: Ledger, since: float, until: float | None) -> Iterator[Sequence[LedgerRow]]:
    after = 0
    while rows := ledger.page(after=after, since=since, until=until, limit=_GROUP):
        yield rows
        after = rows[-1].seq


@contextmanager
def _json_lines(path: Path) -> Iterator[Write]:
    packs = path.name.removesuffix(".partial").endswith(".gz")
    with (
        path.open("wb") as file,
        gzip.GzipFile(fileobj=file, mode="wb") if packs else nullcontext(file) as out,
    ):
        yield lambda rows: out.writelines(msgspec.json.encode(_plain(row)) + b"\n" for row in rows)


@contextmanager
def _parquet(path: Path) -> Iterator[Write]:
    try:
        import pyarrow as pa
        from pyarrow import parquet
    except ImportError as error:
        raise MissingExtra("Export to Parquet", "data") from error
    schema = pa.schema([(name, getattr(pa, kind)()) for name, kind in _SCHEMA.items()])
    with parquet.ParquetWriter(path, schema, compression="zstd") as out:
        yield lambda rows: out.write_table(
            pa.Table.from_pylist([_flat(_plain(row)) for row in rows], schema=schema)
        )


def _plain(row: LedgerRow) -> dict[str, Any]:
    found: dict[str, Any] = msgspec.to_builtins(row)
    return {name: found[name] for name in _SCHEMA}


def _flat(row: dict[str, Any]) -> dict[str, Any]:
    """Parquet's columns have one type each: what is nested is JSON."""
    return {
        name: msgspec.json.encode(value).decode() if isinstance(value, dict | list | tuple) else value
        for name, value in row.items()
    }


_KINDS: dict[Any, str] = {
    bool: "bool_",
    int: "int64",
    float: "float64",
    float | None: "float64",
}
_KEPT_APART = ("conversation", "confidential")
_SCHEMA = {
    item.name: _KINDS.get(item.type, "string") for item in fields(LedgerRow) if item.name not in _KEPT_APART
}
