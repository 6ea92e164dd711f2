"""A table's rows as entries of the dictionary: laid out beside them first, compared there, and taken in at once.

Temporary tables hold the rows, so that neither memory nor the time for which others may not write grows with what has not
changed. Until the last transaction nothing is touched.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice

from sqlalchemy import (
    Column,
    Connection,
    Integer,
    MetaData,
    Select,
    String,
    Table,
    Text,
    UniqueConstraint,
    and_,
    delete,
    exists,
    func,
    insert,
    literal,
    or_,
    select,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite

from stepladder.core import Progress
from stepladder.store.tables import entries, entry_changes

Row = tuple[str, str, str]
"""(kind, key, answer)."""
_BATCH = 10_000
_metadata = MetaData()
_given = Table(
    "synced_given",
    _metadata,
    Column("kind", String, primary_key=True),
    Column("key", String, primary_key=True),
    Column("answer", Text, nullable=False),
    Column("at", Integer, nullable=False),
    prefixes=["TEMPORARY"],
)
_changed = Table(
    "synced_changed",
    _metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("kind", String, nullable=False),
    Column("key", String, nullable=False),
    Column("before", Text),
    Column("after", Text),
    UniqueConstraint("kind", "key"),  # each changed entry is looked up by its name
    prefixes=["TEMPORARY"],
)


@dataclass(frozen=True, slots=True)
class Synced:
    """How many entries a table gives, and how many of the task's were put, changed or taken out for it."""

    given: int
    changed: int


@contextmanager
def laid_out(connection: Connection, rows: Iterable[Row], progress: Progress) -> Iterator[int]:
    """Lay rows out in a table of this connection's own; how many there are. Of several with one name the last counts."""
    with connection.begin():
        _metadata.create_all(connection, checkfirst=False)
    try:
        with connection.begin():
            _put(connection, rows, progress)
            count = connection.scalar(select(func.count()).select_from(_given)) or 0
        yield count
    finally:
        with connection.begin():
            _metadata.drop_all(connection, checkfirst=False)


def compare(connection: Connection, task: str, who: str) -> int:
    """Find out, in one moment, what has to change; how many entries that is."""
    this = and_(entries.c.task == task, entries.c.kind == _given.c.kind, entries.c.key == _given.c.key)
    other = or_(entries.c.key.is_(None), entries.c.answer != _given.c.answer, entries.c.who != who)
    fresh = (
        select(_given.c.kind, _given.c.key, entries.c.answer, _given.c.answer)
        .select_from(_given.outerjoin(entries, this))
        .where(other)
        .order_by(_given.c.at)
    )
    kept = exists().where(_given.c.kind == entries.c.kind, _given.c.key == entries.c.key)
    gone = (
        select(entries.c.kind, entries.c.key, entries.c.answer, literal(None, Text))
        .where(entries.c.task == task, entries.c.who == who, ~kept)
        .order_by(entries.c.kind, entries.c.key)
    )
    connection.execute(delete(_changed))
    for rows in (fresh, gone):
        connection.execute(insert(_changed).from_select(["kind", "key", "before", "after"], rows))
    return connection.scalar(select(func.count()).select_from(_changed)) or 0


def take_in(connection: Connection, task: str, who: str, now: float, keep: int) -> None:
    """Let the entries be what was compared, and write the last `keep` changes down."""
    last = select(func.max(_changed.c.id)).scalar_subquery()
    told = (
        select(literal(task), _changed.c.kind, _changed.c.key, _changed.c.before, _changed.c.after)
        .add_columns(literal(who), literal(now))
        .where(_changed.c.id > last - keep)
        .order_by(_changed.c.id)
    )
    names = ["task", "kind", "key", "before", "after", "who", "at"]
    connection.execute(insert(entry_changes).from_select(names, told))
    newest = select(func.max(entry_changes.c.id)).scalar_subquery()
    connection.execute(
        delete(entry_changes).where(entry_changes.c.task == task, entry_changes.c.id <= newest - keep)
    )
    this = and_(entries.c.task == task, entries.c.kind == _changed.c.kind, entries.c.key == _changed.c.key)
    connection.execute(delete(entries).where(exists().where(this, _changed.c.after.is_(None))))
    stays = and_(this, _changed.c.before.is_not(None), _changed.c.after.is_not(None))
    connection.execute(update(entries).where(stays).values(answer=_changed.c.after, who=who, at=now))
    connection.execute(insert(entries).from_select(list(entries.c.keys()), _now(task, who, now)))


def _now(task: str, who: str, now: float) -> Select[tuple[str, str, str, str, str, float]]:
    """The new rows of `entries`, in the order of its key: pages are filled one after the other."""
    return (
        select(literal(task), _changed.c.kind, _changed.c.key, _changed.c.after, literal(who), literal(now))
        .where(_changed.c.before.is_(None))
        .order_by(_changed.c.kind, _changed.c.key)
    )


def _put(connection: Connection, rows: Iterable[Row], progress: Progress) -> None:
    made = (postgresql if connection.dialect.name == "postgresql" else sqlite).insert(_given)
    put = made.on_conflict_do_update(index_elements=["kind", "key"], set_={"answer": made.excluded.answer})
    done = 0
    left = iter(rows)
    while some := list(islice(left, _BATCH)):
        values = [
            {"kind": kind, "key": key, "answer": answer, "at": at}
            for at, (kind, key, answer) in enumerate(some, done)
        ]
        connection.execute(put, values)
        done += len(some)
        progress(done, 0, "rows")
