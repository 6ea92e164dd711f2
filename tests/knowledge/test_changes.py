"""A name for what can be found: the same to every process, and another one as soon as that is something else."""

import time

import pytest

from stepladder.knowledge import Document, Knowledge


@pytest.fixture
def two(tmp_path):
    """The same file, opened twice, as two workers have it."""
    opened = [Knowledge.open(tmp_path / "knowledge.db") for _ in range(2)]
    yield opened
    for one in opened:
        one.close()


def test_two_agree_before_and_after_each_change(two):
    mine, other = two
    seen = {mine.version()}
    assert other.version() in seen
    for change in (
        lambda: mine.add("t", [Document("a", "The gate opens at five.")]),
        lambda: other.add("t", [Document("a", "The gate opens at six.")]),
        lambda: mine.add("u", [Document("a", "Elsewhere.")], tenant="acme"),
        lambda: other.remove("t", ["a"]),
    ):
        change()
        assert mine.version() == other.version()
        assert mine.version() not in seen
        seen.add(mine.version())


def test_what_changes_nothing_has_no_new_name(two):
    mine, other = two
    mine.add("t", [Document("a", "The gate opens at five.")])
    before = mine.version()
    mine.add("t", [Document("a", "The gate opens at five.")])
    assert other.version() == before


def test_it_is_the_same_after_a_restart_and_another_for_another_file(two, tmp_path):
    two[0].add("t", [Document("a", "The gate opens at five.")])
    again, another = Knowledge.open(tmp_path / "knowledge.db"), Knowledge.open(tmp_path / "another.db")
    try:
        another.add("t", [Document("a", "The gate opens at five.")])
        assert again.version() == two[0].version() != another.version()
    finally:
        again.close()
        another.close()


def test_a_document_whose_time_begins_or_ends_makes_a_new_one_in_both(two, monkeypatch):
    mine, other = two
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now)
    mine.add("t", [Document("a", "early", valid_until=now + 10), Document("b", "late", valid_from=now + 20)])
    names = []
    for seconds in (0, 5, 11, 19, 21):
        monkeypatch.setattr(time, "time", lambda seconds=seconds: now + seconds)
        assert mine.version() == other.version()
        names.append(mine.version())
    assert [name == names[0] for name in names] == [True, True, False, False, False]
    assert names[2] == names[3] != names[4]
