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
