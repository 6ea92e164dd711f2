"""Documents in and out of a collection: each change is one transaction over text, passages and index."""

import hashlib
import json
import sqlite3
import time
from collections.abc import Iterable, Sequence
from dataclasses import replace

from stepladder.core import BadRequest, Passage
from stepladder.knowledge import postings
from stepladder.knowledge.nouns import Change, Collection, Document, Stored
from stepladder.knowledge.splitting import Splitting, split
from stepladder.knowledge.terms import ANALYSER, document_terms

_MOST_ID = 512
_MOST_TEXT = 50_000_000
_PASSAGES_A_SEGMENT = 4096

Passages = list[tuple[int, Sequence[str]]]


def collection_number(connection: sqlite3.Connection, tenant: str, name: str, *, make: bool = False) -> int:
    """The tenant's own collection of that name. Raises BadRequest where there is none, unless it is to be made."""
    row = connection.execute(
        "SELECT number FROM collections WHERE tenant = ? AND name = ?", (tenant, name)
    ).fetchone()
    if row is not None:
        return int(row[0])
    if not make:
        known = [
            one[0] for one in connection.execute("SELECT name FROM collections WHERE tenant = ?", (tenant,))
        ]
        raise BadRequest(
            f"There is no collection {name!r}.",
            param="collection",
            remedy=f"Collections: {', '.join(sorted(known)) or 'none'}.",
        )
    if not name or len(name) > 100 or not name.isprintable():
        raise BadRequest(
            "A collection's name is 1 to 100 printable characters.",
            param="collection",
            remedy="Choose another.",
        )
    made = connection.execute(
        "INSERT INTO collections (tenant, name, analyser) VALUES (?, ?, ?)", (tenant, name, ANALYSER)
    )
    return int(made.lastrowid or 0)


def collections(connection: sqlite3.Connection, tenant: str | None) -> list[Collection]:
    """A tenant's collections, or everybody's (None)."""
    rows = connection.execute(
        "SELECT number, tenant, name, embedder, "
        "(SELECT count(*) FROM documents d WHERE d.collection = c.number), "
        "(SELECT count(*) FROM passages p WHERE p.collection = c.number) "
        "FROM collections c WHERE ? IS NULL OR tenant = ? ORDER BY tenant, name",
        (tenant, tenant),
    )
    return [Collection(row[0], row[1], row[2], row[4], row[5], row[3]) for row in rows]


def put(
    connection: sqlite3.Connection, collection: int, documents: Iterable[Document], how: Splitting
) -> dict[str, Change]:
    """Add, update or leave documents, as their content demands. Raises BadRequest naming the document.

    Of a document that comes twice, the last one counts.
    """
    changes: dict[str, Change] = {}
    fresh: Passages = []
    for document in {given.id: given for given in map(_written, documents)}.values():
        digest = _digest(document, how)
        row = connection.execute(
            "SELECT number, digest, version FROM documents WHERE collection = ? AND id = ?",
            (collection, document.id),
        ).fetchone()
        if row is not None and row["digest"] == digest:
            changes[document.id] = Change.UNCHANGED
            continue
        if row is not None:
            _forget(connection, collection, [row["number"]])
        version = 1 if row is None else row["version"] + 1
        fresh += _insert(connection, collection, document, how, (digest, version))
        changes[document.id] = Change.ADDED if row is None else Change.UPDATED
    postings.write(connection, collection, fresh)
    postings.tidy(connection, collection)
    return changes


def outdated(connection: sqlite3.Connection) -> list[int]:
    """Collections that were indexed by another analyser than ours."""
    rows = connection.execute("SELECT number FROM collections WHERE analyser <> ?", (ANALYSER,))
    return [row[0] for row in rows]


def index_anew(connection: sqlite3.Connection, collection: int) -> None:
    """Write a collection's postings again from its passages; texts and vectors stay."""
    connection.execute("DELETE FROM segments WHERE collection = ?", (collection,))
    rows = connection.execute(
        "SELECT p.number, d.title, p.heading, p.text FROM passages p JOIN documents d ON d.number = p.document "
        "WHERE p.collection = ? ORDER BY p.number",
        (collection,),
    )
    while batch := rows.fetchmany(_PASSAGES_A_SEGMENT):
        postings.write(connection, collection, [(row[0], _terms(*row[1:])) for row in batch])
    connection.execute(
        "UPDATE collections SET analyser = ?, removed = 0 WHERE number = ?", (ANALYSER, collection)
    )
    postings.tidy(connection, collection)


