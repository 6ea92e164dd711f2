"""The house follows its store and its configuration, and keeps what it has when something is wrong."""

import asyncio
import os
from contextlib import asynccontextmanager

import pytest

from stepladder.core import ConfigError, Mode, Rollout, StoreError
from stepladder.interaction.compose import House
from stepladder.interaction.settings import Settings, embedded
from tests.product import mood, recorded, write_config


@asynccontextmanager
async def watching(house):
    watch = asyncio.create_task(house.watch())
    try:
        yield
    finally:
        watch.cancel()
        await asyncio.gather(watch, return_exceptions=True)


async def until(holds):
    for _ in range(500):
        if holds():
            return
        await asyncio.sleep(0.02)
    raise AssertionError("It never came true.")


async def test_what_another_process_changes_is_seen_within_a_second(home):
    async with watching(home.house):
        other = House(home.house.settings, home.house.gateway.snapshot.config, home.house.store)
        secret = other.store.keys.create("late")
        assert (await home.client.get("/v1/models", key=secret)).status == 200
        other.store.keys.revoke("late")
        for _ in range(60):
            if (await home.client.get("/v1/models", key=secret)).status == 401:
                return
            await asyncio.sleep(0.05)
    raise AssertionError("The key opens the door for ever.")


async def test_the_first_use_of_a_key_that_another_process_has_made_is_no_wrong_guess(home):
    other = House(home.house.settings, home.house.gateway.snapshot.config, home.house.store)
    secret = other.store.keys.create("late")
    said = await asyncio.gather(*(home.client.get("/v1/models", key=secret) for _ in range(50)))
    assert {response.status for response in said} == {200}


async def test_wrong_keys_that_come_together_cost_one_look_at_the_store(home, monkeypatch):
    store, looks = home.house.store, []
    stamp = store.stamp
    monkeypatch.setattr(store, "stamp", lambda: looks.append(1) or stamp())
    said = await asyncio.gather(*(home.client.get("/v1/models", key="sl-guess") for _ in range(60)))
    assert {response.status for response in said} == {401, 429}
    assert len(looks) <= 2


async def test_a_changed_configuration_is_taken_and_a_bad_one_is_not(home, tmp_path, caplog):
    gateway = home.house.gateway
    first = gateway.snapshot
    told = []
    home.house.changed.append(lambda: told.append(1))
    async with watching(home.house):
        home.config.write_text(
            home.config.read_text() + '\n[tasks.second]\ntop = "big"\nlabels = ["a", "b"]\n'
        )
        await until(lambda: "second" in gateway.snapshot.tasks)
        assert gateway.snapshot.models["big"] is first.models["big"], "an unchanged model stays open"
        assert gateway.snapshot.config.hash != first.config.hash
        good = gateway.snapshot
        home.config.write_text(home.config.read_text() + "\n[tasks.second.promis]\n")
        await until(lambda: "stays in force" in caplog.text)
        assert gateway.snapshot is good
        assert "promise" in caplog.text, "the nearest key is named"
    assert (await home.client.chat()).status == 200
    assert told == [1]


@pytest.mark.parametrize(
    ("more", "named"),
    [
        ("[ledger]\nretention_days = 3\n", "ledger.retention_days: 0.0 -> 3.0"),
        ('[privacy]\npersonal = "redact"\n', 'privacy.personal: "pass" -> "redact"'),
    ],
)
async def test_what_the_store_was_opened_with_is_named_where_it_has_changed(home, more, named):
    home.config.write_text(f"{home.config.read_text()}\n[conversations]\nkeep_days = 3\n{more}")
    refused = await home.client.send("POST", "/admin/reload")
    assert refused.status == 400
    assert named in refused.error["message"] and "keep_days" not in refused.error["message"]
    assert "Start the server anew" in refused.error["message"]


async def test_an_admin_may_have_it_read_again_and_is_told_what_changed(home):
    before = home.house.gateway.snapshot.config.hash
    home.config.write_text(home.config.read_text() + '\n[tasks.second]\ntop = "big"\nlabels = ["a", "b"]\n')
    taken = await home.client.send("POST", "/admin/reload")
    assert taken.status == 200 and taken.json["config"] == home.house.gateway.snapshot.config.hash != before
    assert any(line.startswith("tasks.second.") for line in taken.json["changed"])
    good = home.config.read_text()
    home.config.write_text(good.replace("[tasks.second]", "[tasks.second]\nlables = []"))
    refused = await home.client.send("POST", "/admin/reload")
    assert refused.status == 400 and "labels" in refused.error["message"]
    assert home.house.gateway.snapshot.config.hash == taken.json["config"]
    lines = [(line.who, line.what) for line in home.house.store.journal.latest()]
    assert lines.count(("server", "config")) == 1 and ("admin", "admin") in lines
    said = next(line.detail for line in home.house.store.journal.latest() if line.what == "config")
    assert said.startswith(f"{before} to {taken.json['config']}. ") and "tasks.second" in said


async def test_a_configuration_that_cannot_be_noted_is_not_in_force(home, monkeypatch):
    before = home.house.gateway.snapshot.config.hash
    home.config.write_text(home.config.read_text() + '\n[tasks.second]\ntop = "big"\nlabels = ["a", "b"]\n')

    def full(*_):
        raise StoreError("The database is in trouble: disk full.", remedy="Make room.")

    monkeypatch.setattr(home.house.store.journal, "note_once", full)
    refused = await home.client.send("POST", "/admin/reload")
    assert refused.status == 500 and "disk full" in refused.error["message"]
    assert home.house.gateway.snapshot.config.hash == before
    assert (await home.client.chat()).status == 200
    monkeypatch.undo()
    taken = await home.client.send("POST", "/admin/reload")
    assert taken.status == 200
    said = [line.detail for line in home.house.store.journal.latest() if line.what == "config"]
    assert [one.split(".")[0] for one in said] == [f"{before} to {taken.json['config']}"]


