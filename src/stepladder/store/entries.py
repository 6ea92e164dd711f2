"""The dictionary's entries: answers that the owner has given by hand."""

from hashlib import sha256

from sqlalchemy import Connection, Delete, delete, insert, select

from stepladder.core import BadRequest, Clock
from stepladder.store.chain import append
from stepladder.store.database import Database, bump
from stepladder.store.rows import Entry, Note
from stepladder.store.tables import entries, entry_versions

_KINDS = ("exact", "normalised", "pattern", "phrase")
_COLUMNS = ("task", "key", "answer", "kind", "who", "at")


class Entries:
    """Entries by task, kind and key; `version` changes with every change of a task's entries."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    def put(self, task: str, key: str, answer: str, who: str, kind: str = "exact") -> tuple[int, int]:
        """Add an entry, or replace the one with this task, kind and key; the versions before and after."""
        _check(kind)
        values = {"task": task, "key": key, "answer": answer, "kind": kind, "who": who}
        with self._database.write() as connection:
            connection.execute(_this(task, key, kind))
            connection.execute(insert(entries).values(values | {"at": self._clock.time()}))
            self._note(connection, who, "dictionary put", f"{task}: {kind} entry {_name(key)}")
            return self._changed(connection, task)

    def remove(self, task: str, key: str, kind: str = "exact", who: str = "") -> tuple[int, int] | None:
        """Take an entry out; the versions before and after, None when there is no such entry."""
        _check(kind)
        with self._database.write() as connection:
            if connection.execute(_this(task, key, kind)).rowcount == 0:
                return None
            self._note(connection, who, "dictionary remove", f"{task}: {kind} entry {_name(key)}")
            return self._changed(connection, task)

    def list(self, task: str) -> list[Entry]:
        """A task's entries, by key."""
        query = select(*(entries.c[name] for name in _COLUMNS)).where(entries.c.task == task)
        with self._database.read() as connection:
            return [Entry(*row) for row in connection.execute(query.order_by(entries.c.key, entries.c.kind))]

    def snapshot(self, task: str) -> tuple[Entry, ...]:
        """A task's entries, for keeping."""
        return tuple(self.list(task))

    def version(self, task: str) -> int:
        """A number that never comes back once the task's entries have changed; 0 before the first."""
        with self._database.read() as connection:
            return _version(connection, task)

    def _note(self, connection: Connection, who: str, what: str, detail: str) -> None:
        append(connection, Note(self._clock.time(), who, what, detail))

    @staticmethod
    def _changed(connection: Connection, task: str) -> tuple[int, int]:
        before, after = _version(connection, task), bump(connection)
        connection.execute(delete(entry_versions).where(entry_versions.c.task == task))
        connection.execute(insert(entry_versions).values(task=task, version=after))
        return before, after


def _name(key: str) -> str:
    """An entry's name in the journal, which keeps no text for good: SHA-256 of its key, shortened."""
    return sha256(key.encode("utf-8", "surrogatepass")).hexdigest()[:16]


def _version(connection: Connection, task: str) -> int:
    query = select(entry_versions.c.version).where(entry_versions.c.task == task)
    return int(connection.execute(query).scalar() or 0)


def _this(task: str, key: str, kind: str) -> Delete:
    return delete(entries).where(entries.c.task == task, entries.c.kind == kind, entries.c.key == key)


def _check(kind: str) -> None:
    if kind not in _KINDS:
        raise BadRequest(
            f"There is no kind of entry named {kind!r}.", param="kind", remedy=f"Kinds: {', '.join(_KINDS)}."
        )
