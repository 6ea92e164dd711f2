"""Where records come from: files of many kinds, folders of them, databases. All are streams; none is read whole."""

import csv
import io
import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import msgspec

from stepladder.core import DataError
from stepladder.data.gathering.columns import records as column_records
from stepladder.data.gathering.columns import saved_files
from stepladder.data.gathering.shapes import Reading
from stepladder.data.log import Skipped, open_log
from stepladder.knowledge import code_of

Record = Mapping[str, Any] | Skipped
"""A record, or why a place in a source holds none."""

_CHUNK = 1 << 20
_LONGEST_FIELD = 1 << 24


@dataclass(frozen=True, slots=True)
class Source:
    """A named stream of records, the same ones in the same order whenever it is opened; `split` where the source says one.

    `size` is in bytes, 0 where nobody knows. A `fleeting` source may say something else when it is opened again: a run that
    was stopped inside it begins it anew. `reading` is how its records are read, where that is known of itself. `version`
    tells two states of it apart that have one name and size: a file's time, a query.
    """

    name: str
    open: Callable[[], Iterator[Record]]
    split: str = ""
    size: int = 0
    fleeting: bool = False
    reading: Reading | None = None
    version: str = ""


def file_sources(path: Path) -> list[Source]:
    """The sources at a path: a file, or all files of a folder. Raises DataError for a path without any."""
    if path.is_dir():
        found = [_source(file, split) for split, file in saved_files(path, _known)]
        if not found:
            raise DataError(
                f"There is nothing to read in {path}.", remedy=f"Known are {', '.join(_OPENERS)}."
            )
        return found
    if not path.is_file():
        raise DataError(f"There is no file {path}.", remedy="Check the path.")
    return [_source(path)]


def database_source(url: str, query: str) -> Source:
    """The rows of a query, read as the database sends them: without "order by" it may send others first another time.

    Raises DataError for a URL or query that it refuses.
    """
    from sqlalchemy import create_engine, text
    from sqlalchemy.engine import make_url
    from sqlalchemy.exc import NoSuchModuleError, SQLAlchemyError

    try:
        address = make_url(url)
    except SQLAlchemyError as error:
        raise DataError(
            "The database's URL is none.", remedy="Write it as sqlite:///FILE or postgresql://..."
        ) from error
    file = address.database if address.get_backend_name() == "sqlite" else None
    if file and file != ":memory:" and not file.startswith("file:") and not Path(file).exists():
        raise DataError(f"There is no database {file}.", remedy="Check the path.")  # SQLite would make one

    def rows() -> Iterator[Record]:
        try:
            engine = create_engine(address)
            try:
                with engine.connect().execution_options(stream_results=True) as connection:
                    for row in connection.execute(text(query)).mappings():
                        yield dict(row)
            finally:
                engine.dispose()
        except (ModuleNotFoundError, NoSuchModuleError) as error:
            raise DataError(
                f"{address.drivername} needs a driver that is not installed: {error}.",
                remedy="Install it, or name another in the URL, such as postgresql+psycopg://.",
            ) from error
        except SQLAlchemyError as error:
            said = str(getattr(error, "orig", None) or type(error).__name__).strip()
            raise DataError(
                f"The database refuses the query: {said}.", remedy="Check its URL and --query."
            ) from error

    ordered = re.search(r"\border\s+by\b", query, re.IGNORECASE) is not None
    name = f"{address.get_backend_name()}:{address.database or ''}"
    return Source(name, rows, fleeting=not ordered, version=query)


def _known(path: Path) -> bool:
    return (
        path.name not in ("dataset_info.json", "state.json", "dataset_dict.json") and _kind(path) in _OPENERS
    )


def _kind(path: Path) -> str:
    return Path(path.stem).suffix if path.suffix == ".gz" else path.suffix


def _source(path: Path, split: str = "") -> Source:
    opener = _OPENERS.get(_kind(path), _lines)

    def records() -> Iterator[Record]:
        try:
            yield from opener(path)
        except (OSError, EOFError) as error:
            raise DataError(
                f"Cannot read {path}: {error}.", remedy="Check the path and its rights."
            ) from error

    try:
        found = path.stat()
        return Source(path.name, records, split, found.st_size, version=str(found.st_mtime_ns))
    except OSError as error:
        raise DataError(f"Cannot read {path}: {error.strerror}.", remedy="Check the path.") from error


def _lines(path: Path) -> Iterator[Record]:
    with open_log(path) as file:
        for number, line in enumerate(file, 1):
            if line.strip():
                try:
                    found = msgspec.json.decode(line)
                except (msgspec.DecodeError, UnicodeDecodeError):
                    yield Skipped(number, "it is not valid JSON")
                else:
                    yield found if isinstance(found, dict) else Skipped(number, "it is no JSON object")


def _array(path: Path) -> Iterator[Record]:
    """A JSON file: one list of objects, read piece by piece; or, where it is none, JSON lines."""
    with open_log(path) as raw, io.TextIOWrapper(raw, "utf-8-sig", "replace") as file:
        head = file.read(_CHUNK)
        if head.lstrip().startswith("["):
            yield from _items(file, head.lstrip()[1:])
            return
    yield from _lines(path)


def _items(file: IO[str], buffer: str) -> Iterator[Record]:
    decoder, number = json.JSONDecoder(), 0
    while True:
        buffer = buffer.lstrip(" \t\r\n,")
        if buffer.startswith("]"):
            return
        try:
            found, end = decoder.raw_decode(buffer)
        except ValueError:
            more = file.read(max(_CHUNK, len(buffer)))
            if not more:
                yield Skipped(number + 1, "from here on it is not valid JSON")
                return
            buffer += more
            continue
        number += 1
        buffer = buffer[end:]
        yield found if isinstance(found, dict) else Skipped(number, "it is no JSON object")


def _table(path: Path) -> Iterator[Record]:
    """A CSV or TSV file with a head; its code and its separator are found out."""
    with open_log(path) as file:
        sample = file.read(1 << 16)
    code = code_of(sample)
    if code is None:
        raise DataError(f"{path} is no text.", remedy="Give a CSV file.")
    with open_log(path) as raw, io.TextIOWrapper(raw, code, "replace", newline="") as text:
        csv.field_size_limit(_LONGEST_FIELD)
        head = sample.decode(code, "replace").split("\n")[0]
        separator = max("\t;,", key=head.count) if path.suffix != ".tsv" else "\t"
        reader = csv.DictReader(text, delimiter=separator)
        try:
            for row in reader:
                if None in row or any(value is None for value in row.values()):
                    yield Skipped(reader.line_num, "it has not as many fields as the head")
                else:
                    yield {name: value for name, value in row.items() if value != ""}
        except csv.Error as error:
            yield Skipped(reader.line_num, f"from here on it is no CSV: {error}")


_OPENERS: dict[str, Callable[[Path], Iterator[Record]]] = {
    ".jsonl": _lines,
    ".ndjson": _lines,
    ".json": _array,
    ".csv": _table,
    ".tsv": _table,
    ".parquet": column_records,
    ".arrow": column_records,
}
