"""Backup and restore: the database and the files of its releases, in one archive that can be checked."""

import gzip
import hashlib
import io
import os
import shutil
import sqlite3
import tarfile
import tempfile
import zlib
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import IO

import msgspec

from stepladder.core import StoreError, SystemClock
from stepladder.store.chain import HEAD_OF_JOURNAL
from stepladder.store.database import sqlite_file
from stepladder.store.journal import append_as_it_is, note_as_it_is
from stepladder.store.presence import Presence
from stepladder.store.rows import Note
from stepladder.store.schema import copy_database
from stepladder.store.tables import HEAD

_FORMAT = 1
_MANIFEST = "manifest.json"
_DATABASE = "stepladder.db"
_RELEASES = "releases"
_CHUNK = 1 << 20


@dataclass(frozen=True, slots=True)
class _File:
    sha256: str
    bytes: int


@dataclass(frozen=True, slots=True)
class Manifest:
    """What an archive holds: the schema's version, and the hash and size of each file."""

    format: int
    schema: str
    created_at: float
    files: dict[str, _File]


def backup(
    store_url: str, release_folder: Path, destination: Path, *, who: str = "cli", what: str = "backup"
) -> Manifest:
    """Write the archive `destination` (.tar.gz) while servers go on: it is whole or not there.

    The journal is told first, `who` and `what`: a backup of which it does not know is not made, and each holds its own
    line. The database is not migrated; it is copied before the files: what it names has had its files in place by then.
    Raises StoreError.
    """
    database = _database_file(store_url)
    if not database.exists():
        raise StoreError(f"There is no database at {database}.", remedy="Check ledger.url and server.data.")
    _schema(database)
    note_as_it_is(store_url, Note(SystemClock().time(), who, what, f"backup to {destination.name}"))
    partial = destination.with_name(destination.name + ".partial")
    try:
        with tempfile.TemporaryDirectory(prefix="backup-", dir=destination.parent) as folder:
            copy = Path(folder) / _DATABASE
            copy_database(database, copy)
            files = {_DATABASE: copy} | dict(_release_files(release_folder))
            manifest = Manifest(
                _FORMAT,
                _schema(copy),
                SystemClock().time(),
                {name: _describe(path) for name, path in files.items()},
            )
            _pack(partial, manifest, files)
        os.replace(partial, destination)
    except OSError as error:
        partial.unlink(missing_ok=True)
        raise StoreError(
            f"Cannot write the backup {destination}: {error.strerror or error}.",
            remedy="Check its folder and free space.",
        ) from error
    return manifest


def restore(
    source: Path, store_url: str, release_folder: Path, *, force: bool = False, who: str = "cli"
) -> Manifest:
    """Put an archive's database and release files in place.

    The archive is checked whole before anything is touched. Release files, which never change, are added to
    those that are there; the database's file comes last, in one rename, so the old state stands until the new
    one does. The journal that comes back says from the first moment on who did it, from which archive, and with which
    anchor the journal had ended that stood there before. Raises StoreError when the archive is damaged, when the target
    is in use, or when it exists and `force` is not given.
    """
    database = _database_file(store_url)
    try:
        database.parent.mkdir(parents=True, exist_ok=True)
        release_folder.mkdir(parents=True, exist_ok=True)
        with _alone(database), tempfile.TemporaryDirectory(prefix=".restore-", dir=release_folder) as folder:
            if not force and database.exists():
                raise StoreError(
                    f"There is a database at {database} already.", remedy="Restore with force to replace it."
                )
            manifest = _unpack(source, Path(folder))
            if (Path(folder) / _RELEASES).exists():
                _merge(Path(folder) / _RELEASES, release_folder)
            said = (
                f"{source.name} of {_when(manifest.created_at)}, in the place of {_journal_before(database)}"
            )
            _put_database(
                Path(folder) / _DATABASE, database, Note(SystemClock().time(), who, "restore", said)
            )
    except (OSError, sqlite3.Error) as error:
        raise StoreError(
            f"Cannot restore to {database}: {error}.", remedy="Check its folder's rights and free space."
        ) from error
    return manifest


def _database_file(store_url: str) -> Path:
    file = sqlite_file(store_url)
    if file is None:
        raise StoreError(
            "Only a SQLite file can be backed up and restored here.",
            remedy="For PostgreSQL use pg_dump and pg_restore.",
        )
    return file


def _schema(database: Path) -> str:
    with closing(sqlite3.connect(database)) as connection:
        try:
            return str(connection.execute("SELECT version_num FROM alembic_version").fetchone()[0])
        except (sqlite3.Error, TypeError) as error:
            raise StoreError(
                "The database is not Stepladder's, or was never set up.", remedy="Check ledger.url."
            ) from error


def _release_files(folder: Path) -> Iterator[tuple[str, Path]]:
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder)
        if path.is_file() and not any(part.startswith(".") for part in name.parts):
            yield f"{_RELEASES}/{name.as_posix()}", path


def _describe(path: Path) -> _File:
    with path.open("rb") as file:
        return _File(hashlib.file_digest(file, "sha256").hexdigest(), path.stat().st_size)


