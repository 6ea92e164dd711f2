"""A top rung whose model says that it is another version now is another top rung, under the same settings."""

import asyncio
from types import SimpleNamespace

import pytest

from stepladder.core import ModelConfig
from stepladder.interaction.versions import note_versions
from stepladder.rollout import Standing, Step, fingerprint, note_version, watch, with_version
from stepladder.rollout.watch import settings_mark
from stepladder.store import Store
from tests.models.upstream_double import until
from tests.rollout.test_watch import MODEL, TASK, store

__all__ = ["store"]
ID = f"teacher {settings_mark(MODEL)}"
START = Standing(step=Step.CALIBRATE, top="top-1", due=150, planned=50, frozen=3)


@pytest.fixture
def empty():
    found = Store.open("sqlite://")
    yield found
    found.close()


def test_the_first_version_that_is_heard_changes_nothing(empty):
    top = fingerprint(TASK, MODEL)
    assert with_version(empty, "teacher", MODEL, top) == top
    assert note_version(empty, "teacher", MODEL, "big-1-0613") is False
    assert with_version(empty, "teacher", MODEL, top) == top


def test_another_one_is_another_top_until_it_goes_back(empty):
    top = fingerprint(TASK, MODEL)
    note_version(empty, "teacher", MODEL, "big-1-0613")
    assert note_version(empty, "teacher", MODEL, "big-1-1106") is True
    assert note_version(empty, "teacher", MODEL, "big-1-1106") is False
    second = with_version(empty, "teacher", MODEL, top)
    note_version(empty, "teacher", MODEL, "big-1-2024")
    assert len({top, second, with_version(empty, "teacher", MODEL, top)}) == 3
    note_version(empty, "teacher", MODEL, "big-1-0613")
    assert with_version(empty, "teacher", MODEL, top) == top


def test_new_settings_are_listened_to_anew(empty):
    note_version(empty, "teacher", MODEL, "big-1-0613")
    note_version(empty, "teacher", MODEL, "big-1-1106")
    other = ModelConfig("chat", {**MODEL.settings, "model": "big-2"})
    assert with_version(empty, "teacher", other, "top") == "top"
    dearer = ModelConfig("chat", {**MODEL.settings, "price_in": 3.0, "api_key": "env:OTHER"})
    assert (
        with_version(empty, "teacher", dearer, "top") == with_version(empty, "teacher", MODEL, "top") != "top"
    )


def test_what_was_certified_goes_and_labels_are_gathered_anew(store):
    note_version(store, "teacher", MODEL, "big-1-0613")
    top = with_version(store, "teacher", MODEL, "top-1")
    assert watch(store, TASK, top, START).step is Step.CALIBRATE
    note_version(store, "teacher", MODEL, "big-1-1106")
    found = watch(store, TASK, with_version(store, "teacher", MODEL, "top-1"), START)
    assert found.step is Step.GATHER
    assert store.rollouts.get("mood").live is None  # the previous one was certified for the old version too
    assert "another top rung" in store.rollouts.history("mood")[-1].why


async def test_a_server_writes_down_what_its_models_say(empty, caplog):
    heard = SimpleNamespace(version="big-1-0613")
    snapshot = SimpleNamespace(
        models={"teacher": SimpleNamespace(heard=heard), "mute": object()},
        config=SimpleNamespace(models={"teacher": MODEL}),
    )
    house = SimpleNamespace(store=empty, gateway=SimpleNamespace(snapshot=snapshot))
    listening = asyncio.create_task(note_versions(house, every=0.01))
    try:
        await until(lambda: empty.catalogue.notes.get("version", ID), 30)
        heard.version = "big-1-1106"
        await until(lambda: with_version(empty, "teacher", MODEL, "top") != "top", 30)
        await until(lambda: "big-1-1106" in caplog.text, 30)
    finally:
        listening.cancel()
        await asyncio.gather(listening, return_exceptions=True)