async def test_an_act_that_is_done_and_cannot_be_noted_is_told_of_and_noted_later(home, monkeypatch, caplog):
    journal, real = home.house.store.journal, home.house.store.journal.note

    def full(who, what, detail=""):
        if what == "admin":
            raise StoreError("The database is in trouble: disk full.", remedy="Make room.")
        real(who, what, detail)

    monkeypatch.setattr(journal, "note", full)
    told = await home.client.send("POST", "/admin/tasks/mood/mode", {"mode": "top"})
    assert (
        told.status == 500
        and "It is done" in told.error["message"]
        and "not in the journal yet" in caplog.text
    )
    assert home.house.store.switches.all() == {"mood": Mode.TOP}
    assert "1 acts are done and not in the journal yet." in await home.house.troubles()
    with pytest.raises(StoreError):
        home.house.noting.save()
    monkeypatch.undo()
    home.house.noting.save()
    home.house.noting.save()
    (line,) = [line for line in journal.latest() if line.what == "admin"]
    assert line.who == "admin" and line.detail.startswith(
        "POST /admin/tasks/{name}/mode (name=mood), done at "
    )
    assert not await home.house.troubles()


async def test_another_data_folder_is_not_taken_while_the_old_one_is_open(home, caplog):
    home.config.write_text(home.config.read_text().replace("[server]", '[server]\ndata = "elsewhere"'))
    assert not await home.house.reload()
    assert "server.data" in caplog.text
    assert (await home.client.chat()).status == 200


async def test_a_changed_model_is_opened_anew_and_the_old_one_stays_for_who_still_uses_it(home, tmp_path):
    before = home.house.gateway.snapshot.models["big"]
    closed = []
    before.close = lambda: closed.append(1)
    home.config.write_text(home.config.read_text().replace("delay_ms = 0", "delay_ms = 1"))
    assert await home.house.reload()
    assert home.house.gateway.snapshot.models["big"] is not before
    assert not closed
    del before.close


async def test_a_release_that_cannot_be_loaded_leaves_its_questions_to_the_top(home, caplog):
    home.house.store.rollouts.put(Rollout("mood", live="gone"), "test")
    await home.house.refresh()
    assert (await home.client.chat()).json["stepladder"]["rung"] == "big"
    assert "gone" in caplog.text
    ready = await home.client.get("/readyz", key=None)
    assert ready.status == 503 and "gone" in ready.json["troubles"][0]


async def test_rows_name_the_configuration_that_made_them(home):
    response = await home.client.chat()
    hash = home.house.gateway.snapshot.config.hash
    assert home.row(response).config_hash == hash != ""
    assert f'hash="{hash}"' in (await home.client.get("/metrics")).body.decode()


def test_without_a_file_it_is_this_machine_only(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    settings = Settings()
    assert settings.path is None
    assert settings.load() == embedded()
    assert settings.load().server.host == "127.0.0.1"
    assert settings.folder(embedded()) == tmp_path / "stepladder-data"
    assert not settings.changed()
    with pytest.raises(ConfigError):
        Settings(tmp_path / "nowhere.toml").load()


async def test_the_data_folder_lies_beside_the_configuration(home, tmp_path):
    assert (tmp_path / "stepladder-data" / "stepladder.db").exists()
    assert os.stat(tmp_path / "stepladder-data").st_mode & 0o077 == 0


async def test_a_data_folder_that_cannot_be_made_is_one_clear_error(tmp_path):
    (tmp_path / "file").write_text("")
    config = write_config(tmp_path, recorded(tmp_path, {}), mood(), server='data = "file/inside"')
    with pytest.raises(StoreError) as caught:
        await House.open(Settings(config))
    assert "file/inside" in caught.value.message and "server.data" in caught.value.remedy


async def test_an_unknown_rung_or_kind_lists_what_is_installed(tmp_path):
    config = write_config(tmp_path, recorded(tmp_path, {}), mood(more='rungs = ["linaer"]'))
    with pytest.raises(ConfigError, match="linear"):
        await House.open(Settings(config))


def test_a_file_is_another_one_when_it_has_been_looked_at_twice(config):
    settings = Settings(config)
    settings.load()
    assert not settings.changed()
    whole = config.read_text()
    config.write_text("")  # what a reader may see of a file that is being written
    assert not settings.changed()
    config.write_text(f"{whole}# more\n")
    assert not settings.changed()
    assert settings.changed() and settings.changed(), "until it is read"
    settings.load()
    assert not settings.changed()


def test_what_is_in_force_is_begun_with_and_the_file_is_read_only_afterwards(config):
    server = Settings(config)
    taken = server.load()
    server.folder(taken).mkdir()
    server.hold(taken)
    child = Settings(config, server.in_force(taken))
    assert child.load() == taken
    assert not child.changed() and not child.changed(), "it is what the file says"
    config.write_text("no configuration")
    child = Settings(config, server.in_force(taken))
    assert child.load() == taken and child.home == server.home
    assert not child.changed() and child.changed(), "another one is looked at once"
    with pytest.raises(ConfigError):
        child.load()
    assert not child.changed(), "and not again"
