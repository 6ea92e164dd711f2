"""The dictionary's table: one entry a task, kind and key; a version that never comes back."""

import pytest

from stepladder.core import BadRequest
from stepladder.store import Entry


def test_entries_are_put_replaced_and_removed(either):
    either.entries.put("mood", "好", "good", "ada")
    either.entries.put("mood", "好", "fine", "bob")
    either.entries.put("mood", "好", "normal", "ada", kind="normalised")
    either.entries.put("other", "好", "else", "ada")
    assert either.entries.list("mood") == [
        Entry("mood", "好", "fine", "exact", "bob", 1000.0),
        Entry("mood", "好", "normal", "normalised", "ada", 1000.0),
    ]
    assert either.entries.remove("mood", "好")
    assert not either.entries.remove("mood", "好")
    assert [entry.kind for entry in either.entries.snapshot("mood")] == ["normalised"]


def test_the_version_changes_with_the_tasks_own_entries_only(either):
    versions = [either.entries.version("mood")]
    for change in (
        lambda: either.entries.put("mood", "a", "b", "ada"),
        lambda: either.entries.remove("mood", "a"),
        lambda: either.entries.put("mood", "a", "b", "ada"),
    ):
        change()
        versions.append(either.entries.version("mood"))
    assert versions == sorted(set(versions))
    either.entries.put("other", "a", "b", "ada")
    either.entries.remove("mood", "nothing")
    assert either.entries.version("mood") == versions[-1]


def test_an_unknown_kind_is_refused(store):
    with pytest.raises(BadRequest, match="fuzzy"):
        store.entries.put("mood", "a", "b", "ada", kind="fuzzy")


def test_half_a_surrogate_pair_is_a_clear_error(store):
    with pytest.raises(BadRequest, match="surrogate"):
        store.entries.put("mood", "\ud83d", "b", "ada")


def said(store, task="mood"):
    return {(entry.kind, entry.key): entry.answer for entry in store.entries.list(task)}


def test_every_edit_is_kept_and_can_be_taken_back(either):
    entries = either.entries
    entries.put("mood", "a", "one", "ada")
    entries.put("mood", "a", "two", "bob")
    entries.put("other", "a", "else", "ada")
    entries.remove("mood", "a", who="ada")
    edits = entries.history("mood")
    assert [(edit.before, edit.after, edit.who) for edit in edits] == [
        ("two", None, "ada"),
        ("one", "two", "bob"),
        (None, "one", "ada"),
    ]
    version = entries.version("mood")
    assert entries.undo("mood", "cid").before == "two"
    assert (said(either), entries.version("mood") > version) == ({("exact", "a"): "two"}, True)
    entries.undo("mood", "cid")
    assert said(either) == {("exact", "a"): "one"}
    entries.undo("mood", "cid")
    assert said(either) == {}
    assert entries.undo("mood", "cid") is None
    last = entries.history("mood")[0]
    assert (
        entries.undo("mood", "cid", last.id).undoes == last.undoes
    )  # an undo is an edit, and can be taken back
    assert said(either) == {("exact", "a"): "one"}
    assert entries.undo("other", "cid", last.id) is None
    assert said(either, "other") == {("exact", "a"): "else"}


def test_a_table_s_rows_come_change_and_go_and_what_was_put_by_hand_stays(either):
    entries = either.entries

    def sync(*rows):
        found = entries.sync("mood", rows, "sync:t")
        return found.given, found.changed

    entries.put("mood", "mine", "by hand", "ada")
    assert sync(("exact", "a", "1"), ("synonym", "b", "2")) == (2, 2)
    version = entries.version("mood")
    assert sync(("exact", "a", "1"), ("synonym", "b", "2")) == (2, 0)
    assert entries.version("mood") == version
    assert sync(("synonym", "b", "2"), ("synonym", "b", "3")) == (1, 2)
    assert said(either) == {("exact", "mine"): "by hand", ("synonym", "b"): "3"}
    edits = [(edit.kind, edit.key, edit.before, edit.after) for edit in entries.history("mood", 2)]
    assert edits == [("exact", "a", "1", None), ("synonym", "b", "2", "3")]
    with pytest.raises(BadRequest, match="fuzzy"):
        sync(("exact", "c", "1"), ("fuzzy", "d", "2"))
    assert entries.undo("mood", "cid").before == "1"
    assert sync() == (0, 1)
    assert said(either) == {("exact", "mine"): "by hand", ("exact", "a"): "1"}
    assert sync(("exact", "mine", "by hand")) == (1, 1)  # whose it is now
    assert sync() == (0, 1)
    assert said(either) == {("exact", "a"): "1"}


def test_a_table_that_ends_half_way_changes_nothing_and_one_that_is_read_keeps_nobody_waiting(
    either, monkeypatch
):
    entries, told = either.entries, []
    entries.sync("mood", [("exact", "a", "1")], "sync:t")

    def breaking():
        yield "exact", "b", "2"
        entries.put("mood", "c", "by hand", "ada")  # a read of the table holds no lock
        raise OSError("gone")

    with pytest.raises(OSError, match="gone"):
        entries.sync("mood", breaking(), "sync:t")
    assert said(either) == {("exact", "a"): "1", ("exact", "c"): "by hand"}
    monkeypatch.setattr("stepladder.store.syncing._BATCH", 100)
    monkeypatch.setattr("stepladder.store.entries._KEPT", 100)
    rows = (("exact", f"k{n}", "x") for n in range(250))
    found = entries.sync("mood", rows, "sync:t", lambda *progress: told.append(progress))
    assert (found.given, found.changed) == (250, 251)
    assert told[:3] == [(100, 0, "rows"), (200, 0, "rows"), (250, 0, "rows")]
    assert len(entries.list("mood")) == 251
    assert len(entries.history("mood", 200)) == 100  # what can be taken back is bounded
    assert entries.history("mood", 1)[0].key == "a"


def test_an_edit_between_the_look_at_a_table_and_its_taking_in_is_counted_with(either):
    entries = either.entries

    def edit(done, total, what):
        if what == "taking in":
            entries.put("mood", "a", "by hand", "ada")

    found = entries.sync("mood", [("exact", "a", "1")], "sync:t", edit)
    assert (found.changed, said(either)) == (1, {("exact", "a"): "1"})
    assert [edit.before for edit in entries.history("mood")] == ["by hand", None]
