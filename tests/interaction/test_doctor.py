"""Looking a configuration and an installation over."""

import asyncio
import os
import re
import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from stepladder.core import CLIENT, Grant, Role, config
from stepladder.interaction.doctor import examine
from stepladder.interaction.layout import differences, lines
from stepladder.interaction.settings import Settings
from stepladder.store import Store
from tests.interaction.conftest import ANSWERS
from tests.interaction.shell import Shell
from tests.models.upstream_double import echo, upstream
from tests.product import mood, recorded, write_config

ONE = """
[models.big]
kind = "chat"
base_url = "http://127.0.0.1:1/v1"
model = "x"
api_key = "env:SOME_KEY"
[tasks.mood]
top = "big"
labels = ["good", "bad"]
"""


def test_what_is_laid_out_is_a_configuration_again():
    laid = lines(config.parse(ONE))
    again = config.parse("".join(f"{key} = {value}\n" for key, value in laid.items()))
    assert lines(again) == laid
    assert laid["models.big.api_key"] == '"env:SOME_KEY"'
    assert laid["tasks.mood.promise.target"] == "0.95"


PAGES = ("config", "plans", "tools", "chats")


@pytest.mark.parametrize("page", PAGES)
def test_so_is_every_configuration_in_the_documentation(page):
    text = (Path(__file__).parents[2] / "docs" / f"{page}.md").read_text(encoding="utf-8")
    blocks = re.findall(
        r"<!-- run by tests/interaction/test_config_page.py -->\n```toml\n(.*?)```", text, re.S
    )
    assert blocks
    for block in blocks:
        given = config.parse(block)
        again = config.parse("".join(f"{key} = {value}\n" for key, value in lines(given).items()))
        assert replace(again, hash="") == replace(given, hash="")


def test_differences_name_the_key_and_both_values():
    other = ONE.replace('"bad"', '"worse"') + "[tenants.acme.limits]\nbudget_day = 1.0\n"
    assert differences(config.parse(ONE), config.parse(other)) == [
        'tasks.mood.labels: ["good", "bad"] -> ["good", "worse"]',
        "tenants.acme.confidential: not there -> false",
        "tenants.acme.groups: not there -> []",
        "tenants.acme.limits.budget_day: not there -> 1.0",
        'tenants.acme.service: not there -> ""',
        "tenants.acme.tools: not there -> []",
        "tenants.acme.training: not there -> true",
    ]
    assert not differences(config.parse(ONE), config.parse(f"# a remark\n{ONE}"))


def test_a_password_in_an_address_is_shown_nowhere_and_its_change_is(monkeypatch, tmp_path):
    given = (
        ONE
        + '[ledger]\nurl = "postgresql+psycopg://bob:hunter2@db/x"\n'
        + '[models.big.headers]\nauthorization = "Bearer hunter2"\nx-team = "blue"\nx-api-key = "env:A"\n'
    )
    laid = lines(config.parse(given))
    assert "hunter2" not in str(laid)
    assert laid["ledger.url"] == '"postgresql+psycopg://bob:***@db/x"'
    told = [laid[f"models.big.headers.{name}"] for name in ("authorization", "x-team", "x-api-key")]
    assert told == ['"***"', '"blue"', '"env:A"']
    said = differences(config.parse(given), config.parse(given.replace("hunter2", "hunter3")))
    assert len(said) == 2 and "hunter" not in str(said), "the journal and the log have these lines"
    monkeypatch.setenv("LEDGER", "sqlite:///elsewhere.db")
    settings = Settings(tmp_path / "none.toml")
    assert settings.store_url(config.parse('[ledger]\nurl = "env:LEDGER"\n')) == "sqlite:///elsewhere.db"


def wrong(path):
    return {found.what: f"{found.wrong} {found.remedy}" for found in examine(Settings(path)) if found.wrong}


def test_a_healthy_installation_lacks_only_its_first_start(tmp_path):
    path = write_config(tmp_path, recorded(tmp_path, ANSWERS), mood())
    found = wrong(path)
    found.pop(next((what for what in found if what.startswith("Open files")), ""), None)
    found.pop(next((what for what in found if what.startswith("Space")), ""), None)
    assert set(found) == {"Keys: 0"}


def test_two_reviewers_are_wanted_and_fewer_persons_can_decide(tmp_path):
    path = write_config(tmp_path, recorded(tmp_path, ANSWERS), mood(), "[guards]\nreviewers = 2\n")
    assert any(what.startswith("Reviewers: 0 persons") for what in wrong(path))
    store = Store.open(f"sqlite:///{tmp_path / 'stepladder-data' / 'stepladder.db'}")
    for name in ("rita", "carl", "client"):
        store.keys.create(name, grant=CLIENT if name == "client" else Grant(Role.REVIEWER))
    store.keys.belong("client", "cleo")
    store.keys.belong("rita", "Ann")
    store.accounts.create("ann", Role.REVIEWER, "", "test")
    store.accounts.create("vera", Role.VIEWER, "", "test")
    found = {what: why for what, why in wrong(path).items() if what.startswith("Reviewers")}
    assert list(found) == ["Reviewers: 1 persons; nobody's keys: carl"]
    assert "key person" in str(found)
    store.keys.belong("carl", "bob")
    assert not any(what.startswith("Reviewers") for what in wrong(path))
    store.close()