def parts_of(connection: sqlite3.Connection, collection: int, path: str) -> list[str]:
    """Ids of what came of a file: itself, or its parts, which are called PATH#..."""
    rows = connection.execute(
        "SELECT id FROM documents WHERE collection = ? AND source = ? AND (id = ? OR (id > ? AND id < ?))",
        (collection, path, path, f"{path}#", f"{path}$"),
    )
    return [row[0] for row in rows]


def remove(connection: sqlite3.Connection, collection: int, ids: Iterable[str]) -> int:
    """Take documents out; how many there were."""
    numbers = [
        row[0]
        for id in ids
        for row in connection.execute(
            "SELECT number FROM documents WHERE collection = ? AND id = ?", (collection, id)
        )
    ]
    _forget(connection, collection, numbers)
    postings.tidy(connection, collection)
    return len(numbers)


def expire(connection: sqlite3.Connection, before: float) -> int:
    """Take out documents that were changed before then and that no source shows any more; how many there were."""
    rows = connection.execute(
        "SELECT d.collection, d.id FROM documents d WHERE d.changed_at < ? AND NOT EXISTS "
        "(SELECT 1 FROM sources s JOIN shown ON shown.source = s.number, json_each(shown.documents) "
        "WHERE s.collection = d.collection AND json_each.value = d.id)",
        (before,),
    ).fetchall()
    by_collection: dict[int, list[str]] = {}
    for collection, id in rows:
        by_collection.setdefault(collection, []).append(id)
    return sum(remove(connection, collection, ids) for collection, ids in by_collection.items())


def naming(connection: sqlite3.Connection, text: str, tenant: str | None) -> list[tuple[str, str, str]]:
    """Documents that hold a text, in whatever letters' case, as (tenant, collection, id)."""
    rows = connection.execute(
        "SELECT DISTINCT c.tenant, c.name, d.id FROM documents d JOIN collections c ON c.number = d.collection "
        "LEFT JOIN passages p ON p.document = d.number WHERE (? IS NULL OR c.tenant = ?) AND "
        "(instr(lower(d.title), lower(?)) OR instr(lower(p.heading), lower(?)) OR instr(lower(p.text), lower(?))) "
        "ORDER BY c.tenant, c.name, d.id",
        (tenant, tenant, text, text, text),
    )
    return [(row[0], row[1], row[2]) for row in rows]


def listed(
    connection: sqlite3.Connection, collection: int, *, after: str = "", most: int = 100
) -> list[Stored]:
    """Documents in the order of their ids, those after the id `after`."""
    rows = connection.execute(
        "SELECT d.*, (SELECT count(*) FROM passages p WHERE p.document = d.number) AS passages, "
        "(SELECT count(*) FROM passages p WHERE p.document = d.number AND p.embedded) "
        "AS embedded FROM documents d WHERE collection = ? AND id > ? ORDER BY id LIMIT ?",
        (collection, after, most),
    )
    return [_stored(row) for row in rows]


def passages_of(connection: sqlite3.Connection, collection: int, id: str) -> list[Passage]:
    """A document's passages in their order. Raises BadRequest where there is no such document."""
    rows = connection.execute(
        "SELECT p.*, d.id, d.title, d.source, c.name FROM documents d JOIN passages p ON p.document = d.number "
        "JOIN collections c ON c.number = d.collection WHERE d.collection = ? AND d.id = ? ORDER BY p.place",
        (collection, id),
    ).fetchall()
    if not rows:
        raise BadRequest("There is no such document.", param="id", remedy="See: stepladder knowledge list.")
    return [passage(row) for row in rows]


