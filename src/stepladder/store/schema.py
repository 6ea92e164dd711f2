"""Brings a database to this code's schema: makes a new one, migrates an old one whole or not at all."""

import logging
import os
import sqlite3
from contextlib import closing
from pathlib import Path

from sqlalchemy import Connection, func, insert, inspect, select
from sqlalchemy.exc import SQLAlchemyError

from stepladder.core import StoreError
from stepladder.store.database import Database
from stepladder.store.tables import HEAD, alembic_version, metadata, stamps

_log = logging.getLogger(__name__)
_TURN = 0x57E9_1ADD
"""The lock in PostgreSQL that processes take to migrate one after the other."""
SCRIPTS = Path(__file__).parent / "migrations"


def prepare(database: Database, *, migrate: bool = True, scripts: Path = SCRIPTS, head: str = HEAD) -> None:
    """Leave the database at version `head`, or as it was with a StoreError.

    An existing SQLite file is copied beside itself before it is migrated. Alembic is imported only for that.
    """
    with database.read() as connection:
        if _version(connection) == head:
            return
    with database.write() as connection:
        if not database.sqlite:  # which lets one write at a time by itself
            connection.execute(select(func.pg_advisory_xact_lock(_TURN)))
        version = _version(connection)  # again: another process may have come first
        if version == head:
            return
        if not migrate:
            raise StoreError(
                f"The database is at version {version or 'none'}, and this program needs {head}.",
                remedy="Start `stepladder serve` once: it brings the database up to date.",
            )
        if version is None:
            _create(connection, head)
        else:
            _upgrade(database, connection, scripts, version, head)


def _version(connection: Connection) -> str | None:
    if not inspect(connection).has_table(alembic_version.name):
        return None
    return connection.scalar(select(alembic_version.c.version_num))


def _create(connection: Connection, head: str) -> None:
    strangers = inspect(connection).get_table_names()
    if strangers:
        raise StoreError(
            f"The database holds tables that are not Stepladder's, such as {strangers[0]!r}.",
            remedy="Give ledger.url a database of its own.",
        )
    metadata.create_all(connection, checkfirst=False)
    connection.execute(insert(alembic_version).values(version_num=head))
    connection.execute(insert(stamps).values(id=1, value=1))


def _upgrade(database: Database, connection: Connection, scripts: Path, version: str, head: str) -> None:
    from alembic import command
    from alembic.config import Config
    from alembic.script import ScriptDirectory
    from alembic.util import CommandError

    config = Config()
    config.set_main_option("script_location", str(scripts).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    if version not in known:
        raise StoreError(
            f"The database is at version {version}, which is newer than this program ({head}).",
            remedy="Install a newer Stepladder, or restore a backup made by this one.",
        )
    copied = ""
    if database.file is not None:
        copy = database.file.with_name(f"{database.file.name}.before-{head}")
        copy_database(database.file, copy)
        copied = f"; as it was it is in {copy}"
    _log.info("The database goes from version %s to %s%s.", version, head, copied)
    try:
        command.upgrade(config, head)
    except (
        SQLAlchemyError,
        CommandError,
        ArithmeticError,
        LookupError,
        TypeError,
        ValueError,
        OSError,
    ) as error:
        reason = getattr(error, "orig", None) or error
        raise StoreError(
            f"The migration from {version} to {head} failed and was undone: {reason}.",
            remedy=f"Nothing has changed{copied}. Free some space or mend the database, and start again.",
        ) from error


def copy_database(source: Path, destination: Path) -> None:
    """Copy a SQLite database as it is now, also while others write; the copy is whole or not there.

    Uses SQLite's online backup (https://www.sqlite.org/backup.html). Raises StoreError.
    """
    partial = destination.with_name(destination.name + ".partial")
    try:
        os.close(os.open(partial, os.O_CREAT | os.O_RDWR | os.O_TRUNC, 0o600))
        with closing(sqlite3.connect(source)) as old, closing(sqlite3.connect(partial)) as new:
            old.backup(new)
            new.execute("PRAGMA journal_mode = DELETE").close()
        os.replace(partial, destination)
    except (OSError, sqlite3.Error) as error:
        partial.unlink(missing_ok=True)
        raise StoreError(
            f"Cannot copy the database to {destination}: {error}.", remedy="Check its free space and rights."
        ) from error
