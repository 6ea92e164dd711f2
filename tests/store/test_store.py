"""Opening and closing, and small settings."""

import os
import stat
import subprocess
import sys

import pytest

from stepladder.core import ConfigError, MissingExtra, Mode, Rollout, StoreError
from stepladder.store import Store
from stepladder.store.database import Database


def test_what_is_closed_may_be_closed_again(url):
    store = Store.open(url)
    store.close()
    store.close()


def test_settings_stay(url, second):
    assert second.setting("seed") is None
    second.set_setting("seed", "一")
    second.set_setting("seed", "二")
    again = Store.open(url)
    assert again.setting("seed") == "二"
    again.close()


@pytest.mark.parametrize("url", ["", "nonsense", "mysql://root:hunter2@host/db", "sqlite+nothing://"])
def test_a_bad_url_is_a_config_error_without_the_password(url):
    with pytest.raises(ConfigError) as refused:
        Store.open(url)
    assert refused.value.param == "ledger.url"
    assert "hunter2" not in str(refused.value)


def test_a_postgresql_ledger_without_its_library_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(MissingExtra, match=r"stepladder\[postgres\]"):
        Store.open("postgresql://someone@nowhere/ledger")


def test_a_bad_durability_is_a_config_error():
    with pytest.raises(ConfigError, match="whatever"):
        Store.open("sqlite://", durability="whatever")


@pytest.mark.parametrize(("durability", "level"), [("process", 1), ("power", 2)])
def test_durability_is_what_sqlite_is_told(url, durability, level):
    database = Database(url, durability)
    with database.read() as connection:
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"
        assert connection.exec_driver_sql("PRAGMA synchronous").scalar() == level
    database.close()


def test_a_folder_that_cannot_be_made_is_a_store_error(tmp_path):
    (tmp_path / "data").write_text("a file, not a folder")
    with pytest.raises(StoreError, match="Cannot open"):
        Store.open(f"sqlite:///{tmp_path}/data/stepladder.db")


def test_a_file_that_is_no_database_is_a_store_error_and_stays(tmp_path):
    file = tmp_path / "stepladder.db"
    file.write_text("these are my notes " * 500)
    with pytest.raises(StoreError, match="not a database"):
        Store.open(f"sqlite:///{file}")
    assert file.read_text().startswith("these are my notes")


@pytest.mark.skipif(os.name != "posix", reason="needs POSIX rights")
def test_nobody_else_can_read_the_files(store, tmp_path):
    store.set_setting("a", "b")
    files = list((tmp_path / "data").iterdir())
    assert {file.name for file in files} >= {"stepladder.db", "stepladder.db-wal"}
    assert {stat.S_IMODE(file.stat().st_mode) & 0o077 for file in files} == {0}


def test_stores_in_memory_are_apart():
    one, other = Store.open("sqlite://"), Store.open("sqlite://")
    one.set_setting("a", "b")
    assert other.setting("a") is None
    one.close()
    other.close()


def test_opening_a_current_database_does_not_load_alembic(url, store):
    code = "import sys; from stepladder.store import Store; Store.open(sys.argv[1]).close(); print('alembic' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code, url], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


def test_every_change_that_the_server_must_see_changes_the_stamp(either):
    changes = [
        lambda: either.keys.create("acme"),
        lambda: either.keys.revoke("acme"),
        lambda: either.rollouts.put(Rollout("mood", live="L1"), "why"),
        lambda: either.switches.put("mood", Mode.TOP, "me"),
        lambda: either.switches.put("mood", None, "me"),
        lambda: either.entries.put("mood", "hi", "good", "me"),
        lambda: either.entries.remove("mood", "hi"),
    ]
    seen = {either.stamp()}
    for change in changes:
        change()
        seen.add(either.stamp())
    assert len(seen) == len(changes) + 1
