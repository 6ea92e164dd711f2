"""A database query whose rows are documents."""

import asyncio
import hashlib
import json
from collections.abc import AsyncIterator, Mapping
from typing import Any

from sqlalchemy import create_engine, text
from sqlalchemy.exc import SQLAlchemyError

from stepladder.knowledge.nouns import Document, Refused
from stepladder.knowledge.sources.visiting import Seen, Visit

_NAMES = ("id", "text", "title", "source", "licence")
_MOST = 1_000_000


class Query:
    """Rows of (id, text, and title, source or licence). Read whole, and only; known by what they say."""

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
            reason = getattr(error, "orig", None) or error
            visit.fail(self._name, f"the query failed: {type(reason).__name__}")
            return
        if len(rows) > _MOST:
            visit.fail(self._name, f"the query gives over {_MOST} rows")
        for number, row in enumerate(rows[:_MOST], 1):
            document = _document(row, f"{self._name}:{number}")
            if isinstance(document, Refused):
                visit.refused.append(document)
                visit.whole = visit.whole and document.harmless
                continue
            state = hashlib.sha256(
                json.dumps([document.text, document.title, document.source, document.licence]).encode()
            ).hexdigest()
            same = visit.known.get(document.id) == state
            yield Seen(document.id, state, None if same else lambda document=document: [document])  # type: ignore[misc]

    def _rows(self) -> list[Mapping[str, Any]]:
        engine = create_engine(self._url)
        try:
            with engine.connect() as connection:
                found = connection.execute(text(self._sql)).mappings()
                return [dict(row) for row in found.fetchmany(_MOST + 1)]
        finally:
            engine.dispose()


def _document(row: Mapping[str, Any], where: str) -> Document | Refused:
    given = {name: str(row[name]) for name in _NAMES if row.get(name) is not None}
    if "id" not in given or "text" not in given:
        return Refused(where, f"the row has no id or no text; its columns: {', '.join(map(str, row))}")
    if not given["text"].strip():
        return Refused(where, f"row {given['id']!r} has no text", harmless=True)
    return Document(
        id=given["id"],
        text=given["text"],
        title=given.get("title", ""),
        source=given.get("source", where),
        licence=given.get("licence", ""),
    )
