"""Files of many kinds to documents. What a file is, its bytes say, not its name.

Text, Markdown, HTML and CSV are read here; PDF and Office files by kreuzberg and pictures by PP-OCR, in processes of their own
with a bound on memory and time: a file that is made to hurt hurts that process only.
"""

import csv
import json
import os
import re
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from functools import cache
from importlib.util import find_spec
from itertools import islice
from pathlib import Path
from typing import TextIO

from stepladder.core import MissingExtra
from stepladder.knowledge.decoding import code_of
from stepladder.knowledge.html_text import html_text
from stepladder.knowledge.nouns import Document, Refused
from stepladder.knowledge.pictures import MOST_BYTES, PictureReader, PictureRefused, PictureUnread

_MOST_TEXT_BYTES = 32 << 20
_MOST_FILE_BYTES = 256 << 20
_MOST_CELL = 1 << 20
_ROWS = 200
_SECONDS = 120
_MEMORY = 2 << 30
_OFFICE = {"word/": "docx", "xl/": "xlsx", "ppt/": "pptx"}
_PICTURES = (b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"GIF8")
_WEBP = re.compile(rb"RIFF....WEBP", re.DOTALL)
_WORKER = Path(__file__).with_name("extraction_worker.py")


def extract(path: Path) -> Iterator[Document | Refused]:
    """A file's documents: one, but of a long CSV one for each 200 rows. Raises OSError, MissingExtra."""
    where = str(path)
    with path.open("rb") as opened:
        head = opened.read(1 << 16)
    size = path.stat().st_size
    kind = _kind(path, head)
    if not head.strip():
        yield Refused(where, "the file is empty", harmless=True)
    elif kind in ("pdf", "docx", "xlsx", "pptx"):
        yield _with_text(path, "", *_by_library(path, kind, size))
    elif kind == "picture":
        yield _with_text(path, "", *_seen(path, size))
    elif kind in ("text", "html", "csv"):
        yield from _texts(path, kind, head, size)
    else:
        yield Refused(where, kind)


def _kind(path: Path, head: bytes) -> str:
    """pdf, docx, xlsx, pptx, picture, html, csv, text, or the reason why it is none of them."""
    start = head.removeprefix(b"\xef\xbb\xbf").lstrip()[:1024].lower()
    if named := _signed(head):
        return named
    if head.startswith(b"PK\x03\x04"):
        return _zipped(path)
    if head.startswith(b"\xd0\xcf\x11\xe0"):
        return "an Office file that is encrypted or of the old binary kind: save it as DOCX, XLSX or PPTX"
    if start.startswith((b"<!doctype html", b"<html")) or (b"<html" in start and start.startswith(b"<")):
        return "html"
    if code_of(head) is None:
        return "neither text nor a kind of file that is known (PDF, DOCX, XLSX, PPTX, HTML, CSV, JSONL, PNG, JPEG, WebP)"
    kinds = {".html": "html", ".htm": "html", ".xhtml": "html", ".csv": "csv", ".tsv": "csv"}
    return kinds.get(path.suffix.lower(), "text")


def _signed(head: bytes) -> str:
    """What a file's first bytes name beyond doubt, "" for none of these."""
    if head[:1024].find(b"%PDF-") >= 0:
        return "pdf"
    return "picture" if head.startswith(_PICTURES) or _WEBP.match(head) else ""


def _zipped(path: Path) -> str:
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
        return f"a broken archive ({error})"
    found = [kind for folder, kind in _OFFICE.items() if any(name.startswith(folder) for name in names)]
    return found[0] if found else "an archive: unpack it and add what is inside"


def _texts(path: Path, kind: str, head: bytes, size: int) -> Iterator[Document | Refused]:
    codec = code_of(head)
    if kind == "csv":
        with path.open(encoding=codec, errors="replace", newline="") as opened:
            yield from _tables(opened, path)
        return
    if size > _MOST_TEXT_BYTES:
        yield Refused(
            str(path), f"{size >> 20} MB of text (at most {_MOST_TEXT_BYTES >> 20}): cut it into files"
        )
        return
    text = path.read_text(encoding=codec, errors="replace")
    yield _with_text(path, *(html_text(text) if kind == "html" else ("", text)), "")


def _tables(opened: TextIO, path: Path) -> Iterator[Document | Refused]:
    """Rows as sentences, `name: value` each: a row is understood without the header being near."""
    sample = opened.read(8192)
    opened.seek(0)
    try:
        dialect = csv.Sniffer().sniff(sample, delimiters=",;\t|")
    except csv.Error:
        dialect = csv.excel
    csv.field_size_limit(_MOST_CELL)
    rows = csv.reader(opened, dialect)
    done = 0
    try:
        header = next(rows, [])
        while block := list(islice(rows, _ROWS)):
            lines = [
                ", ".join(
                    f"{name}: {value}" for name, value in zip(header, row, strict=False) if value.strip()
                )
                for row in block
            ]
            id = str(path) if done == 0 and len(block) < _ROWS else f"{path}#{done + 1}-{done + len(block)}"
            yield Document(id=id, text="\n\n".join(lines), title=path.stem, source=str(path))
            done += len(block)
    except csv.Error as error:
        yield Refused(str(path), f"row {done + 2} or after is no CSV: {error}")
        return
    if not done:
        yield Refused(str(path), "the table has no rows", harmless=True)


def _with_text(path: Path, title: str, text: str, reason: str) -> Document | Refused:
    where = str(path)
    if reason:
        return Refused(where, reason)
    if not text.strip():
        return Refused(where, "there is no text in it (a scan, or nothing)", harmless=True)
    return Document(id=where, text=text, title=title or path.stem, source=where)


@cache
def _reader() -> PictureReader:
    return PictureReader()


def _seen(path: Path, size: int) -> tuple[str, str]:
    """(text, "") or ("", why not). Raises MissingExtra."""
    if size > MOST_BYTES:
        return "", f"{size >> 20} MB (at most {MOST_BYTES >> 20} of a picture)"
    try:
        return _reader().read(path.read_bytes()), ""
    except (PictureRefused, PictureUnread) as error:
        return "", error.message.removeprefix("A picture is not read: ").rstrip(".")


def _by_library(path: Path, kind: str, size: int) -> tuple[str, str]:
    """(text, "") or ("", why not)."""
    if find_spec("kreuzberg") is None:
        raise MissingExtra(f"Reading {kind.upper()} files", "documents")
    if size > _MOST_FILE_BYTES:
        return "", f"{size >> 20} MB (at most {_MOST_FILE_BYTES >> 20})"
    command = [
        sys.executable,
        "-P",
        str(_WORKER),
        str(path.absolute()),
        kind,
        str(_MEMORY),
        str(_MOST_TEXT_BYTES),
    ]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    try:
        done = subprocess.run(
            command, capture_output=True, timeout=_SECONDS, check=False, env=environment, cwd="/"
        )
    except subprocess.TimeoutExpired:
        return "", f"not read within {_SECONDS} seconds"
    try:
        answer = json.loads(done.stdout)
    except ValueError:
        return (
            "",
            f"the reader gave up on it (exit code {done.returncode}): too large when unpacked, or broken",
        )
    return answer["text"], answer["reason"]
