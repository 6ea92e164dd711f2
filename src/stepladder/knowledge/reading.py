"""Files to documents, one at a time: what cannot be read is refused with the reason, and the rest goes on."""

import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO

import msgspec

from stepladder.core import BadRequest, StepladderError
from stepladder.knowledge.documents import check
from stepladder.knowledge.extraction import extract
from stepladder.knowledge.nouns import Document, Refused

_MOST_LINE = 64 << 20
_MOST_NAME = 60  # characters: file systems take 255 bytes


class _Row(msgspec.Struct):
    """A line of JSONL; other keys are left alone."""

    id: str | int
    text: str
    title: str | None = None
    source: str | None = None
    licence: str | None = None
    tags: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    valid_from: float | None = None
    valid_until: float | None = None


_decoder = msgspec.json.Decoder(_Row)


def jsonl(lines: BinaryIO, name: str) -> Iterator[Document | Refused]:
    """Rows ``{"id", "text", "title"?, "source"?, "licence"?, "tags"?, "groups"?, "valid_from"?, "valid_until"?}``."""
    number = 0
    while line := lines.readline(_MOST_LINE):
        number += 1
        where = f"{name}:{number}"
        if len(line) == _MOST_LINE and not line.endswith(b"\n"):
            yield Refused(
                where, f"the line is longer than {_MOST_LINE >> 20} MB; the rest of the file is left out"
            )
            return
        if not line.strip():
            continue
        try:
            row = _decoder.decode(line.removeprefix(b"\xef\xbb\xbf"))
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            yield Refused(where, f'not a row {{"id", "title"?, "text"}}: {error}')
            continue
        yield _document(row, where, name)


def _document(row: _Row, where: str, name: str) -> Document | Refused:
    if not row.text.strip():
        return Refused(where, f"document {row.id!r} has no text", harmless=True)
    document = Document(
        id=str(row.id),
        text=row.text,
        title=row.title or "",
        source=row.source or name,  # without the line: one more above it would make it another document
        licence=row.licence or "",
        tags=row.tags,
        groups=row.groups,
        valid_from=row.valid_from,
        valid_until=row.valid_until,
    )
    return checked(document, where)


def files(path: Path) -> list[Path]:
    """The file itself, or every file below a folder that is not hidden, in order."""
    if not path.is_dir():
        return [path]
    return sorted(
        file
        for file in path.rglob("*")
        if file.is_file() and not any(part.startswith(".") for part in file.relative_to(path).parts)
    )


def read(path: Path) -> Iterator[Document | Refused]:
    """The documents of one file, whatever its kind. Never raises for what is in the file."""
    try:
        if path.suffix.lower() in (".jsonl", ".ndjson"):
            with path.open("rb") as opened:
                yield from jsonl(opened, str(path))
        else:
            yield from extract(path)
    except OSError as error:
        yield Refused(str(path), error.strerror or type(error).__name__)
    except StepladderError as error:
        yield Refused(str(path), str(error))


def received(data: bytes, name: str, called: str = "") -> Iterator[Document | Refused]:
    """The documents of a file that has come from elsewhere, as if it lay at `called` (without it, at `name`)."""
    called = called or name
    plain = name.replace("\0", "").encode("utf-8", "replace").decode().rpartition("/")[2]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / (plain[-_MOST_NAME:].lstrip(".") or "file")
        path.write_bytes(data)
        for item in read(path):
            if isinstance(item, Refused):
                where, reason = (said.replace(str(path), called) for said in (item.where, item.reason))
                yield replace(item, where=where, reason=reason)
            else:
                id, source = (said.replace(str(path), called) for said in (item.id, item.source))
                yield replace(item, id=id[:500], source=source)


def checked(document: Document, where: str) -> Document | Refused:
    """The document, or why it cannot be taken."""
    try:
        check(document)
    except BadRequest as error:
        return Refused(where, str(error))
    return document


def sorted_out(items: Iterable[Document | Refused], refused: list[Refused]) -> Iterator[Document]:
    """The documents; what was refused, or cannot be taken, goes into the list."""
    for item in items:
        if isinstance(item, Refused):
            refused.append(item)
            continue
        found = checked(item, item.source or item.id)
        if isinstance(found, Refused):
            refused.append(found)
        else:
            yield found