def test_a_missing_secret_and_an_unknown_plugin_are_named(tmp_path):
    path = tmp_path / "stepladder.toml"
    path.write_text(ONE + '[models.odd]\nkind = "chet"\n')
    found = wrong(path)
    assert "export SOME_KEY" in found["Model big (chat)"]
    assert "Installed: " in found["Model odd (chet)"]


def test_a_broken_configuration_is_all_there_is_to_say(tmp_path):
    path = tmp_path / "stepladder.toml"
    path.write_text("[servre]")
    assert list(wrong(path)) == ["Configuration"]


@pytest.mark.skipif(os.name == "nt", reason="the file is in use there")
def test_a_damaged_database_is_found(tmp_path):
    path = write_config(tmp_path, recorded(tmp_path, ANSWERS), mood())
    wrong(path)
    file = tmp_path / "stepladder-data" / "stepladder.db"
    data = bytearray(file.read_bytes())
    data[4096 * 2 : 4096 * 6] = b"\x5a" * 4096 * 4
    file.write_bytes(bytes(data))
    assert "Database" in wrong(path)


async def test_servers_that_do_not_answer_are_named_and_those_that_do_are_not(tmp_path):
    async with upstream(echo) as server:
        port = urlsplit(server.url).port
        path = write_config(
            tmp_path,
            f"""
[models.there]
kind = "chat"
base_url = "{server.url}"
model = "x"
[models.half]
kind = "chat"
model = "x"
[[models.half.replicas]]
base_url = "{server.url}"
[[models.half.replicas]]
base_url = "http://127.0.0.1:1/v1"
""",
        )
        found = await asyncio.to_thread(wrong, path)
        assert "Nobody answers" in found["Model half: http://127.0.0.1:1/v1"]
        assert not [what for what in found if str(port) in what]
        assert not server.asked, "nothing is asked of them"


def test_guards_tools_and_the_journal_are_looked_at_too(tmp_path):
    path = write_config(
        tmp_path,
        recorded(tmp_path, ANSWERS),
        mood(),
        '[guards.personal]\naction = "hash"\nmode = "enforce"\n[tools.files]\nkind = "mpc"\n',
    )
    found = wrong(path)
    assert "guards.key" in found["Guards"] and "Installed: " in found["Tool files (mpc)"]
    with closing(sqlite3.connect(tmp_path / "stepladder-data" / "stepladder.db")) as connection, connection:
        connection.execute(
            "INSERT INTO journal (at, who, what, detail, before, digest) VALUES (1, 'x', 'y', 'z', 'a', 'b')"
        )
    assert "Journal" in wrong(path)


async def test_a_running_server_tells_what_is_wrong_with_it_and_a_stranger_is_told_apart(tmp_path):
    async with upstream(
        lambda asked: asked.say({"ready": False, "troubles": ["The disk is full."]})
    ) as server:
        path = write_config(tmp_path, recorded(tmp_path, ANSWERS), mood())
        ours = path.read_text().replace("port = 0", f"port = {urlsplit(server.url).port}")
        path.write_text(ours)
        found = await asyncio.to_thread(wrong, path)
        assert any("The disk is full." in said for said in found.values())
    async with upstream(lambda asked: asked.write(b"SSH-2.0-x\r\n")) as server:
        path.write_text(re.sub(r"port = \d+", f"port = {urlsplit(server.url).port}", ours))
        found = await asyncio.to_thread(wrong, path)
        assert any("Something else" in said for said in found.values())


@pytest.mark.parametrize(
    ("table", "named"), [('kind = "htp"', "'htp'"), ('kind = "http"\nulr = "http://x/"', "tools.find")]
)
def test_a_tool_that_cannot_be_opened_is_named(tmp_path, table, named):
    path = write_config(tmp_path, recorded(tmp_path, ANSWERS), mood(), f"[tools.find]\n{table}\n")
    assert [said for what, said in wrong(path).items() if what.startswith("Tool find") and named in said]


def test_the_command_line_checks_shows_and_compares_configurations(shell: Shell, tmp_path):
    assert shell("config", "check") == 0 and "is good. Its hash is " in shell.out
    assert shell("config", "show") == 0 and "traffic.ban_after = 30\n" in shell.out
    other = tmp_path / "other.toml"
    other.write_text((tmp_path / "stepladder.toml").read_text() + "\n[traffic]\nban_after = 7\n")
    assert shell("config", "diff", str(other)) == 1
    assert "traffic.ban_after" in shell.out and "30" in shell.out and "7" in shell.out
    assert shell("config", "diff", str(tmp_path / "stepladder.toml")) == 0
    other.write_text("[trafic]\n")
    assert shell("config", "diff", str(other)) == 2 and "traffic" in shell.err
