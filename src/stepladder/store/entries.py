"""The dictionary's entries: answers that the owner has given by hand, what they were before, and the way back."""

from collections.abc import Iterable, Iterator
from hashlib import sha256

from sqlalchemy import Connection, Delete, delete, func, insert, select

from stepladder.core import BadRequest, Clock, Progress
from stepladder.store.chain import append
from stepladder.store.database import Database, bump
from stepladder.store.rows import Entry, EntryChange, Note
from stepladder.store.syncing import Row, Synced, compare, laid_out, take_in
from stepladder.store.tables import entries, entry_changes, entry_versions

EVERYWHERE = "*"
"""The task of what holds for all tasks and models."""
WORD = "word"
"""The kind of what guards look for; its answer is what they do."""
_KINDS = ("exact", "fact", "normalised", "pattern", "phrase", "synonym", "term", WORD)
_COLUMNS = ("task", "key", "answer", "kind", "who", "at")
_KEPT = 10_000
"""Edits of a task that can be taken back."""

Given = tuple[str, str, str | None]
"""(kind, key, answer), the answer None where the entry is to go."""


def _quietly(done: int, total: int, what: str) -> None:
    """Nobody watches."""


class Entries:
    """Entries by task, kind and key; `version` changes with every change of a task's entries."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    def put(self, task: str, key: str, answer: str, who: str, kind: str = "exact") -> tuple[int, int]:
        """Add an entry, or replace the one with this task, kind and key; the versions before and after."""
        _check(kind)
        with self._database.write() as connection:
            self._change(connection, task, (kind, key, answer), who)
            self._note(connection, who, "dictionary put", f"{task}: {kind} entry {_name(key)}")
            return self._changed(connection, task)

    def remove(self, task: str, key: str, kind: str = "exact", who: str = "") -> tuple[int, int] | None:
        """Take an entry out; the versions before and after, None when there is no such entry."""
        _check(kind)
        with self._database.write() as connection:
            if not self._change(connection, task, (kind, key, None), who):
                return None
            self._note(connection, who, "dictionary remove", f"{task}: {kind} entry {_name(key)}")
            return self._changed(connection, task)

    def sync(self, task: str, given: Iterable[Row], who: str, progress: Progress = _quietly) -> Synced:
        """Make a table's rows this task's entries, all at once or, where one of them raises, not at all.

        What `who` put at an earlier time and does not give now is taken out; entries of others stay, unless they are given.
        Rows are read one by one; others may write until they are taken in.
        """
        with (
            self._database.connected() as connection,
            laid_out(connection, _checked(given), progress) as rows,
        ):
            with connection.begin():
                seen, changed = _version(connection, task), compare(connection, task, who)
            if not changed:
                return Synced(rows, 0)
            progress(changed, changed, "taking in")
            with self._database.writing(connection):
                if _version(connection, task) != seen:  # somebody has edited since
                    changed = compare(connection, task, who)
                take_in(connection, task, who, self._clock.time(), _KEPT)
                self._note(connection, who, "dictionary sync", f"{task}: {changed} entries")
                self._changed(connection, task)
            return Synced(rows, changed)

    def history(self, task: str, most: int = 100) -> list[EntryChange]:
        """The latest edits of a task's entries, the newest first."""
        query = select(entry_changes).where(entry_changes.c.task == task).order_by(entry_changes.c.id.desc())
        with self._database.read() as connection:
            return [EntryChange(*row) for row in connection.execute(query.limit(most))]

    def undo(self, task: str, who: str, id: int | None = None) -> EntryChange | None:
        """Take an edit back: this one, or the last that was not; what it was, None when there is none.

        The entry says again what it said before, whatever became of it since; so an undo may be undone by its own id.
        """
        with self._database.write() as connection:
            change = _undoable(connection, task, id)
            if change is None:
                return None
            given = change.kind, change.key, change.before
            self._change(connection, task, given, who, undoes=change.id)
            self._note(connection, who, "dictionary undo", f"{task}: {change.kind} entry {_name(change.key)}")
            self._changed(connection, task)
            return change

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

    def changes(self, task: str, after: int) -> tuple[int, int]:
        """How many changes came after one (0: all that are kept), and the latest one's id."""
        query = select(func.count(), func.max(entry_changes.c.id)).where(
            entry_changes.c.task == task, entry_changes.c.id > after
        )
        with self._database.read() as connection:
            count, last = connection.execute(query).one()
        return int(count), int(last or after)

    def _change(
        self, connection: Connection, task: str, given: Given, who: str, *, undoes: int | None = None
    ) -> bool:
        """Let an entry say this from now on; whether anything changed."""
        kind, key, answer = given
        this = select(entries.c.answer, entries.c.who).where(
            entries.c.task == task, entries.c.kind == kind, entries.c.key == key
        )
        row = connection.execute(this).first()
        before = None if row is None else row.answer
        if before == answer and (row is None or row.who == who) and undoes is None:
            return False
        now = self._clock.time()
        connection.execute(_this(task, key, kind))
        if answer is not None:
            values = {"task": task, "key": key, "answer": answer, "kind": kind, "who": who, "at": now}
            connection.execute(insert(entries).values(values))
        change = {"task": task, "kind": kind, "key": key, "before": before, "after": answer}
        made = connection.execute(insert(entry_changes).values(**change, undoes=undoes, who=who, at=now))
        old = int(made.inserted_primary_key[0]) - _KEPT if made.inserted_primary_key else 0
        if old > 0:
            connection.execute(
                delete(entry_changes).where(entry_changes.c.task == task, entry_changes.c.id <= old)
            )
        return True

    def _note(self, connection: Connection, who: str, what: str, detail: str) -> None:
        append(connection, Note(self._clock.time(), who, what, detail))

    @staticmethod
    def _changed(connection: Connection, task: str) -> tuple[int, int]:
        before, after = _version(connection, task), bump(connection)
        connection.execute(delete(entry_versions).where(entry_versions.c.task == task))
        connection.execute(insert(entry_versions).values(task=task, version=after))
        return before, after


def _undoable(connection: Connection, task: str, id: int | None) -> EntryChange | None:
    query = select(entry_changes).where(entry_changes.c.task == task)
    if id is not None:
        query = query.where(entry_changes.c.id == id)
    else:
        done = select(entry_changes.c.undoes).where(entry_changes.c.undoes.is_not(None))
        query = query.where(entry_changes.c.undoes.is_(None), entry_changes.c.id.not_in(done))
    row = connection.execute(query.order_by(entry_changes.c.id.desc()).limit(1)).first()
    return None if row is None else EntryChange(*row)


def _name(key: str) -> str:
    """An entry's name in the journal, which keeps no text for good: SHA-256 of its key, shortened."""
    return sha256(key.encode("utf-8", "surrogatepass")).hexdigest()[:16]


def _version(connection: Connection, task: str) -> int:
    query = select(entry_versions.c.version).where(entry_versions.c.task == task)
    return int(connection.execute(query).scalar() or 0)


def _this(task: str, key: str, kind: str) -> Delete:
    return delete(entries).where(entries.c.task == task, entries.c.kind == kind, entries.c.key == key)


def _checked(given: Iterable[Row]) -> Iterator[Row]:
    for number, row in enumerate(given, 1):
        _check(row[0], f"Row {number}: there")
        yield row


def _check(kind: str, there: str = "There") -> None:
    if kind not in _KINDS:
        raise BadRequest(
            f"{there} is no kind of entry named {kind!r}.",
            param="kind",
            remedy=f"Kinds: {', '.join(_KINDS)}.",
        )
