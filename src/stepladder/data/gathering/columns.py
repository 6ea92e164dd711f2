"""Parquet and Arrow files, and data sets that Hugging Face's library has saved, by pyarrow (an extra)."""

import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from stepladder.core import DataError, MissingExtra

_BATCH = 1_024


def records(path: Path) -> Iterator[dict[str, Any]]:
    """The rows of a .parquet or .arrow file, a batch in memory at a time; class numbers become their names.

    Raises MissingExtra, and DataError where the file is no such file.
    """
    try:
        import pyarrow as arrow
        from pyarrow import parquet
    except ImportError as error:
        raise MissingExtra("Reading Parquet and Arrow files", "data") from error
    try:
        if path.suffix == ".parquet":
            with parquet.ParquetFile(path) as file:
                yield from _rows(file.iter_batches(batch_size=_BATCH), file.schema_arrow)
        else:
            with arrow.memory_map(str(path)) as mapped:
                reader = _reader(arrow, mapped)
                yield from _rows(reader, reader.schema)
    except (arrow.ArrowException, OSError) as error:
        raise DataError(
            f"{path} is no readable {path.suffix} file: {error}.", remedy="Fetch it again."
        ) from error


def _reader(arrow: Any, mapped: Any) -> Any:
    """Hugging Face writes streams; others write files."""
    try:
        return arrow.ipc.open_stream(mapped)
    except arrow.ArrowInvalid:
        mapped.seek(0)
        file = arrow.ipc.open_file(mapped)
        return arrow.RecordBatchReader.from_batches(
            file.schema, (file.get_batch(number) for number in range(file.num_record_batches))
        )


def _rows(batches: Any, schema: Any) -> Iterator[dict[str, Any]]:
    names = _class_names(schema)
    for batch in batches:
        for row in batch.to_pylist():
            for column, called in names.items():
                if isinstance(number := row.get(column), int) and 0 <= number < len(called):
                    row[column] = called[number]
            yield row


def _class_names(schema: Any) -> Mapping[str, list[str]]:
    """Column -> its classes, as Hugging Face's library keeps them in a schema's metadata."""
    told = (schema.metadata or {}).get(b"huggingface", b"{}")
    try:
        features = json.loads(told).get("info", {}).get("features", {})
    except (ValueError, AttributeError):
        return {}
    return {
        name: feature["names"]
        for name, feature in features.items()
        if isinstance(feature, dict)
        and feature.get("_type") == "ClassLabel"
        and isinstance(feature.get("names"), list)
    }


def saved_files(folder: Path, known: Callable[[Path], bool]) -> list[tuple[str, Path]]:
    """(split, file) of a folder: as `save_to_disk` has left it, else all files in it that are known, by name."""
    if (state := _json(folder / "state.json")) is not None:
        listed = [
            entry.get("filename", "") for entry in state.get("_data_files", []) if isinstance(entry, dict)
        ]
        return [("", folder / name) for name in listed]
    if (splits := _json(folder / "dataset_dict.json")) is not None:
        return [
            (split, path)
            for split in splits.get("splits", [])
            for _, path in saved_files(folder / split, known)
        ]
    found = sorted(path for path in folder.rglob("*") if path.is_file() and known(path))
    return [(_split(path), path) for path in found]


def _split(path: Path) -> str:
    """Hugging Face's own habit: train-00000-of-00001.parquet, or a folder of that name."""
    for name in (path.name.split("-")[0].split(".")[0], path.parent.name):
        if name in ("train", "test", "validation", "dev"):
            return name
    return ""


def _json(path: Path) -> dict[str, Any] | None:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) else None
