"""The learned orders of a file's collections: versions, one of them in force, or none."""

import sqlite3
import time
from dataclasses import dataclass

import msgspec

from stepladder.knowledge.ranker import Ranker


@dataclass(frozen=True, slots=True)
class Worth:
    """What a learned order gains: nDCG@10 by fusion alone and `tuned`, over questions that it was not fitted on.

    `error` is the standard error of the difference, question by question.
    """

    questions: int
    plain: float
    tuned: float
    error: float

    @property
    def better(self) -> bool:
        """Whether it gains more than chance would give or take."""
        return self.tuned - self.plain > self.error


@dataclass(frozen=True, slots=True)
class Kept:
    """A version of a collection's learned order: who made it when, whether it is in force, and what it was worth."""

    version: int
    made_at: float
    made_by: str
    in_force: bool
    worth: Worth


def in_force(connection: sqlite3.Connection, collection: int) -> Ranker | None:
    """The collection's learned order, None where there is none."""
    row = connection.execute(
        "SELECT ranker FROM rankers WHERE collection = ? AND in_force", (collection,)
    ).fetchone()
    return msgspec.json.decode(row[0], type=Ranker) if row is not None else None


def keep(connection: sqlite3.Connection, collection: int, ranker: Ranker, worth: Worth, by: str) -> int:
    """Put it in force, instead of what was; its version."""
    forget(connection, collection)
    (version,) = connection.execute(
        "SELECT coalesce(max(version), 0) + 1 FROM rankers WHERE collection = ?", (collection,)
    ).fetchone()
    connection.execute(
        "INSERT INTO rankers (collection, version, made_at, made_by, in_force, ranker, questions, plain, tuned, error) "
        "VALUES (?, ?, ?, ?, 1, ?, ?, ?, ?, ?)",
        (
            *(collection, version, time.time(), by, msgspec.json.encode(ranker).decode()),
            *(worth.questions, worth.plain, worth.tuned, worth.error),
        ),
    )
    return int(version)


def forget(connection: sqlite3.Connection, collection: int) -> bool:
    """Take the learned order out of force, so that fusion has the last word; whether there was one."""
    gone = connection.execute(
        "UPDATE rankers SET in_force = 0 WHERE collection = ? AND in_force", (collection,)
    )
    return gone.rowcount > 0


def history(connection: sqlite3.Connection, collection: int) -> list[Kept]:
    """Every version, the newest first."""
    rows = connection.execute(
        "SELECT version, made_at, made_by, in_force, questions, plain, tuned, error FROM rankers "
        "WHERE collection = ? ORDER BY version DESC",
        (collection,),
    )
    return [Kept(row[0], row[1], row[2], bool(row[3]), Worth(*row[4:])) for row in rows]
