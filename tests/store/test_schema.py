"""Migrations: whole or not at all, with a copy before, and never backwards."""

import logging
import shutil
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from threading import Barrier

import pytest
from sqlalchemy import inspect

from stepladder.core import StoreError, Tenant
from stepladder.store import Store
from stepladder.store.database import Database
from stepladder.store.schema import SCRIPTS, prepare
from stepladder.store.tables import HEAD

SCHEMAS = sorted(Path(__file__).parent.glob("schema_*.sql"))
"""`.schema` of a database of each version, with its two rows: never to change again once that is released."""

MIGRATION = """
import sqlalchemy as sa
from alembic import op

revision, down_revision, branch_labels, depends_on = "9999", {head!r}, None, None


def upgrade():
    op.create_table("extra", sa.Column("id", sa.Integer, primary_key=True))
    op.execute("INSERT INTO extra VALUES (1)")
    with op.batch_alter_table("settings") as batch:
        batch.add_column(sa.Column("note", sa.Text))
    {end}
"""


@pytest.fixture
def file(tmp_path):
    return tmp_path / "data" / "stepladder.db"


@pytest.fixture
def old(url, file):
    """A database of today's version that has seen use; today is old once `newer` is out."""
    store = Store.open(url)
    store.set_setting("seed", "kept")
    store.close()
    return file


@pytest.fixture
def newer(tmp_path):
    """Scripts with one more migration, which ends as told."""

    def write(end="pass"):
        scripts = tmp_path / "50% scripts"
        shutil.copytree(SCRIPTS, scripts, dirs_exist_ok=True)
        (scripts / "versions" / "more.py").write_text(MIGRATION.format(head=HEAD, end=end))
        return scripts

    return write


def _dump(file):
    with closing(sqlite3.connect(file)) as connection:
        return list(connection.iterdump())


def _shape(file):
    """Every table's columns and indexes, as a program sees them."""
    database = Database(f"sqlite:///{file}")
    with database.read() as connection:
        found = inspect(connection)
        shape = {
            table: (
                [
                    (column["name"], str(column["type"]), column["nullable"])
                    for column in found.get_columns(table)
                ],
                found.get_pk_constraint(table)["constrained_columns"],
                sorted((index["name"], tuple(index["column_names"])) for index in found.get_indexes(table)),
                sorted(tuple(unique["column_names"]) for unique in found.get_unique_constraints(table)),
                found.get_foreign_keys(table),
            )
            for table in found.get_table_names()
        }
    database.close()
    return shape


@pytest.mark.parametrize("schema", SCHEMAS, ids=lambda schema: schema.stem)
def test_a_database_of_any_version_becomes_what_a_new_one_is(tmp_path, old, schema):
    past = tmp_path / "past.db"
    with closing(sqlite3.connect(past)) as connection:
        connection.executescript(schema.read_text())
    Store.open(f"sqlite:///{past}").close()
    assert SCHEMAS[-1].stem == f"schema_{HEAD}"
    assert _shape(past) == _shape(old), "tables.py has changed: it needs a migration, and the next HEAD"


def test_a_migration_keeps_what_is_there_and_leaves_a_copy(old, newer):
    before = _dump(old)
    database = Database(f"sqlite:///{old}")
    prepare(database, scripts=newer(), head="9999")
    database.close()
    with closing(sqlite3.connect(old)) as connection:
        assert connection.execute("SELECT name, value, note FROM settings").fetchall() == [
            ("seed", "kept", None)
        ]
        assert connection.execute("SELECT * FROM extra").fetchall() == [(1,)]
        assert connection.execute("SELECT * FROM alembic_version").fetchall() == [("9999",)]
    assert _dump(old.with_name("stepladder.db.before-9999")) == before


@pytest.mark.parametrize("end", ["op.execute('INSERT INTO nowhere VALUES (1)')", "raise ValueError('oops')"])
def test_a_migration_that_fails_is_undone_whole(old, newer, end):
    before = _dump(old)
    database = Database(f"sqlite:///{old}")
    with pytest.raises(StoreError, match=f"from {HEAD} to 9999 failed and was undone") as caught:
        prepare(database, scripts=newer(end), head="9999")
    database.close()
    assert _dump(old) == before == _dump(old.with_name("stepladder.db.before-9999"))
    assert "as it was it is in" in caught.value.remedy and "before-9999" in caught.value.remedy
    Store.open(f"sqlite:///{old}").close()


def test_several_that_start_at_once_on_a_server_s_database_come_one_after_the_other(postgres):
    at_once = Barrier(4)

    def start(_):
        database = Database(postgres)
        try:
            at_once.wait()
            prepare(database)
            with database.read() as connection:
                return connection.exec_driver_sql("SELECT version_num FROM alembic_version").all()
        finally:
            database.close()

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(start, range(4))) == [[(HEAD,)]] * 4


def test_without_leave_nothing_is_migrated(old, newer, url, tmp_path):
    before = _dump(old)
    database = Database(f"sqlite:///{old}")
    with pytest.raises(StoreError, match="needs 9999"):
        prepare(database, migrate=False, scripts=newer(), head="9999")
    database.close()
    assert _dump(old) == before
    with pytest.raises(StoreError, match="version none"):
        Store.open(f"sqlite:///{tmp_path}/new.db", migrate=False)
    Store.open(url, migrate=False).close()


def test_a_database_that_cannot_be_copied_is_not_migrated(old, newer):
    before = _dump(old)
    old.with_name("stepladder.db.before-9999").mkdir()
    database = Database(f"sqlite:///{old}")
    with pytest.raises(StoreError, match="Cannot copy"):
        prepare(database, scripts=newer(), head="9999")
    database.close()
    assert _dump(old) == before


def test_a_newer_database_is_refused_and_stays(old, url):
    with closing(sqlite3.connect(old)) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
        connection.commit()
    before = _dump(old)
    with pytest.raises(StoreError, match="9999, which is newer than this program"):
        Store.open(url)
    assert _dump(old) == before


def test_somebody_elses_database_is_refused_and_stays(tmp_path):
    file = tmp_path / "theirs.db"
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("CREATE TABLE photos (id INTEGER)")
    with pytest.raises(StoreError, match="photos"):
        Store.open(f"sqlite:///{file}")
    assert _dump(file) == ["BEGIN TRANSACTION;", "CREATE TABLE photos (id INTEGER);", "COMMIT;"]


def test_migrating_leaves_the_programs_logging_alone(old, newer):
    root = logging.getLogger()
    before = (root.level, list(root.handlers), root.disabled, logging.getLogger("stepladder").disabled)
    database = Database(f"sqlite:///{old}")
    prepare(database, scripts=newer(), head="9999")
    database.close()
    assert (
        root.level,
        list(root.handlers),
        root.disabled,
        logging.getLogger("stepladder").disabled,
    ) == before


def test_a_key_of_the_first_version_becomes_its_own_tenants(tmp_path):
    first = tmp_path / "first.db"
    with closing(sqlite3.connect(first)) as connection:
        connection.executescript(SCHEMAS[0].read_text())
        connection.execute(
            "INSERT INTO keys (hash, name, admin, last4, created_at) VALUES ('h', 'phone', 0, 'abcd', 1.0)"
        )
        connection.commit()
    store = Store.open(f"sqlite:///{first}")
    assert store.keys.snapshot() == {"h": Tenant("phone", key="phone")}
    store.close()


def test_head_is_the_newest_script():
    from alembic.script import ScriptDirectory

    assert ScriptDirectory(str(SCRIPTS)).get_heads() == [HEAD]
