"""Answers that one worker kept and another gives again: whole, streamed, of tasks and models, and never a stale one."""

from contextlib import asynccontextmanager

import pytest

from stepladder.interaction.app import App
from stepladder.interaction.compose import House
from stepladder.interaction.settings import Settings
from tests.interaction import test_semantic as semantic
from tests.interaction.asgi import Client
from tests.interaction.conftest import ANSWERS, Home
from tests.interaction.test_cache import PRICES, facts
from tests.product import mood, recorded, write_config


@pytest.fixture
def config(tmp_path):
    return write_config(tmp_path, recorded(tmp_path, ANSWERS) + PRICES, mood(more="cache_seconds = 60"))


@asynccontextmanager
async def worker(config, key=""):
    """One of several: what it has kept is in the file when it has gone."""
    house = await House.open(Settings(config), several=True)
    try:
        key = await house.first_admin_key() or key
        yield Home(house, Client(App(house), key), config)
    finally:
        await house.close()


@pytest.mark.parametrize("asked", [{}, {"text": "hi", "model": "big"}])
@pytest.mark.parametrize("stream", [False, True])
async def test_another_worker_gives_the_same_answer_for_nothing(config, asked, stream):
    async with worker(config) as home:
        first = await home.client.chat(**asked, stream=stream)
        key, row = home.client.key, home.row(first)
    async with worker(config, key) as home:
        second = await home.client.chat(**asked, stream=stream)
        again = home.row(second)
        assert facts(second)["cache"] == "hit"
        assert (again.source, again.cost, again.answer) == ("cache", 0.0, row.answer)
        for name in ("rung", "release", "ladder_release", "top", "confidence", "text", "tenant"):
            assert getattr(row, name) == getattr(again, name), name
        if asked:
            assert second.body == first.body, "byte for byte"
        elif stream:
            assert second.events[-1] == "[DONE]"


async def test_an_edit_is_seen_by_who_has_not_made_it(config):
    async with worker(config) as home:
        assert (await home.client.chat()).json["choices"][0]["message"]["content"] == "good"
        key = home.client.key
    async with worker(config, key) as home:
        entry = {"key": "Fine day", "answer": "bad"}
        await home.client.send("PUT", "/admin/tasks/mood/dictionary", entry)
        assert (await home.client.chat()).json["choices"][0]["message"]["content"] == "bad"
    async with worker(config, key) as home:
        said = await home.client.chat()
        assert said.json["choices"][0]["message"]["content"] == "bad"
        assert facts(said)["cache"] == "hit", "after the edit was taken in they agree again"


async def test_between_an_edit_and_its_being_taken_in_nothing_is_shared(config):
    async with worker(config) as home:
        home.house.put_entry(home.house.gateway.snapshot.tasks["mood"].task, ("Rain", "good", "exact"), "me")
        await home.client.chat()
        key = home.client.key
    async with worker(config, key) as home:
        assert "cache" not in facts(await home.client.chat())


async def test_another_configuration_and_an_erasure_leave_nothing_behind(config):
    async with worker(config) as home:
        await home.client.chat(safety_identifier="ann")
        key = home.client.key
    config.write_text(config.read_text().replace("cache_seconds = 60", "cache_seconds = 61"))
    async with worker(config, key) as home:
        assert "cache" not in facts(await home.client.chat(safety_identifier="ann"))
    async with worker(config, key) as home:
        erased = await home.client.send(
            "POST", "/admin/subjects/erase", {"id": "ann"}, headers={"x-stepladder-purpose": "asked for"}
        )
        assert erased.status == 200
        await home.house.refresh()
        assert "cache" not in facts(await home.client.chat())
        assert "cache" not in facts(await home.client.chat(safety_identifier="ann"))


@pytest.mark.parametrize("privacy", ['personal = "redact"', 'sealing.key = "env:SEALING_KEY"'])
async def test_what_is_to_be_sealed_or_changed_before_it_is_on_a_disk_stays_in_memory(
    tmp_path, monkeypatch, privacy
):
    monkeypatch.setenv("SEALING_KEY", "ab" * 32)
    config = write_config(
        tmp_path,
        recorded(tmp_path, ANSWERS) + PRICES,
        mood(more="cache_seconds = 60"),
        f"[privacy]\n{privacy}\n",
    )
    async with worker(config) as home:
        await home.client.chat()
        assert facts(await home.client.chat())["cache"] == "hit"
    assert not (tmp_path / "stepladder-data" / "answers.db").exists()


async def test_an_answer_to_another_wording_too(tmp_path):
    config = write_config(tmp_path, recorded(tmp_path, semantic.ANSWERS) + PRICES, mood(more=semantic.KEPT))
    async with worker(config) as home:
        await home.client.chat(semantic.ONE)
        key = home.client.key
    async with worker(config, key) as home:
        opposite, same = await home.client.chat(semantic.OPPOSITE), await home.client.chat(semantic.SAME)
        assert "cache" not in facts(opposite) and semantic.said(opposite) == "bad"
        assert facts(same)["cache"] == "similar" and semantic.said(same) == "good"
