"""A backup is one moment of a serving store; a restore is that moment, or nothing at all."""

import asyncio
import hashlib
import io
import json
import sqlite3
import subprocess
import sys
import tarfile
from contextlib import closing
from pathlib import Path

import pytest

from stepladder.core import StoreError
from stepladder.store import Anchor, Store, backup, restore
from stepladder.store.tables import HEAD
from tests.store.samples import row


@pytest.fixture
def releases(tmp_path):
    folder = tmp_path / "data" / "releases"
    (folder / "天气" / "linear-1").mkdir(parents=True)
    (folder / "天气" / "linear-1" / "model.safetensors").write_bytes(b"weights" * 1000)
    (folder / ".settling-x").mkdir()
    (folder / ".settling-x" / "half.json").write_text("{")
    return folder


@pytest.fixture
def archive(store, url, releases, tmp_path):
    store.ledger.write_many([row(1), row(2)])
    store.leases.take("flywheel", "dead", 1e9)
    backup(url, releases, tmp_path / "b.tar.gz")
    return tmp_path / "b.tar.gz"


@pytest.fixture
def target(tmp_path):
    """Where to restore to, elsewhere."""
    return f"sqlite:///{tmp_path}/new/stepladder.db", tmp_path / "new" / "releases"


def _files(folder):
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()
    }


def _rewrite(archive, change):
    """The archive again, with every member (name, data) sent through `change`, which may drop it with None."""
    with tarfile.open(archive) as tar:
        members = [(member.name, tar.extractfile(member).read()) for member in tar]
    with tarfile.open(archive, "w:gz") as tar:
        for name, data in filter(None, (change(*member) for member in members)):
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))


def test_a_restored_store_is_the_one_that_was_backed_up(archive, store, target):
    url, folder = target
    manifest = restore(archive, url, folder)
    assert set(manifest.files) == {"stepladder.db", "releases/天气/linear-1/model.safetensors"}
    again = Store.open(url)
    assert [again.ledger.get(id) for id in ("r1", "r2")] == [store.ledger.get(id) for id in ("r1", "r2")]
    assert again.ledger.last_seq() == 2
    assert again.leases.take("flywheel", "me", 10)
    again.close()
    assert _files(folder) == {"天气/linear-1/model.safetensors": b"weights" * 1000}


async def test_a_backup_while_rows_are_written_holds_all_that_were_acknowledged(
    store, url, releases, tmp_path, target
):
    acknowledged = []
    going = True

    async def client(number):
        while going:
            await store.ledger.commit(row(number))
            acknowledged.append(f"r{number}")
            number += 4

    clients = [asyncio.ensure_future(client(first)) for first in range(4)]
    await asyncio.sleep(0.1)
    before = list(acknowledged)
    await asyncio.to_thread(backup, url, releases, tmp_path / "b.tar.gz")
    going = False
    await asyncio.gather(*clients)
    restore(tmp_path / "b.tar.gz", *target)
    again = Store.open(target[0])
    assert before and all(again.ledger.get(id) for id in before)
    held = [id for id in acknowledged if again.ledger.get(id)]
    assert len(held) == again.ledger.last_seq()  # one moment: nothing after it, and no gap before it
    again.close()
    assert len(acknowledged) > len(before)


def test_an_archive_is_private_and_leaves_nothing_beside_it(archive, tmp_path):
    assert archive.stat().st_mode & 0o077 == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["b.tar.gz", "data"]


def test_an_existing_store_is_replaced_only_by_force(archive, store, url, releases):
    store.ledger.write_many([row(3)])
    store.close()
    with pytest.raises(StoreError, match="force"):
        restore(archive, url, releases)
    again = Store.open(url)
    assert again.ledger.last_seq() == 3
    again.close()
    restore(archive, url, releases, force=True)
    again = Store.open(url)
    assert again.ledger.last_seq() == 2
    again.close()