def passage(row: sqlite3.Row) -> Passage:
    """A row of passages joined with its document (id, title, source) and its collection's name."""
    return Passage(
        number=row["number"],
        collection=row["name"],
        document=row["id"],
        text=row["text"],
        title=row["title"],
        heading=row["heading"],
        source=row["source"],
        place=row["place"],
        start=row["start"],
    )


def _insert(
    connection: sqlite3.Connection,
    collection: int,
    document: Document,
    how: Splitting,
    state: tuple[bytes, int],
) -> Passages:
    digest, version = state
    number = connection.execute(
        "INSERT INTO documents (collection, id, digest, version, title, source, licence, tags, groups, valid_from, "
        "valid_until, changed_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            *(collection, document.id, digest, version, document.title, document.source, document.licence),
            *(json.dumps(document.tags), json.dumps(document.groups)),
            *(document.valid_from, document.valid_until, time.time()),
        ),
    ).lastrowid
    fresh: Passages = []
    for place, piece in enumerate(split(document.text, how)):
        text = document.text[piece.start : piece.end]
        row = connection.execute(
            "INSERT INTO passages (collection, document, place, start, heading, text) VALUES (?, ?, ?, ?, ?, ?)",
            (collection, number, place, piece.start, piece.heading, text),
        )
        fresh.append((int(row.lastrowid or 0), _terms(document.title, piece.heading, text)))
    return fresh


def _terms(title: str, heading: str, text: str) -> list[str]:
    """A title is said once more than the text says it: measured, it is worth about .01 of nDCG@10."""
    return [term for part in (title, heading, text) for term in document_terms(part)]


def _forget(connection: sqlite3.Connection, collection: int, documents: Sequence[int]) -> None:
    """Rows go at once, postings when their segment is merged: a search looks each passage up."""
    for number in documents:
        (count,) = connection.execute(
            "SELECT count(*) FROM passages WHERE document = ?", (number,)
        ).fetchone()
        connection.execute(
            "UPDATE collections SET removed = removed + ? WHERE number = ?", (count, collection)
        )
        connection.execute("DELETE FROM documents WHERE number = ?", (number,))


def _written(given: Document) -> Document:
    """What can be written of a document: half a surrogate pair, which no file can hold, becomes a question mark."""
    texts = {name: getattr(given, name) for name in ("id", "text", "title", "source", "licence")}
    document = replace(
        given, **{name: text.encode("utf-8", "replace").decode() for name, text in texts.items()}
    )
    check(document)
    return document


def check(document: Document) -> None:
    """Raise BadRequest, naming it, for a document that cannot be taken."""
    if not document.id or len(document.id) > _MOST_ID:
        raise BadRequest(
            f"A document's id has 1 to {_MOST_ID} characters.", param="id", remedy="Give another id."
        )
    where = f"Document {document.id!r}"
    if not document.text.strip():
        raise BadRequest(f"{where} has no text.", param="text", remedy="Leave it out, or give it text.")
    begin, end = document.valid_from, document.valid_until
    if begin is not None and end is not None and end <= begin:
        raise BadRequest(
            f"{where} would be found until {end:g} and only from {begin:g} on: never.",
            param="valid_until",
            remedy="Give a valid_until that is later than valid_from.",
        )
    if len(document.text) > _MOST_TEXT:
        raise BadRequest(
            f"{where} has over {_MOST_TEXT} characters.", param="text", remedy="Cut it into documents."
        )


def _digest(document: Document, how: Splitting) -> bytes:
    """What makes two documents the same: everything about them, and how they are split."""
    parts = (
        *(document.text, document.title, document.source, document.licence, document.tags, document.groups),
        *(document.valid_from, document.valid_until, how.limit, how.overlap),
    )
    return hashlib.sha256(json.dumps(parts).encode()).digest()


def _stored(row: sqlite3.Row) -> Stored:
    return Stored(
        id=row["id"],
        title=row["title"],
        version=row["version"],
        passages=row["passages"],
        embedded=row["embedded"],
        source=row["source"],
        tags=tuple(json.loads(row["tags"])),
        groups=tuple(json.loads(row["groups"])),
        changed_at=row["changed_at"],
        licence=row["licence"],
        valid_from=row["valid_from"],
        valid_until=row["valid_until"],
    )
