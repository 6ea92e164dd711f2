"""What has been made is written down once."""

from dataclasses import replace

import pytest

from stepladder.core import Certificate, LadderRelease, Release, StoreError
from stepladder.store import DatasetCard

CARD = DatasetCard("h1", "mood", {"train": 10, "测试": 2}, 5.0)
RELEASE = Release("linear-1", "mood", "linear", "linear", "h1", "d1", {"accuracy": 0.9, "rows": 10.0}, 6.0)
CERTIFICATE = Certificate("hypergeometric", 300, 0.9, 0.1, 2000, 4, 9, 0.7)
LADDER = LadderRelease("mood-1", "mood", 1, {"linear": "linear-1"}, {"linear": 0.75}, CERTIFICATE, "gpt", 7.0)


def test_everything_comes_back(either):
    either.catalogue.add_dataset(CARD)
    either.catalogue.add_release(RELEASE)
    either.catalogue.add_ladder_release(LADDER)
    bare = replace(LADDER, id="mood-2", number=2, rungs={}, thresholds={}, certificate=None)
    either.catalogue.add_ladder_release(bare)
    assert either.catalogue.get_dataset("h1") == CARD
    assert either.catalogue.get_release("linear-1") == RELEASE
    assert either.catalogue.get_ladder_release("mood-1") == LADDER
    assert either.catalogue.list_datasets("mood") == [CARD]
    assert either.catalogue.list_releases("mood") == [RELEASE]
    assert either.catalogue.list_ladder_releases("mood") == [LADDER, bare]
    assert either.catalogue.list_releases("other") == []


def test_what_is_not_there_is_none(store):
    assert store.catalogue.get_dataset("x") is None
    assert store.catalogue.get_release("x") is None
    assert store.catalogue.get_ladder_release("x") is None


def test_adding_again_does_nothing_and_adding_another_is_refused(either):
    for add, noun, change in (
        (either.catalogue.add_dataset, CARD, {"sizes": {"train": 11}}),
        (either.catalogue.add_release, RELEASE, {"digest": "d2"}),
        (either.catalogue.add_ladder_release, LADDER, {"thresholds": {"linear": 0.1}}),
    ):
        add(noun)
        add(replace(noun, created_at=99.0))
        with pytest.raises(StoreError, match="already"):
            add(replace(noun, **change))
    assert either.catalogue.get_release("linear-1") == RELEASE


def test_two_tasks_may_share_a_datasets_hash(store):
    store.catalogue.add_dataset(CARD)
    store.catalogue.add_dataset(replace(CARD, task="other", created_at=9.0))
    assert store.catalogue.get_dataset("h1").task == "mood"
    assert store.catalogue.get_dataset("h1", "other").task == "other"


def test_a_ladder_release_of_unknown_rungs_is_refused(store):
    with pytest.raises(StoreError, match="linear-1"):
        store.catalogue.add_ladder_release(LADDER)
    assert store.catalogue.list_ladder_releases("mood") == []


def test_a_number_is_given_to_one_ladder_release(store):
    store.catalogue.add_release(RELEASE)
    store.catalogue.add_ladder_release(LADDER)
    with pytest.raises(StoreError):
        store.catalogue.add_ladder_release(replace(LADDER, id="mood-1b"))


def test_numbers_count_up_by_task(either):
    assert [either.catalogue.next_number("mood") for _ in range(3)] == [1, 2, 3]
    assert either.catalogue.next_number("other") == 1