def _pack(archive: Path, manifest: Manifest, files: dict[str, Path]) -> None:
    descriptor = os.open(archive, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600)
    with open(descriptor, "wb") as raw:
        with (
            gzip.GzipFile(fileobj=raw, mode="wb", compresslevel=1) as packed,
            tarfile.open(fileobj=packed, mode="w|") as tar,
        ):
            text = msgspec.json.format(msgspec.json.encode(manifest))
            _add(tar, _MANIFEST, len(text), io.BytesIO(text))
            for name, path in files.items():
                with path.open("rb") as content:
                    _add(tar, name, manifest.files[name].bytes, content)
        raw.flush()
        os.fsync(raw.fileno())


def _add(tar: tarfile.TarFile, name: str, size: int, content: IO[bytes]) -> None:
    member = tarfile.TarInfo(name)
    member.size = size
    tar.addfile(member, content)


def _unpack(source: Path, folder: Path) -> Manifest:
    """Put every file that the manifest names into `folder`, checked; StoreError when anything is amiss."""
    try:
        with tarfile.open(source, "r|gz") as tar:
            manifest = _read_manifest(tar)
            waiting = dict(manifest.files)
            while (member := tar.next()) is not None:
                expected = waiting.pop(member.name, None)
                content = tar.extractfile(member) if member.isreg() else None
                if expected is None or content is None or member.size != expected.bytes:
                    raise _damaged(source, f"{member.name!r} does not belong there")
                _write_checked(content, folder / member.name, expected.sha256, source)
    except FileNotFoundError as error:
        raise StoreError(f"There is no backup at {source}.", remedy="Check the path.") from error
    except (tarfile.TarError, gzip.BadGzipFile, zlib.error, EOFError, msgspec.MsgspecError) as error:
        raise _damaged(source, str(error)) from error
    if waiting:
        raise _damaged(source, f"{next(iter(waiting))!r} is missing")
    return manifest


def _read_manifest(tar: tarfile.TarFile) -> Manifest:
    member = tar.next()
    content = tar.extractfile(member) if member is not None and member.isreg() else None
    if member is None or content is None or member.name != _MANIFEST:
        raise tarfile.ReadError("it does not begin with a manifest")
    manifest = msgspec.json.decode(content.read(), type=Manifest)
    if manifest.format != _FORMAT or manifest.schema > HEAD:
        raise StoreError(
            "The backup was made by a newer Stepladder.", remedy="Install that version, or a later one."
        )
    for name in manifest.files:
        parts = PurePosixPath(name).parts
        if name != _DATABASE and (
            parts[:1] != (_RELEASES,) or len(parts) < 2 or ".." in parts or "\\" in name
        ):
            raise tarfile.ReadError(f"{name!r} is no place for a file")
    if _DATABASE not in manifest.files:
        raise tarfile.ReadError("it holds no database")
    return manifest


def _write_checked(content: IO[bytes], path: Path, sha256: str, source: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    found = hashlib.sha256()
    with path.open("wb") as file:
        while chunk := content.read(_CHUNK):
            found.update(chunk)
            file.write(chunk)
        file.flush()
        os.fsync(file.fileno())
    if found.hexdigest() != sha256:
        raise _damaged(source, f"{path.name!r} is not what the manifest says")
    if path.name != _DATABASE:
        path.chmod(0o444)


def _damaged(source: Path, why: str) -> StoreError:
    return StoreError(
        f"The backup {source} is damaged: {why}.", remedy="Use another one; nothing has changed."
    )


@contextmanager
def _alone(database: Path) -> Iterator[None]:
    presence = Presence(database, alone=True)
    try:
        yield
    finally:
        presence.leave()


def _merge(source: Path, target: Path) -> None:
    for item in sorted(source.iterdir()):
        goal = target / item.name
        if item.is_dir() and goal.is_dir():
            _merge(item, goal)
        else:
            os.replace(item, goal)


def _when(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M UTC")


def _journal_before(database: Path) -> str:
    """What stands where a database is restored to; its lines go, so the new journal says where they had ended."""
    if not database.exists():
        return "nothing"
    query = "SELECT value FROM settings WHERE name = ?"
    try:
        with closing(sqlite3.connect(database)) as connection:
            found = connection.execute(query, (HEAD_OF_JOURNAL,)).fetchone()
    except sqlite3.Error:  # it may be its damage that it is replaced for
        return "a journal that could not be read"
    return f"a journal that ended with {found[0]}" if found else "a journal without a chain"


def _put_database(copy: Path, database: Path, note: Note) -> None:
    partial = database.with_name(database.name + ".restoring")
    for side in ("-wal", "-shm"):  # of one that was killed
        partial.with_name(partial.name + side).unlink(missing_ok=True)
    shutil.copyfile(copy, partial)
    partial.chmod(0o600)
    append_as_it_is(f"sqlite:///{partial}", note)
    with closing(sqlite3.connect(partial)) as connection:
        connection.execute("PRAGMA journal_mode = DELETE").close()
        connection.execute("DELETE FROM leases")  # their holders are long gone
        connection.commit()
    with partial.open("rb") as file:
        os.fsync(file.fileno())
    if database.exists():
        _fold_log(database)
    for side in ("-wal", "-shm"):
        database.with_name(database.name + side).unlink(missing_ok=True)
    os.replace(partial, database)


def _fold_log(database: Path) -> None:
    """Fold the old database's log into its file: it stays whole until the rename, and no log is left after.

    One that is too damaged for that is what is being replaced.
    """
    try:
        with closing(sqlite3.connect(database)) as connection:
            connection.execute("PRAGMA journal_mode = DELETE").close()
    except sqlite3.OperationalError:
        raise
    except sqlite3.DatabaseError:
        return
