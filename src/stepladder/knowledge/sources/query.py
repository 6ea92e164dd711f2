"""A database query whose rows are documents."""

import asyncio
import hashlib
import json
import math
from collections.abc import AsyncIterator, Mapping
from contextlib import suppress
from datetime import UTC, date, datetime
from typing import Any

from sqlalchemy import create_engine, make_url, text
from sqlalchemy.exc import SQLAlchemyError

from stepladder.knowledge.nouns import Document, Refused
from stepladder.knowledge.reading import checked
from stepladder.knowledge.sources.visiting import Seen, Visit

_NAMES = ("id", "text", "title", "source", "licence")
_MOST = 1_000_000
_MOST_REASON = 200


class Query:
    """Rows of (id, text, and what else a document has, by its name). Read whole, and only; known by what they say."""

    def __init__(self, name: str, url: str, sql: str) -> None:
        """`name` is where errors say that something is wrong: a database's address may hold a password."""
        self._name = name
        self._url = url
        self._sql = sql

    async def look(self, visit: Visit) -> AsyncIterator[Seen]:
        """Every row."""
        try:
            rows = await asyncio.to_thread(self._rows)
        except (SQLAlchemyError, ImportError, ValueError) as error:
            visit.fail(self._name, f"the query failed: {database_says(error, self._url)}")
            return
        if len(rows) > _MOST:
            visit.fail(self._name, f"the query gives over {_MOST} rows")
        shown = 0
        for number, row in enumerate(rows[:_MOST], 1):
            document = _document(row, f"{self._name}:{number}")
            if isinstance(document, Refused):
                visit.refused.append(document)
                visit.whole = visit.whole and document.harmless
                continue
            state = hashlib.sha256(json.dumps(_said(document)).encode()).hexdigest()
            same = visit.state(document.id) == state
            shown += 1
            yield Seen(document.id, state, None if same else lambda document=document: [document])  # type: ignore[misc]
        if not shown:
            visit.less(self._name, "row", len(visit.known))

    def _rows(self) -> list[Mapping[str, Any]]:
        engine = create_engine(self._url)
        try:
            with engine.connect() as connection:
                found = connection.execute(text(self._sql)).mappings()
                return [dict(row) for row in found.fetchmany(_MOST + 1)]
        finally:
            engine.dispose()


def database_says(error: Exception, address: str) -> str:
    """The first line of a database's own error, without what its address (a URL) keeps to itself."""
    reason = getattr(error, "orig", None) or error
    said = next(iter(str(reason).splitlines()), "")
    with suppress(SQLAlchemyError, ValueError):
        url = make_url(address)
        for secret in filter(None, (address, url.password, url.database)):
            said = said.replace(str(secret), "***")
    return f"{said[:_MOST_REASON]} ({type(reason).__name__})" if said else type(reason).__name__


def _document(row: Mapping[str, Any], where: str) -> Document | Refused:
    given = {name: str(row[name]) for name in _NAMES if row.get(name) is not None}
    if "id" not in given or "text" not in given:
        return Refused(where, f"the row has no id or no text; its columns: {', '.join(map(str, row))}")
    if not given["text"].strip():
        return Refused(where, f"row {given['id']!r} has no text", harmless=True)
    try:
        begin, end = (_seconds(row.get(name)) for name in ("valid_from", "valid_until"))
    except (ValueError, TypeError, OverflowError):
        return Refused(
            where,
            f"row {given['id']!r} has a valid_from or valid_until that is no time: give Unix seconds or 2027-01-31T12:00Z",
        )
    document = Document(
        id=given["id"],
        text=given["text"],
        title=given.get("title", ""),
        source=given.get("source", where.rpartition(":")[0]),  # without its place: rows come and go above it
        licence=given.get("licence", ""),
        tags=_several(row.get("tags")),
        groups=_several(row.get("groups")),
        valid_from=begin,
        valid_until=end,
    )
    return checked(document, where)


def _said(document: Document) -> list[Any]:
    """All that makes a row another; what it did not say before it could be said changes nothing."""
    said: list[Any] = [document.text, document.title, document.source, document.licence]
    more = [document.tags, document.groups, document.valid_from, document.valid_until]
    return said + more if any(more) else said


def _several(value: Any) -> tuple[str, ...]:
    """Names with commas between, or a database's list of them."""
    if value is None:
        return ()
    names = value if isinstance(value, list | tuple) else str(value).split(",")
    return tuple(name for one in names if (name := str(one).strip()))


def _seconds(value: Any) -> float | None:
    """Unix seconds, of a number, a database's time, or one as it is written (ISO 8601); without a zone it is UTC's."""
    if value is None or value == "":
        return None
    if isinstance(value, str):
        value = float(value) if value.replace(".", "", 1).isdigit() else datetime.fromisoformat(value)
    elif isinstance(value, date) and not isinstance(value, datetime):
        value = datetime(value.year, value.month, value.day)  # noqa: DTZ001 - the zone comes below
    if isinstance(value, datetime):
        return (value if value.tzinfo else value.replace(tzinfo=UTC)).timestamp()
    found = float(value)
    if not math.isfinite(found):
        raise ValueError("no time")
    return found
