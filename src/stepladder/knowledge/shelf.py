"""What one source has put into a collection: the state of everything it showed, and the documents that came of it."""

import json
import sqlite3
from collections.abc import Callable, Iterable, Sequence
from itertools import islice

from stepladder.knowledge import documents
from stepladder.knowledge.file import KnowledgeFile
from stepladder.knowledge.nouns import Change, Document
from stepladder.knowledge.splitting import Splitting

_DOCUMENTS_A_COMMIT = 256


class Shelf:
    """One source's part of a collection. Each change is one transaction, the state of a thing the last part of its own."""

    def __init__(
        self, file: KnowledgeFile, name: str, collection: str, tenant: str, labels: str = ""
    ) -> None:
        """`labels` stands for what the source says of all its documents. The collection is made where there is none.

        Raises BadRequest for a name that it cannot have.
        """
        self._file = file
        self._labels = labels
        with file.write() as connection:
            self._collection = documents.collection_number(connection, tenant, collection, make=True)
            connection.execute(
                "INSERT INTO sources (collection, name) VALUES (?, ?) ON CONFLICT DO NOTHING",
                (self._collection, name),
            )
            (self._number,) = connection.execute(
                "SELECT number FROM sources WHERE collection = ? AND name = ?", (self._collection, name)
            ).fetchone()

    def known(self) -> dict[str, str]:
        """What the source showed last time: key -> state."""
        with self._file.read() as connection:
            rows = connection.execute("SELECT key, state FROM shown WHERE source = ?", (self._number,))
            return {row[0]: row[1] for row in rows}

    def otherwise(self) -> set[str]:
        """Things whose documents were labelled in another way than they would be now."""
        with self._file.read() as connection:
            rows = connection.execute(
                "SELECT key FROM shown WHERE source = ? AND labels <> ? AND documents <> '[]'",
                (self._number, self._labels),
            )
            return {row[0] for row in rows}

    def lose(self, reason: str) -> None:
        """Write down why the source could not be looked at though it should be there; "" where it could."""
        with self._file.write() as connection:
            connection.execute(
                "UPDATE sources SET lost = ? WHERE number = ? AND lost <> ?", (reason, self._number, reason)
            )

    def put(
        self, key: str, state: str, given: Iterable[Document], whole: Callable[[], bool] = lambda: True
    ) -> tuple[list[Change], int]:
        """Write a thing's documents, take out those it had and has no more; what happened to each, and how many went.

        `whole` is asked when all were read: of a thing that was not, what it had stays.

        Raises BadRequest naming a document that cannot be taken; then the thing is as new at the next visit.
        """
        changes: list[Change] = []
        ids: list[str] = []
        source = iter(given)
        while batch := list(islice(source, _DOCUMENTS_A_COMMIT)):
            with self._file.write() as connection:
                done = documents.put(connection, self._collection, batch, Splitting())
            changes += done.values()
            ids += done
        with self._file.write() as connection:
            had = set(self._ids(connection, key)) - set(ids)
            removed = self._drop(connection, had, key) if whole() else 0
            ids += () if whole() else sorted(had)
            connection.execute(
                "INSERT INTO shown (source, key, state, documents, labels) VALUES (?, ?, ?, ?, ?) ON CONFLICT "
                "DO UPDATE SET state = excluded.state, documents = excluded.documents, labels = excluded.labels",
                (self._number, key, state, json.dumps(ids), self._labels),
            )
        return changes, removed

    def forget(self, keys: Sequence[str]) -> int:
        """Take out all that came of these things; how many documents went."""
        removed = 0
        for key in keys:
            with self._file.write() as connection:
                removed += self._drop(connection, set(self._ids(connection, key)), key)
                connection.execute("DELETE FROM shown WHERE source = ? AND key = ?", (self._number, key))
        return removed

    def _ids(self, connection: sqlite3.Connection, key: str) -> list[str]:
        row = connection.execute(
            "SELECT documents FROM shown WHERE source = ? AND key = ?", (self._number, key)
        ).fetchone()
        return json.loads(row[0]) if row is not None else []

    def _drop(self, connection: sqlite3.Connection, ids: set[str], key: str) -> int:
        """Remove documents that nothing else that was shown has brought too."""
        mine = [
            id
            for id in ids
            if connection.execute(
                "SELECT 1 FROM shown JOIN sources ON number = source WHERE collection = ? "
                "AND NOT (source = ? AND key = ?) AND EXISTS "
                "(SELECT 1 FROM json_each(documents) WHERE value = ?) LIMIT 1",
                (self._collection, self._number, key, id),
            ).fetchone()
            is None
        ]
        return documents.remove(connection, self._collection, mine)