def test_the_log_of_a_killed_server_does_not_leak_into_the_restored_store(archive, url, releases, store):
    store.close()
    code = """
import os, sys
from stepladder.store import LedgerRow, Store
Store.open(sys.argv[1]).ledger.write_many([LedgerRow(f"killed-{n}", 1.0, "", "mood", "", "") for n in range(50)])
os.kill(os.getpid(), 9)
"""
    subprocess.run([sys.executable, "-c", code, url], check=False)
    file = releases.parent / "stepladder.db"
    assert file.with_name("stepladder.db-wal").stat().st_size > 0
    restore(archive, url, releases, force=True)
    again = Store.open(url)
    assert again.ledger.last_seq() == 2
    assert again.ledger.get("killed-1") is None
    again.close()
    with closing(sqlite3.connect(file)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def test_a_damaged_database_can_be_replaced(archive, url, releases, store):
    store.close()
    (releases.parent / "stepladder.db").write_bytes(b"noise" * 1000)
    restore(archive, url, releases, force=True)
    again = Store.open(url)
    assert again.ledger.last_seq() == 2
    again.close()


def test_a_store_in_use_is_not_replaced(archive, store, url, releases):
    store.ledger.write_many([row(3)])
    with pytest.raises(StoreError, match="in use"):
        restore(archive, url, releases, force=True)
    assert store.ledger.last_seq() == 3


def test_a_store_that_a_dead_process_had_open_is_not_in_use(archive, store, url, releases):
    store.close()
    code = "import os, sys; from stepladder.store import Store; s = Store.open(sys.argv[1]); os.kill(os.getpid(), 9)"
    subprocess.run([sys.executable, "-c", code, url], check=False)
    restore(archive, url, releases, force=True)


def _flip(name, data):
    return (name, data[:-1] + bytes([data[-1] ^ 1])) if name.endswith("safetensors") else (name, data)


def _manifest(change):
    def rewrite(name, data):
        if name != "manifest.json":
            return name, data
        manifest = json.loads(data)
        change(manifest)
        return name, json.dumps(manifest).encode()

    return rewrite


def _point_out(manifest):
    manifest["files"]["releases/../../escaped.json"] = manifest["files"].pop(
        "releases/天气/linear-1/model.safetensors"
    )


@pytest.mark.parametrize(
    "change",
    [
        _flip,
        lambda name, data: None if name.endswith("safetensors") else (name, data),
        lambda name, data: None if name == "stepladder.db" else (name, data),
        lambda name, data: None if name == "manifest.json" else (name, data),
        lambda name, data: (name.replace("linear-1", "../../linear"), data),
        lambda name, data: (name, b"{}") if name == "manifest.json" else (name, data),
        _manifest(_point_out),
        _manifest(lambda manifest: manifest.update(format=2)),
        _manifest(lambda manifest: manifest.update(schema="9999")),
    ],
    ids=[
        "flipped",
        "file gone",
        "database gone",
        "manifest gone",
        "outside",
        "empty",
        "points out",
        "format",
        "schema",
    ],
)
def test_a_damaged_archive_changes_nothing(archive, target, tmp_path, change):
    _rewrite(archive, change)
    url, folder = target
    existing = Store.open(url)
    existing.ledger.write_many([row(7)])
    existing.close()
    (folder / "mood").mkdir(parents=True)
    (folder / "mood" / "x.json").write_text("{}")
    before = _files(folder.parent)
    with pytest.raises(StoreError, match=r"is damaged|newer Stepladder"):
        restore(archive, url, folder, force=True)
    assert _files(folder.parent) == before
    assert not list(tmp_path.rglob("escaped.json"))


@pytest.mark.parametrize("share", [0.0, 0.01, 0.5, 0.9])
def test_a_truncated_archive_changes_nothing(archive, target, share):
    whole = archive.read_bytes()
    archive.write_bytes(whole[: int(len(whole) * share)])
    with pytest.raises(StoreError):
        restore(archive, *target)
    assert not target[1].parent.joinpath("stepladder.db").exists()


def test_links_in_an_archive_are_refused(archive, target):
    with tarfile.open(archive, "w:gz") as tar:
        data = json.dumps(
            {
                "format": 1,
                "schema": "0001",
                "created_at": 1.0,
                "files": {"stepladder.db": {"sha256": hashlib.sha256(b"").hexdigest(), "bytes": 0}},
            }
        ).encode()
        info = tarfile.TarInfo("manifest.json")
        info.size = len(data)
        tar.addfile(info, io.BytesIO(data))
        link = tarfile.TarInfo("stepladder.db")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/hostname"
        tar.addfile(link)
    with pytest.raises(StoreError):
        restore(archive, *target)


def test_restoring_adds_release_files_and_keeps_those_there(archive, target):
    url, folder = target
    (folder / "天气" / "linear-2").mkdir(parents=True)
    (folder / "天气" / "linear-2" / "model.json").write_text("{}")
    restore(archive, url, folder)
    assert set(_files(folder)) == {"天气/linear-1/model.safetensors", "天气/linear-2/model.json"}


def test_a_backup_is_in_the_journal_of_what_was_backed_up_and_in_its_own(
    store, url, releases, tmp_path, target
):
    backup(url, releases, tmp_path / "b.tar.gz", who="cli:ann", what="read for 'nightly'")
    (line,) = store.journal.newest(1)
    assert (line.who, line.what, line.detail) == ("cli:ann", "read for 'nightly'", "backup to b.tar.gz")
    restore(tmp_path / "b.tar.gz", *target, who="cli:bob")
    again = Store.open(target[0])
    restored, made = again.journal.newest(2)
    assert (restored.who, restored.what, made.detail) == ("cli:bob", "restore", "backup to b.tar.gz")
    assert restored.detail.startswith("b.tar.gz of ") and restored.detail.endswith("in the place of nothing")
    assert again.journal.verify([Anchor(made.number, made.digest)]) is None
    again.close()


def test_a_restored_journal_says_where_the_one_that_it_replaces_had_ended(archive, store, url, releases):
    store.journal.note("cli:eve", "key create", "backdoor")
    end = store.journal.head()
    store.close()
    restore(archive, url, releases, force=True)
    again = Store.open(url)
    assert again.journal.newest(1)[0].detail.endswith(f"in the place of a journal that ended with {end}")
    assert again.journal.verify() is None
    assert again.journal.verify([end]) is not None, "who kept the anchor sees that lines have gone"
    again.close()


@pytest.mark.parametrize("version", ["0001", "0002", "0006", "0007", HEAD])
def test_an_older_database_is_backed_up_as_it_is_and_its_line_is_chained_later(version, tmp_path, target):
    file = tmp_path / "old.db"
    with closing(sqlite3.connect(file)) as connection:
        connection.executescript((Path(__file__).parent / f"schema_{version}.sql").read_text())
    before = _schema_of(file)
    backup(f"sqlite:///{file}", tmp_path / "none", tmp_path / "b.tar.gz", what="read for 'the move'")
    assert _schema_of(file) == before
    restore(tmp_path / "b.tar.gz", *target)
    store = Store.open(target[0])
    said = [line.what for line in reversed(store.journal.newest(9))]
    assert said[-2:] == (["read for 'the move'", "restore"] if version > "0001" else []), (
        "0001 had no journal"
    )
    assert store.journal.verify() is None
    store.close()


def test_a_backup_that_the_journal_cannot_be_told_of_is_not_made(store, url, releases, tmp_path):
    with closing(sqlite3.connect(tmp_path / "data" / "stepladder.db")) as connection:
        connection.execute(
            "CREATE TRIGGER no BEFORE INSERT ON journal BEGIN SELECT RAISE(ABORT, 'full'); END"
        )
        connection.commit()
    with pytest.raises(StoreError, match="read for 'x'"):
        backup(url, releases, tmp_path / "b.tar.gz", what="read for 'x'")
    assert not list(tmp_path.glob("b.tar.gz*"))


def _schema_of(file):
    with closing(sqlite3.connect(file)) as connection:
        return connection.execute("SELECT type, name, sql FROM sqlite_master ORDER BY 1, 2").fetchall()


def test_what_cannot_be_backed_up_says_so(tmp_path, target, archive):
    with pytest.raises(StoreError, match="SQLite file"):
        backup("sqlite://", tmp_path, tmp_path / "x.tar.gz")
    with pytest.raises(StoreError, match="no database"):
        backup(*target, tmp_path / "x.tar.gz")
    with pytest.raises(StoreError, match="no backup"):
        restore(tmp_path / "none.tar.gz", *target)
    with pytest.raises(StoreError, match="Cannot write"):
        backup(f"sqlite:///{tmp_path}/data/stepladder.db", tmp_path / "none", tmp_path / "no" / "x.tar.gz")


def test_a_store_does_not_open_while_it_is_being_restored(tmp_path):
    from stepladder.store.presence import Presence

    file = tmp_path / "stepladder.db"
    alone = Presence(file, alone=True)
    with pytest.raises(StoreError, match="being restored"):
        Store.open(f"sqlite:///{file}")
    alone.leave()
    Store.open(f"sqlite:///{file}").close()
