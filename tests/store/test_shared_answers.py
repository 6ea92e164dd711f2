"""What workers keep for each other: seen by all, over in time, bounded, and no trouble where the file is."""

import sqlite3
from contextlib import closing

import pytest

from stepladder.store import SharedAnswers
from tests.product import eventually

MB = 1_000_000


@pytest.fixture
def pair(tmp_path):
    file = tmp_path / "answers.db"
    one, other = SharedAnswers(file, MB), SharedAnswers(file, MB)
    yield one, other
    one.close()
    other.close()


def rows(tmp_path):
    with closing(sqlite3.connect(tmp_path / "answers.db")) as connection:
        return connection.execute("SELECT count(*), coalesce(sum(length(value)), 0) FROM kept").fetchone()


def test_what_one_keeps_the_other_finds_until_its_time_is_over(pair):
    one, other = pair
    one.put(b"k", b"said", 100.0, 60.0)
    eventually(lambda: other.get(b"k", 130.0) == (b"said", 30.0))
    assert one.get(b"k", 130.0) == (b"said", 30.0)
    assert other.get(b"k", 160.0) is None and other.get(b"x", 130.0) is None
    other.put(b"k", b"later", 120.0, 60.0)
    eventually(lambda: one.get(b"k", 130.0) == (b"later", 50.0))


def test_what_is_over_goes_and_so_does_what_would_end_first(pair, tmp_path):
    one, other = pair
    one.limit = 100_000
    one.put(b"old", b"x", 0.0, 10.0)
    for number in range(300):
        one.put(b"%d" % number, b"y" * 1000, 20.0, 100.0 + number)
    one.close()
    count, size = rows(tmp_path)
    assert size <= 100_000 + 100_000 // 16 + 200_000 and other.get(b"old", 5.0) is None
    assert other.get(b"299", 20.0) is not None
    other.limit = 50_000
    for _ in range(10):
        other.put(b"new", b"z" * 5000, 20.0, 900.0)
    other.close()
    assert rows(tmp_path)[1] <= 50_000
    assert count > 50


def test_clearing_takes_out_all_also_what_waits(pair, tmp_path):
    one, _ = pair
    for number in range(500):
        one.put(b"%d" % number, b"private", 0.0, 1e9)
    one.clear()
    eventually(lambda: rows(tmp_path) == (0, 0))
    one.put(b"k", b"v", 0.0, 1e9)
    eventually(lambda: rows(tmp_path) == (1, 1))
    assert b"private" not in (tmp_path / "answers.db").read_bytes()


def test_a_value_that_is_much_of_the_whole_is_not_kept(pair, tmp_path):
    one, _ = pair
    one.put(b"k", b"x" * (MB // 8 + 1), 0.0, 1e9)
    one.close()
    assert rows(tmp_path)[0] == 0


def test_a_file_that_is_none_keeps_nothing_and_stops_nobody(tmp_path, caplog):
    file = tmp_path / "answers.db"
    file.write_bytes(b"this is no database at all" * 100)
    answers = SharedAnswers(file, MB)
    answers.put(b"k", b"v", 0.0, 1e9)
    answers.put(b"k", b"v", 0.0, 1e9)
    assert answers.get(b"k", 1.0) is None
    answers.clear()
    answers.close()
    assert "keep no answers" in caplog.text
    SharedAnswers.fresh(file)
    again = SharedAnswers(file, MB)
    again.put(b"k", b"v", 0.0, 1e9)
    eventually(lambda: again.get(b"k", 1.0) == (b"v", 1e9 - 1.0))
    again.close()


def test_only_its_owner_can_read_it(pair, tmp_path):
    assert (tmp_path / "answers.db").stat().st_mode & 0o077 == 0
